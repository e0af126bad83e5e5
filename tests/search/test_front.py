"""Which plans no other beats, and which of them are tested."""

from hypothesis import given
from hypothesis import strategies as st

from spectrans.search.tried import Tried, finalists, front
from spectrans.tasks import Metric
from tests.search.made import trial

SHARE = Metric(name="accuracy", title="accuracy")
ERROR = Metric(name="mae", title="error", percent=False, higher=False)
NUMBERS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=12)


def numbers(found: list[Tried]) -> list[int]:
    return [one.number for one in found]


@given(NUMBERS)
def test_the_front_is_what_no_other_beats(pairs: list[tuple[int, int]]) -> None:
    tried = [trial(k, score / 6, latency / 3) for k, (score, latency) in enumerate(pairs, 1)]

    def beaten(one: tuple[int, int]) -> bool:
        return any(
            score >= one[0] and latency <= one[1] and (score, latency) != one
            for score, latency in pairs
        )

    found = {pairs[one.number - 1] for one in front(tried, SHARE)}
    assert found == {pair for pair in pairs if not beaten(pair)}
    # Of equal ones the first.
    assert [pairs[k - 1] for k in numbers(front(tried, SHARE))] == sorted(found, key=lambda p: p[1])
    assert all(k == 1 + pairs.index(pairs[k - 1]) for k in numbers(front(tried, SHARE)))


@given(NUMBERS, st.integers(0, 5))
def test_finalists_are_of_the_front_and_the_best_is_the_first(
    pairs: list[tuple[int, int]], count: int
) -> None:
    tried = [trial(k, score / 6, latency / 3) for k, (score, latency) in enumerate(pairs, 1)]
    known = front(tried, SHARE)
    chosen = finalists(tried, count, SHARE)
    assert len(chosen) == min(count, len(known))
    assert set(numbers(chosen)) <= set(numbers(known))
    assert numbers(chosen)[:1] == numbers(known)[-1:][: len(chosen)]


def test_behind_the_best_comes_the_knee() -> None:
    tried = [trial(1, 0.1, 0.2), trial(2, 0.3, 0.4), trial(3, 0.8, 0.5), trial(4, 0.9, 1.0)]
    assert numbers(finalists(tried, 3, SHARE)) == [4, 3, 1]


def test_of_a_figure_that_should_be_low_the_lowest_is_the_best() -> None:
    tried = [trial(1, 0.1, 0.9), trial(2, 0.5, 0.5), trial(3, 0.9, 0.8)]
    assert numbers(front(tried, ERROR)) == [2, 1]


def test_what_was_stopped_or_failed_is_no_finalist() -> None:
    stopped = trial(1, 0.9, 0.1, state="stopped")
    failed = Tried(number=2, plan="lst", state="failed", reason="no memory")
    assert numbers(front([stopped, failed, trial(3, 0.2, 1.0)], SHARE)) == [3]
    assert finalists([stopped, failed], 3, SHARE) == []
