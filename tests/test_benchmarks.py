"""The benchmark times what the library has, and its table shows all of it."""

from benchmarks.cases import CASES, LENGTHS
from benchmarks.run import CONTROL, infer, table, time_length


def test_every_mixer_and_the_control_are_timed_and_shown() -> None:
    timings = time_length(LENGTHS[0], infer, rounds=2)
    names = [timing.mixer for timing in timings]
    assert names == [*CASES, CONTROL]
    assert all(timing.milliseconds > 0 for timing in timings)
    assert [line.split("  ")[0] for line in table(timings).splitlines()[1:]] == names
