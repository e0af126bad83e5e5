"""When a trial is stopped: it does worse than half of the earlier ones that are as fast.

Optuna prunes studies of one objective only. Here a trial is stopped after an evaluation at which
the best of its scores so far is below the median of the best scores that earlier trials had at that
step. Only earlier trials whose plan is at least as fast count, so that a cheap plan is never
measured against a dear one, and only after a warm-up and with enough of them.
"""

from collections.abc import Sequence
from math import ceil
from statistics import median

from spectrans.search.tried import Tried
from spectrans.tasks import Metric

# Share of the steps in which no trial is stopped, and trials that a median needs.
WARM_UP = 0.3
FEWEST = 5
# Latencies that differ by less are alike.
ALIKE = 1.05


def floor(
    earlier: Sequence[Tried], latency: float, total_steps: int, lead: Metric
) -> dict[int, float]:
    """Give the ranks that a trial must have reached after some steps to go on.

    Parameters
    ----------
    earlier
        Trials that have ended.
    latency
        Of the plan, in times of attention.
    total_steps
        Of a whole run.
    lead
        The figure that decides.

    Returns
    -------
    dict of int to float
        Steps, and the rank, as of `Metric.rank`, below which the best evaluation ends the trial.
    """
    curves = [
        best_so_far(one, lead)
        for one in earlier
        if one.latency is not None and one.latency <= ALIKE * latency
    ]
    found = {}
    for step in sorted({step for curve in curves for step in curve}):
        ranks = [curve[step] for curve in curves if step in curve]
        if ceil(WARM_UP * total_steps) <= step < total_steps and len(ranks) >= FEWEST:
            found[step] = median(ranks)
    return found


def best_so_far(one: Tried, lead: Metric) -> dict[int, float]:
    """Give the best rank of a trial up to each of its evaluations."""
    found: dict[int, float] = {}
    best = float("-inf")
    for step, value in one.curve:
        best = max(best, lead.rank(value))
        found[step] = best
    return found
