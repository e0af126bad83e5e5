"""Time every mixer against attention: python -m benchmarks.run [--save NAME].

All mixers take turns in random order within a round, so that a slow moment of the machine hits all
of them, and a ratio is taken within its round. Attention runs twice per round: its ratio to itself
is the control, and another ratio inside the control's range says nothing.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.cases import BASELINE, CASES, HIDDEN_DIM, LENGTHS, NUM_HEADS, TOKENS, dims

RESULTS = Path(__file__).parent / "results"
CONTROL = f"{BASELINE} again"


@dataclass(frozen=True)
class Timing:
    """Median time of one mixer, and how many times faster than attention it is."""

    length: int
    step: str
    mixer: str
    milliseconds: float
    ratio: float
    ratio_low: float
    ratio_high: float


def infer(mixer: nn.Module, x: Tensor) -> None:
    with torch.inference_mode():
        mixer(x)


def train(mixer: nn.Module, x: Tensor) -> None:
    mixer(x.requires_grad_()).sum().backward()


def seconds(step: Callable[[nn.Module, Tensor], None], mixer: nn.Module, x: Tensor) -> float:
    start = time.perf_counter()
    step(mixer, x)
    return time.perf_counter() - start


def time_length(
    length: int, step: Callable[[nn.Module, Tensor], None], rounds: int
) -> list[Timing]:
    torch.manual_seed(0)
    contestants = {**CASES, CONTROL: CASES[BASELINE]}
    mixers = {name: options.build(dims(length)) for name, options in contestants.items()}
    x = torch.randn(TOKENS // length, length, HIDDEN_DIM)
    for mixer in mixers.values():
        step(mixer, x)
    order = list(mixers)
    shuffle = random.Random(0).shuffle
    times: dict[str, list[float]] = {name: [] for name in mixers}
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            times[name].append(seconds(step, mixers[name], x))
    return [summarise(name, length, step.__name__, times) for name in mixers]


def summarise(name: str, length: int, step: str, times: dict[str, list[float]]) -> Timing:
    ratios = [base / own for base, own in zip(times[BASELINE], times[name], strict=True)]
    low, *_, high = statistics.quantiles(ratios, n=10, method="inclusive")
    median = statistics.median
    return Timing(length, step, name, 1e3 * median(times[name]), median(ratios), low, high)


def table(timings: list[Timing]) -> str:
    """One row per mixer and one pair of columns per length: milliseconds, and times attention."""
    names = list(dict.fromkeys(t.mixer for t in timings))
    lines = ["".ljust(22) + "".join(f"n={length}".rjust(26) for length in LENGTHS)]
    for name in names:
        cells = [
            f"{t.milliseconds:8.2f} ms {t.ratio:5.2f} [{t.ratio_low:.2f}-{t.ratio_high:.2f}]"
            for t in timings
            if t.mixer == name
        ]
        lines.append(name.ljust(22) + "".join(cell.rjust(26) for cell in cells))
    return "\n".join(lines)


def commit() -> str:
    described = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(
        described, cwd=RESULTS.parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time every mixer against attention.")
    parser.add_argument("--rounds", type=int, default=15, help="turns of every mixer")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--save", metavar="NAME", help="write benchmarks/results/NAME.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{TOKENS} tokens per batch, hidden_dim {HIDDEN_DIM}, {NUM_HEADS} heads, float32, "
        f"{arguments.threads} thread(s), torch {torch.__version__}\n"
        "median time; times faster than attention [10 % and 90 % of rounds]"
    )
    results: list[Timing] = []
    for step in (infer, train):
        timings = [t for n in LENGTHS for t in time_length(n, step, arguments.rounds)]
        print(f"\n{step.__name__}\n{table(timings)}")
        results += timings
    if arguments.save:
        record = {
            "commit": commit(),
            "machine": platform.platform(),
            "processor": platform.processor(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": arguments.threads,
            "rounds": arguments.rounds,
            "tokens": TOKENS,
            "hidden_dim": HIDDEN_DIM,
            "num_heads": NUM_HEADS,
            "timings": [asdict(timing) for timing in results],
        }
        path = RESULTS / f"{arguments.save}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
