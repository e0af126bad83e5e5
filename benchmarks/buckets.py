"""Rows answered in a second, sorted by length and in order: python -m benchmarks.buckets."""

import sys
import time

import numpy as np
import torch

from spectrans.data import DataSpec, load
from spectrans.training import RunSpec, answers

PLANS = ("attention", "fourier", "3xgfnet,attention", "wavelet,attention")
ROWS, ROUNDS = 1024, 2


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec = DataSpec(source="languages512")
    dataset = load(spec)
    random = np.random.RandomState(0)
    lengths = random.randint(8, 513, ROWS)
    rows = [random.randint(97, 123, length).astype(np.uint8) for length in lengths]
    print(f"{ROWS:,} rows of 8 to 512 bytes, one thread")
    for plan in sys.argv[1:] or PLANS:
        model = RunSpec(plan=plan, data=spec).build(dataset)
        best = {True: 0.0, False: 0.0}
        for _ in range(ROUNDS):
            for bucketed in best:
                start = time.perf_counter()
                answers(model, dataset.task, dataset.encoding, rows, bucketed=bucketed)
                passed = time.perf_counter() - start
                best[bucketed] = max(best[bucketed], ROWS / passed)
        ratio = best[True] / best[False]
        print(f"{plan:20} {best[True]:6,.0f} rows/s, {best[False]:6,.0f} in order, {ratio:.2f}x")


if __name__ == "__main__":
    main()
