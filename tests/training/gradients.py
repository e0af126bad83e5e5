"""The gradients of every step of a run, in float64 and in as many processes as it is started in.

Run: python -m torch.distributed.run --nproc-per-node 2 -m tests.training.gradients out.pt
"""

import sys
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from spectrans.processes import count, is_main
from spectrans.training import train
from tests.training.made import order_task
from tests.training.stops import hidden_tokens, spec

# Two epochs of three steps. Eight or nine rows are shared out to one or four passes, and the last
# step of an epoch has few: where there are three for four passes, one has nothing but a filler.
SETTINGS: dict[str, Any] = {
    "steps": 6, "dropout": 0.0, "max_grad_norm": 1e9, "precision": "float32",
}  # fmt: skip
KINDS = {
    "six in the last": (spec(**SETTINGS, batch_size=12, class_weights="balanced"), order_task(30)),
    "three in the last": (spec(**SETTINGS, batch_size=9), order_task(21, shortest=5)),
    "hidden tokens": (spec(**SETTINGS, batch_size=18), hidden_tokens()),
}


def gradients(kind: str, parts: int) -> list[list[torch.Tensor]]:
    """Train, and give the gradients of all weights before each step."""
    asked, task = KINDS[kind]
    found: list[list[torch.Tensor]] = []

    def look(optimiser: torch.optim.Optimizer, *call: object) -> None:
        groups = optimiser.param_groups
        found.append([weight.grad.clone() for group in groups for weight in group["params"]])

    torch.set_default_dtype(torch.float64)
    hook = register_optimizer_step_pre_hook(look)
    train(asked.model_copy(update={"accumulate": parts}), task)
    hook.remove()
    torch.set_default_dtype(torch.float32)
    return found


def main() -> None:
    found = {kind: gradients(kind, 2) for kind in KINDS}
    assert count() == 2
    if is_main():
        torch.save(found, sys.argv[1])


if __name__ == "__main__":
    main()
