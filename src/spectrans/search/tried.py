"""What a search found: one entry for each plan, and which of them no other beats."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import NonNegativeInt, PositiveInt, Strict

from spectrans.data import Dataset
from spectrans.options import Options
from spectrans.search.request import Search
from spectrans.tasks import AnyTask, Metric
from spectrans.training.folders import write_whole
from spectrans.training.record import DataRecord, read_json
from spectrans.training.run import versions

SEARCH = "search.json"
State = Literal["done", "stopped", "failed"]


class Seen(Options):
    """The rows that a search looks at, which are not those of the test split.

    Parameters
    ----------
    name
        As in tables.
    description
        One line for people.
    task
        What is answered.
    max_length
        Longest sequence.
    train
        Rows to train on.
    validation
        Rows to choose by.
    fingerprint
        Of the tokens and labels of both.
    """

    name: str
    description: str
    task: AnyTask
    max_length: PositiveInt
    train: PositiveInt
    validation: PositiveInt
    fingerprint: str

    @classmethod
    def of(cls, dataset: Dataset) -> "Seen":
        """Describe what `without_test` gives."""
        known = DataRecord.of(dataset)
        return cls(**{name: getattr(known, name) for name in cls.model_fields})


class Tried(Options):
    """One plan that was tried.

    Parameters
    ----------
    number
        From 1, in the order tried.
    plan
        Canonical layout.
    state
        "done"; "stopped" by the median rule; or "failed".
    validation
        Best of its evaluations on the validation rows; None where it failed.
    latency
        Median time of inference on longest rows, in times of attention of the same size.
    latency_low
        One round in ten was below.
    latency_high
        One round in ten was above.
    parameters
        Numbers that training changes.
    steps
        Optimiser steps done.
    seconds
        Time of training and evaluations.
    curve
        Optimiser steps before each evaluation, and what it found.
    reason
        Why it failed.
    """

    number: PositiveInt
    plan: str
    state: State
    validation: float | None = None
    latency: float | None = None
    latency_low: float | None = None
    latency_high: float | None = None
    parameters: PositiveInt | None = None
    steps: NonNegativeInt = 0
    seconds: float = 0.0
    curve: Annotated[tuple[Annotated[tuple[int, float], Strict(False)], ...], Strict(False)] = ()
    reason: str | None = None


class Found(Options):
    """A search, under way or at its end.

    Parameters
    ----------
    format
        Version of this layout.
    search
        What was asked for.
    data
        What was looked at.
    tried
        In the order tried.
    repeated
        How often a plan came up that had been tried.
    seconds
        Time of the search, that of earlier calls included.
    ended
        Why no more plans are tried; None while the search goes on.
    finalists
        Plans that were chosen on validation to be compared on the test rows.
    complete
        Whether that was done.
    versions
        Of spectrans, Python and the libraries that compute.
    """

    format: Literal["spectrans-found-1"] = "spectrans-found-1"
    search: Search
    data: Seen
    tried: Annotated[tuple[Tried, ...], Strict(False)] = ()
    repeated: NonNegativeInt = 0
    seconds: float = 0.0
    ended: str | None = None
    finalists: Annotated[tuple[str, ...], Strict(False)] = ()
    complete: bool = False
    versions: dict[str, str]

    @property
    def lead(self) -> Metric:
        """The figure that decides."""
        return self.data.task.lead

    @property
    def front(self) -> list[Tried]:
        """The plans of which no other is both better and faster, the fastest first."""
        return front(self.tried, self.lead)

    @classmethod
    def begun(cls, search: Search, dataset: Dataset) -> "Found":
        """Give a search that has tried nothing.

        Parameters
        ----------
        search
            What is asked for.
        dataset
            What it is to be tried on.

        Returns
        -------
        Found
            Without trials.
        """
        return cls(search=search, data=Seen.of(dataset), versions=versions())


def front(tried: Sequence[Tried], lead: Metric) -> list[Tried]:
    """Give the whole runs that no other beats in score and latency, the fastest first.

    Parameters
    ----------
    tried
        Any trials; those that were stopped or failed are left out.
    lead
        The figure that decides.

    Returns
    -------
    list of Tried
        Of several with the same score and latency, the first.
    """
    whole = [one for one in tried if one.state == "done"]
    order = sorted(whole, key=lambda one: (_latency(one), -_rank(one, lead), one.number))
    kept: list[Tried] = []
    for one in order:
        if not kept or _rank(one, lead) > _rank(kept[-1], lead):
            kept.append(one)
    return kept


def finalists(tried: Sequence[Tried], count: int, lead: Metric) -> list[Tried]:
    """Choose from the front: the best score, then those with most score for their latency.

    Parameters
    ----------
    tried
        Any trials.
    count
        Plans at most.
    lead
        The figure that decides.

    Returns
    -------
    list of Tried
        First the best on validation; then by how far a plan lies above the straight line from the
        fastest to the best one, of which the furthest is the knee of the front.
    """
    found = front(tried, lead)
    if not found or not count:
        return []
    fastest, best = found[0], found[-1]
    wide = _latency(best) - _latency(fastest) or 1.0
    high = _rank(best, lead) - _rank(fastest, lead) or 1.0

    def above(one: Tried) -> float:
        share = (_latency(one) - _latency(fastest)) / wide
        return (_rank(one, lead) - _rank(fastest, lead)) / high - share

    others = sorted(found[:-1], key=lambda one: (-above(one), -_rank(one, lead)))
    return [best, *others][:count]


def _latency(one: Tried) -> float:
    assert one.latency is not None, "measured before training"
    return one.latency


def _rank(one: Tried, lead: Metric) -> float:
    assert one.validation is not None, "what did not fail has it"
    return lead.rank(one.validation)


def save(found: Found, folder: Path) -> None:
    """Write `search.json`."""
    written = found.model_dump(mode="json")
    write_whole(folder / SEARCH, json.dumps(written, indent=2, ensure_ascii=False) + "\n")


def read(folder: Path) -> Found | None:
    """Read `search.json`; None where there is none."""
    path = folder / SEARCH
    return Found(**read_json(path)) if path.is_file() else None
