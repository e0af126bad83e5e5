"""Rows that are grids of tokens: token i stands at row i // w and column i % w."""

from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import BeforeValidator, PositiveInt
from torch import Tensor

from spectrans.errors import must

Grid = tuple[int, int]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # as JSON and YAML hold it


GridOption = Annotated[tuple[PositiveInt, PositiveInt] | None, BeforeValidator(_as_tuple)]


def check_tokens(argument: str, n: int, grid: Grid) -> None:
    """Refuse another number of tokens than the grid has."""
    if n != grid[0] * grid[1]:
        rule = f"be {grid[0] * grid[1]} for grid={grid}"
        raise ValueError(must(argument, rule, n))


def lowest(grid: Grid, count: int, device: torch.device) -> Float[Tensor, "h f 1 1"]:
    """Give 1 at frequencies below `count` on both axes, and 0 at the others."""
    h, w = grid
    down = torch.arange(h, device=device)
    down = torch.minimum(down, h - down)  # k and h - k are one frequency of two signs
    across = torch.arange(w // 2 + 1, device=device)
    kept = (down[:, None] < count) & (across < count)
    return kept[..., None, None].float()
