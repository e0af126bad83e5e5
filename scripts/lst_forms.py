"""Which form of LST learns to look things up? The measurement behind its default.

    .venv/bin/python scripts/lst_forms.py

A row holds eight pairs of a key and a value, then one of the keys again; the class is its value.
Each mixer gets two layers of 64 channels, the same two learning rates, and three seeds at the rate
that was better with the first one. Accuracy is of 2,048 new rows; chance is 6.2 %.
"""

from statistics import mean

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from spectrans import HybridTransformer, MixerOptions
from spectrans.mixers import LST, Attention

PAIRS, KEYS, VALUES = 8, 16, 16
STEPS, ROWS, RATES, SEEDS = 1500, 64, (1e-3, 3e-3), (0, 1, 2)
FORMS = {"product": LST(), "gated": LST(form="gated"), "softmax attention": Attention()}


def lookups(rows: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw rows and the values that they ask for."""
    keys = torch.rand(rows, KEYS, generator=random).argsort(1)[:, :PAIRS]
    values = torch.randint(VALUES, (rows, PAIRS), generator=random)
    asked = torch.randint(PAIRS, (rows, 1), generator=random)
    pairs = torch.stack([keys, KEYS + values], dim=2).flatten(1)
    return torch.cat([pairs, keys.gather(1, asked)], dim=1), values.gather(1, asked)[:, 0]


def accuracy(mixer: MixerOptions, rate: float, seed: int) -> float:
    """Train a model and test it."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = HybridTransformer(
        vocab_size=KEYS + VALUES, hidden_dim=64, num_layers=2, num_heads=4, dropout=0.0,
        alternation_pattern="custom", layer_types=[mixer] * 2, num_classes=VALUES,
        output_type="sequence",
    )  # fmt: skip
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, STEPS)
    for _ in range(STEPS):
        ids, wanted = lookups(ROWS, random)
        optimiser.zero_grad()
        cross_entropy(model(ids)[:, -1], wanted).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    ids, wanted = lookups(2048, torch.Generator().manual_seed(1000 + seed))
    with torch.inference_mode():
        return (model.eval()(ids)[:, -1].argmax(1) == wanted).double().mean().item()


def main() -> None:
    """Print one line per mixer."""
    torch.set_num_threads(1)
    for name, mixer in FORMS.items():
        sweep = {rate: accuracy(mixer, rate, SEEDS[0]) for rate in RATES}
        rate = max(sweep, key=sweep.__getitem__)
        found = [sweep[rate], *(accuracy(mixer, rate, seed) for seed in SEEDS[1:])]
        shown = ", ".join(f"{100 * value:.1f}" for value in found)
        print(f"{name:18} {100 * mean(found):5.1f} %  ({shown}) at a rate of {rate:g}", flush=True)


if __name__ == "__main__":
    main()
