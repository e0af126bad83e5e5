"""Every mixer against attention, by row length: where does it begin to win?

Every batch holds as many tokens, so that a mixer whose cost is linear in the length takes the same
time at each.
"""

import torch

from benchmarks.case import Builder, Case, NoResult, Work
from benchmarks.cases.fourier import PASSES
from spectrans.mixers import MIXERS, Dims

FAMILY = "crossover"
TOKENS = 8192
WIDTH = 256
LENGTHS = (128, 256, 512, 1024, 2048, 4096, 8192)
TRAINED = (512, 2048, 8192)
BASELINE = "attention"


def mixer(name: str, step: str) -> Builder:
    def build(b: int, n: int, d: int) -> Work:
        module = MIXERS[name]().build(Dims(hidden_dim=d, num_heads=d // 64, max_sequence_length=n))
        return PASSES[step](module.eval(), torch.randn(b, n, d))

    return build


CASES = [
    Case(
        name=f"crossover {name} {step} n={n}",
        family=FAMILY,
        sizes={"b": TOKENS // n, "n": n, "d": WIDTH},
        ours=mixer(name, step),
        peer=mixer(BASELINE, step),
        against="our own exact attention",
        check=NoResult("they are different operators"),
        one_thread=True,
    )
    for step, lengths in (("forward", LENGTHS), ("forward+backward", TRAINED))
    for name in MIXERS
    if name != BASELINE
    for n in lengths
]
