"""Read pictures as sequences of patches: filters along the row, and filters on the grid.

The pictures are real handwritten digits at random places of a canvas of 16 x 16 pixels. Each is cut
in 8 x 8 patches of 2 x 2 pixels; a patch is a token of four numbers.

Run: python examples/images.py [epochs]
"""

import sys
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spectrans import HybridTransformer
from spectrans.data import Examples, load
from spectrans.data.baselines import baselines

SIDE, PATCH, BATCH = 16, 2, 32
GRID = [SIDE // PATCH] * 2
PLANS: dict[str, list[Any]] = {
    "filters on rows": [{"type": "gfnet"}] * 3,
    "filters on the grid": [{"type": "gfnet", "grid": GRID}] * 3,
    "attention": [{"type": "attention"}] * 3,
}


def patches(examples: Examples) -> tuple[Tensor, Tensor]:
    """Give the patches (b, n, 4), row by row, with values around 0, and the labels."""
    pixels = torch.from_numpy(np.stack(list(examples.tokens))).float() / 16
    image = pixels.unflatten(1, (SIDE, SIDE))[:, None]
    cut = nn.functional.unfold(image, PATCH, stride=PATCH).transpose(1, 2)
    return (cut - 0.1) / 0.3, torch.as_tensor(np.asarray(examples.labels))


def fit(model: nn.Module, x: Tensor, y: Tensor, epochs: int) -> None:
    """Train with AdamW and one cycle of the learning rate."""
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    steps = epochs * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH)[: len(x) // BATCH]:
            loss = nn.functional.cross_entropy(model(inputs_embeds=x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def main() -> None:
    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    data = load(f"digits{SIDE}")
    for found in baselines(data):
        print(f"{found.name:20} accuracy {found.value(data.task):.3f}")
    (x, y), (held, answers) = patches(data.train), patches(data.test)
    for name, plan in PLANS.items():
        torch.manual_seed(0)
        model = HybridTransformer(
            embedding_dim=PATCH**2, hidden_dim=64, num_layers=len(plan), num_heads=4,
            max_sequence_length=x.shape[1], ffn_hidden_dim=128, num_classes=10, dropout=0.0,
            alternation_pattern="custom", layer_types=plan,
        )  # fmt: skip
        start = time.perf_counter()
        fit(model, x, y, epochs)
        with torch.no_grad():
            right = (model(inputs_embeds=held).argmax(1) == answers).float().mean()
        print(f"{name:20} accuracy {right:.3f} after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
