"""The filters of published vision models, as mixers of ours: GFNet, AFNO and FourCastNet.

Only the mixers are taken. The blocks around them have one residual addition where ours have two, or
add the mixer's input once more, so the rest of such a model would compute something else here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from spectrans.errors import must, some
from spectrans.mixers import AFNO, Dims, GFNet, Mixer, MixerOptions
from spectrans.mixers.grid import Grid
from spectrans.pretrained.report import Report
from spectrans.pretrained.source import Source

_GFNET = re.compile(r"(.*?)complex_weight")
_AFNO = re.compile(r"(.*?)w1")
_PARTS = ("w1", "b1", "w2", "b2")
_REST = re.compile(
    r"(patch_embed|pos_embed|blocks|layers|norm|norm\d|head|pre_logits|cls_token|gamma|mlp|conv"
    r"|backbone|block\d|attn)\b.*"
)


@dataclass(frozen=True)
class Kind:
    """One published filter.

    Parameters
    ----------
    name
        What the report calls it.
    read
        From a source, the names before its filters' weights and a grid to their mixers.
    weights
        From our names of a filter's weights to theirs.
    remarks
        What else to know.
    """

    name: str
    read: Callable[[Source, str, Grid | None], tuple[MixerOptions, Dims]]
    weights: Mapping[str, str]
    remarks: tuple[str, ...]


def _square(shape: tuple[int, ...]) -> Grid | None:
    """Give the grid of a filter `(h, f, d, 2)` if it is that of a square."""
    h, f = shape[:2]
    return (h, h) if h // 2 + 1 == f else None


def _gfnet(source: Source, above: str, grid: Grid | None) -> tuple[MixerOptions, Dims]:
    shape = tuple(source.tensors[f"{above}complex_weight"].shape)
    if len(shape) != 4 or shape[3] != 2:
        rule = "have the shape (height, width // 2 + 1, channels, 2)"
        raise ValueError(f"{source.name}: {must(f'{above}complex_weight', rule, shape)}")
    found = grid or _square(shape)
    if found is None:
        rule = f"be given as (height, width): a filter of {shape[:2]} belongs to no square"
        raise ValueError(must("grid", rule, None))
    if (found[0], found[1] // 2 + 1) != shape[:2]:
        rule = f"be that of a filter of {shape[:2]}, (height, width // 2 + 1)"
        raise ValueError(must("grid", rule, found))
    options = GFNet(grid=found)
    return options, Dims(hidden_dim=shape[2], max_sequence_length=found[0] * found[1])


def _afno(source: Source, above: str, grid: Grid | None) -> tuple[MixerOptions, Dims]:
    if grid is None:
        raise ValueError(must("grid", "be given as (height, width): AFNO's weights fit any", None))
    shape = tuple(source.tensors[f"{above}w1"].shape)
    if len(shape) != 4 or shape[0] != 2:
        rule = "have the shape (2, blocks, block size, width of the hidden layer)"
        raise ValueError(f"{source.name}: {must(f'{above}w1', rule, shape)}")
    kept = source.setting("hard_thresholding_fraction", 1.0)
    if kept != 1:
        raise ValueError(must("hard_thresholding_fraction", "be 1", kept))
    h, w = grid
    options = AFNO(
        num_blocks=shape[1],
        sparsity_threshold=float(source.setting("sparsity_threshold", 0.01)),
        mlp_ratio=shape[3] / shape[2],
        # Their code counts the frequencies of the height and keeps as many along the width.
        modes_seq=h // 2 + 1 if w // 2 > h // 2 else None,
        grid=grid,
    )
    return options, Dims(hidden_dim=shape[1] * shape[2], max_sequence_length=h * w)


_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (
        _GFNET,
        Kind(
            name="gfnet filters",
            read=_gfnet,
            weights={"filter": "complex_weight"},
            remarks=(
                "the mixers alone: a block of GFNet has one residual addition around filter and "
                "MLP, ours have two",
            ),
        ),
    ),
    (
        _AFNO,
        Kind(
            name="afno filters",
            read=_afno,
            weights={name: name for name in _PARTS},
            remarks=(
                "the mixers alone: the published filter adds its input to its answer, ours leaves "
                "that to the block",
                "on a grid that is wider than high those frequencies along the width are dropped "
                "that FourCastNet's code drops",
            ),
        ),
    ),
)


def kind_of(source: Source) -> tuple[Kind, list[str]] | None:
    """Give the kind of the filters that a source holds, and the names before their weights."""
    for pattern, kind in _KINDS:
        found = [match[1] for name in source.tensors if (match := pattern.fullmatch(name))]
        whole = [
            above
            for above in found
            if all(f"{above}{name}" in source.tensors for name in kind.weights.values())
        ]
        if whole:
            return kind, sorted(found, key=_by_number)
    return None


def _by_number(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def take(
    kind: Kind, aboves: list[str], source: Source, grid: Grid | None
) -> tuple[nn.ModuleList, Report]:
    """Make a mixer of every filter, in the order of the source.

    Parameters
    ----------
    kind
        What the filters are.
    aboves
        The names before their weights.
    source
        Weights.
    grid
        Height and width of the rows, where the weights do not say them.

    Returns
    -------
    tuple of ModuleList and Report
        The mixers, and what was read.

    Raises
    ------
    ValueError
        A filter that lacks a weight or has one of another shape, or weights of no such model.
    """
    read = {f"{above}{name}" for above in aboves for name in kind.weights.values()}
    missing = read - source.tensors.keys()
    if missing:
        raise ValueError(f"{source.name} must hold whole {kind.name}, {some(missing)} missing")
    rest = [name for name in source.tensors if name not in read]
    foreign = [name for name in rest if _REST.fullmatch(name) is None]
    if foreign:
        raise ValueError(f"{source.name} must hold a model with {kind.name}, {some(foreign)} not")
    mixers = [_mixer(kind, source, above, grid) for above in aboves]
    report = Report(
        source=source.name,
        kind=kind.name,
        architecture=source.architecture,
        model=type(mixers[0]).__name__,
        head="none",
        mapped={
            f"{number}.{ours}": ((f"{above}{theirs}",), "")
            for number, above in enumerate(aboves)
            for ours, theirs in kind.weights.items()
        },
        left=dict.fromkeys(rest, "not a mixer"),
        remarks=kind.remarks,
    )
    return nn.ModuleList(mixers).eval(), report


def _mixer(kind: Kind, source: Source, above: str, grid: Grid | None) -> Mixer:
    options, dims = kind.read(source, above, grid)
    mixer = options.build(dims)
    tensors: dict[str, Tensor] = {}
    for ours, value in mixer.state_dict().items():
        theirs = source.tensors[f"{above}{kind.weights[ours]}"]
        if theirs.shape != value.shape:
            rule = f"have shape {tuple(value.shape)}"
            name = f"{above}{kind.weights[ours]}"
            raise ValueError(f"{source.name}: {must(name, rule, tuple(theirs.shape))}")
        tensors[ours] = theirs.contiguous()
    mixer.load_state_dict(tensors, assign=True)
    return mixer
