"""What the tests run in the place of a line that takes long, or that something has to stop."""

import re

# One case of the benchmarks that needs no other library.
_CASE = "--seconds 0.1 --filter 'gfnet forward n=512'"
SHORTER = (
    # A search takes one of these.
    (r"--(minutes|trials) \d+", "--trials 2"),
    (r"--(epochs|steps) \d+", "--steps 2"),
    (r"--seeds \d+", "--seeds 1"),
    (r"(spectrans compare(?!.*--seeds)(?!.*pathfinder).*)", r"\1 --seeds 1 --steps 2"),
    (r"( --lr [\d.]+)+", " --lr 0.004"),
    (r"pathfinder32\b", "'pathfinder32?train=64&validation=32&test=32' --seeds 1 --steps 2"),
    (r"train=10000", "train=200&validation=50&test=50"),
    (r"(benchmarks\.quality .*)", r"\1 --show"),
    (r"(benchmarks\.run.*)", rf"\1 {_CASE}"),
    # So short a run may find anything slower.
    (r"(.*--base main.*)", r"\1 || test $? = 1"),
    (r"(make bench\S*)", rf'\1 BENCH="{_CASE}"'),
    (r"(make demo)", r'\1 DEMO="--data digits --plan fourier --seeds 1 --steps 2"'),
    # These tests would begin again.
    (r"(make test)", r"PYTEST_ADDOPTS=tests/test_layout.py \1"),
)
# A server answers the line that it prints, and ends when it is told to.
_SERVED = (
    "{line} --port 0 > serve.log 2>&1 & "
    "until grep -q ends serve.log || ! kill -0 $!; do sleep 0.1; done; "
    'eval "$(grep ^curl serve.log)"; kill $!; wait $!'
)
# What a page goes on with has to be stopped first, while it learns.
STOPPED = (
    "spectrans train --data reviews.csv -o runs/reviews-001",
    "spectrans train --resume runs/reviews-001",
    "spectrans train --data reviews.csv -o runs/reviews-002 --nproc 2",
)
_STOP = (
    "{line} > train.log 2>&1 & "
    "until grep -q 'step [0-9]' train.log || ! kill -0 $!; do sleep 0.1; done; "
    'kill $!; wait $!; code=$?; cat train.log; test "$code" = 143'
)


def shorter(line: str, port: int) -> str:
    """Give what is run in the place of a line, with a port that is free."""
    line = re.sub(r"\s+# .*", "", line).replace("8321", str(port))
    for long, short in SHORTER:
        line = re.sub(long, short, line, flags=re.S)
    if line in STOPPED:
        clock = "" if "--resume" in line else " --minutes 0.3"
        return _STOP.format(line=line + clock)
    if line.startswith("spectrans serve") and not line.endswith("&"):
        return _SERVED.format(line=line)
    return line
