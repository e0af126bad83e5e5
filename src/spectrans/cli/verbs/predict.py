"""Use a trained model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from spectrans.cli.pace import Pace
from spectrans.cli.sentences import Interrupted, refusing
from spectrans.cli.terminal import talk
from spectrans.cli.verbs.answers import check_out, writing
from spectrans.cli.verbs.inputs import windows
from spectrans.errors import must, unknown
from spectrans.tasks import MaskedLM, MultiLabel, Regression, Task
from spectrans.tasks.multilabel import THRESHOLD
from spectrans.training.compare import best_run
from spectrans.training.inputs import Input
from spectrans.training.predict import Asked, answer_windows
from spectrans.training.record import Run, load_run


def open_run(folder: Path, say: Console) -> Run:
    """Load the run of a folder, or the best one of a comparison, and say which."""
    chosen = best_run(folder)
    if chosen != folder:
        say.print(f"of the runs in {folder}, the best on validation: {chosen.name}", style="dim")
    return load_run(chosen)


def run(
    folder: Path,
    texts: list[str],
    file: Path | None,
    column: str | None,
    examples: list[int],
    top: int,
    probabilities: bool,
    thresholds: list[str],
    batch_size: int,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Answer what the command line names, in order, a line for each."""
    say = talk(quiet)
    with refusing():
        check_out(out)
        done = open_run(folder, say)
        data = done.record.data
        limits = _limits(data.task, thresholds)
        if probabilities and isinstance(data.task, (Regression, MaskedLM)):
            raise ValueError(must("--probabilities", "be left out for this task", data.task.kind))
        asked = Asked(top, probabilities, limits)
    # What is read on the way is refused as well; a fault of the model is none of the user's.
    given = _refused(windows(done, texts, file, column, examples))
    cut = 0
    pace = Pace(say)
    with _interruption(pace, out), pace, writing(out, data.task, as_json, say.print) as write:
        for one, answer in answer_windows(done, given, asked, batch_size):
            write(one, answer)
            cut += one.cut
            pace()
    if cut:
        say.print(f"{cut:,} rows were cut to the {data.max_length:,} tokens of training")
    if file is not None:
        say.print(f"{pace}{f', in {out}' if out else ''}", style="dim")


@contextmanager
def _interruption(pace: Pace, out: Path | None) -> Iterator[None]:
    """On Ctrl-C say what there is."""
    try:
        yield
    except KeyboardInterrupt:
        there = "" if out is None else f": {out} is written only when it is whole"
        raise Interrupted(f"interrupted after {pace.rows:,} rows{there}") from None


def _refused(given: Iterator[list[Input]]) -> Iterator[list[Input]]:
    with refusing():
        yield from given


def _limits(task: Task, thresholds: Sequence[str]) -> dict[str, float] | None:
    """Read thresholds: a number for all classes, or name=number for one."""
    if not thresholds:
        return None
    if not isinstance(task, MultiLabel):
        raise ValueError(
            must("--threshold", "be left out unless rows have several classes", task.kind)
        )
    limits = dict.fromkeys(task.labels, THRESHOLD)
    for given in sorted(thresholds, key=lambda one: "=" in one):
        name, _, number = given.rpartition("=")
        if name and name not in limits:
            raise ValueError(unknown("class", name, limits))
        try:
            limit = float(number)
        except ValueError:
            limit = float("nan")
        if not 0 <= limit <= 1:
            rule = "be a probability from 0 to 1, or class=probability"
            raise ValueError(must("--threshold", rule, given))
        limits |= {name: limit} if name else dict.fromkeys(limits, limit)
    return limits
