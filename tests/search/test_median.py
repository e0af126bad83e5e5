"""When a trial is stopped."""

import pytest

from spectrans.search.median import FEWEST, floor
from spectrans.search.tried import Tried
from spectrans.tasks import Metric
from tests.search.made import trial

SHARE = Metric(name="accuracy", title="accuracy")
ERROR = Metric(name="mae", title="error", percent=False, higher=False)
# Best so far after 10, 50 and 90 of 100 steps: 0.1, then a score of its own, then a little more; the
# mean is not the median.
EARLIER = [
    trial(k, 0.04 * k**2, latency=0.1 * k, curve=((10, 0.1), (50, 0.03 * k**2), (90, 0.04 * k**2)))
    for k in range(1, FEWEST + 1)
]


def test_a_trial_must_reach_the_median_of_the_earlier_ones_at_the_step() -> None:
    assert floor(EARLIER, 1.0, 100, SHARE) == pytest.approx({50: 0.27, 90: 0.36})


def test_nobody_is_stopped_before_the_warm_up_or_at_the_end() -> None:
    curves = [
        one.model_copy(update={"curve": ((29, 0.1), (30, 0.1), (100, 0.5))}) for one in EARLIER
    ]
    assert list(floor(curves, 1.0, 100, SHARE)) == [30]


def test_too_few_earlier_trials_stop_nobody() -> None:
    assert floor(EARLIER[1:], 1.0, 100, SHARE) == {}


def test_slower_plans_do_not_count() -> None:
    assert floor(EARLIER, 0.4, 100, SHARE) == {}
    assert floor(EARLIER, 0.48, 100, SHARE) != {}


def test_a_score_that_fell_counts_as_the_best_before() -> None:
    fallen = [one.model_copy(update={"curve": ((40, 0.5), (60, 0.1))}) for one in EARLIER]
    assert floor(fallen, 1.0, 100, SHARE) == {40: 0.5, 60: 0.5}


def test_of_a_figure_that_should_be_low_a_lower_one_is_better() -> None:
    assert floor(EARLIER, 1.0, 100, ERROR)[50] == pytest.approx(-0.1)


def test_a_trial_that_was_stopped_counts_as_far_as_it_came() -> None:
    stopped: list[Tried] = [
        one.model_copy(update={"state": "stopped", "curve": one.curve[:2]}) for one in EARLIER[:1]
    ]
    assert list(floor([*stopped, *EARLIER[1:]], 1.0, 100, SHARE)) == [50]


def test_a_trial_that_failed_before_it_was_measured_does_not_count() -> None:
    failed = Tried(number=9, plan="lst", state="failed", reason="no memory")
    assert floor([*EARLIER, failed], 1.0, 100, SHARE) == floor(EARLIER, 1.0, 100, SHARE)
