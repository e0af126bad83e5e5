"""The study of optuna behind a search: what to try next, and what was tried, kept in a file."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spectrans.disk import placing
from spectrans.search.space import Space
from spectrans.search.tried import Tried
from spectrans.tasks import Metric
from spectrans.training.crossover import REFERENCE

JOURNAL = "study.journal"
# Trials that are drawn by chance before optuna's sampler looks at what was found.
CHANCE = 10
# Plans that have been tried already, one after the other, until chance draws, and until the end.
_PATIENCE, _LAST = 20, 200
_KEPT = "tried-"


class Begun(NamedTuple):
    """A trial that has a plan and no result.

    Parameters
    ----------
    number
        Of optuna, which counts plans that came up again.
    place
        Among all plans, from 1.
    plan
        Canonical layout.
    """

    number: int
    place: int
    plan: str


def require_optuna() -> None:
    """Refuse to go on without optuna.

    Raises
    ------
    ModuleNotFoundError
        optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise ModuleNotFoundError(
            'search needs optuna: pip install "spectrans-hybrid[search]"', name="optuna"
        )


class Study:
    """Draws plans, each once, and remembers what came out.

    Parameters
    ----------
    folder
        Of the search, held by this process alone. A study that is there goes on.
    space
        Of all plans.
    seed
        Decides what is drawn.
    lead
        The figure that decides.
    """

    def __init__(self, folder: Path, space: Space, seed: int, lead: Metric) -> None:
        import optuna
        from optuna.storages import JournalStorage

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna: Any = optuna
        self.space, self.seed, self.lead = space, seed, lead
        path = folder / JOURNAL
        _mend(path)
        self.study: Any = optuna.create_study(
            storage=JournalStorage(_journal(path)),
            study_name="search",
            directions=["maximize", "minimize"],
            load_if_exists=True,
        )
        if not self.study.get_trials(deepcopy=False):
            for choices in space.starts():
                fixed = {"fixed": REFERENCE} if choices is None else None
                self.study.enqueue_trial(choices or {}, user_attrs=fixed)

    def left_over(self) -> list[Begun]:
        """Give the trials that an earlier process began and did not end."""
        states = self.optuna.trial.TrialState
        kept = self._kept()
        planned = [t for t in self.study.get_trials(deepcopy=False) if "plan" in t.user_attrs]
        found = []
        for place, trial in enumerate(planned, 1):
            if trial.state == states.RUNNING:
                begun = Begun(trial.number, place, trial.user_attrs["plan"])
                if trial.number in kept:
                    self._end(begun, kept[trial.number])
                else:
                    found.append(begun)
        for trial in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if "plan" not in trial.user_attrs:
                # Killed before it was known what to try; a first plan must not be lost.
                self.study.tell(trial.number, state=states.FAIL)
                choices = trial.system_attrs.get("fixed_params")
                if choices is not None:
                    self.study.enqueue_trial(choices, user_attrs=trial.user_attrs)
        return found

    def draw(self) -> Begun | None:
        """Draw a plan that was not tried; None where chance finds no more."""
        trials = self.study.get_trials(deepcopy=False)
        known = [t.user_attrs["plan"] for t in trials if "plan" in t.user_attrs]
        for attempt in range(_LAST):
            trial = self._ask(by_chance=attempt >= _PATIENCE)
            plan = trial.user_attrs.get("fixed") or self.space.suggest(trial)
            if plan not in known:
                trial.set_user_attr("plan", plan)
                return Begun(trial.number, len(known) + 1, plan)
            trial.set_user_attr("repeats", plan)
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        return None

    def _ask(self, by_chance: bool) -> Any:
        """Ask with a sampler of its own for each trial, so that a search goes on as it would."""
        number = len(self.study.get_trials(deepcopy=False))
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        samplers = self.optuna.samplers
        self.study.sampler = (
            samplers.RandomSampler(seed=seed)
            if by_chance
            else samplers.TPESampler(seed=seed, n_startup_trials=CHANCE)
        )
        return self.study.ask()

    def tell(self, begun: Begun, tried: Tried) -> None:
        """Keep what came out; a trial that was stopped counts with what it had reached."""
        # First of all, so that it is there whatever happens next.
        self.study.set_user_attr(f"{_KEPT}{begun.number}", tried.model_dump(mode="json"))
        self._end(begun, tried)

    def _end(self, begun: Begun, tried: Tried) -> None:
        if tried.validation is None or tried.latency is None:
            self.study.tell(begun.number, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(begun.number, [self.lead.rank(tried.validation), tried.latency])

    def tried(self) -> list[Tried]:
        """Give what came out, in the order in which plans were drawn."""
        return sorted(self._kept().values(), key=lambda one: one.number)

    def _kept(self) -> dict[int, Tried]:
        """Give what came out by optuna's numbers."""
        return {
            int(key.removeprefix(_KEPT)): Tried(**value)
            for key, value in self.study.user_attrs.items()
            if key.startswith(_KEPT)
        }

    def repeated(self) -> int:
        """Give how often a plan came up that had been tried."""
        return sum("repeats" in t.user_attrs for t in self.study.get_trials(deepcopy=False))


def _journal(path: Path) -> Any:
    """Give optuna's file of a study, which says where it is when the disk takes no more."""
    from optuna.storages.journal import JournalFileBackend

    class Journal(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            # What is written is each log as a line, in as few characters as JSON takes.
            lines = [json.dumps(log, separators=(",", ":")) for log in logs]
            with placing(path, sum(map(len, lines)) + len(lines)):
                super().append_logs(logs)

    with placing(path):
        return Journal(str(path))


def _mend(path: Path) -> None:
    """Clear away what a process that was killed while it wrote has left.

    Optuna refuses a journal in which anything follows on a line that is not whole, and waits half
    a minute for a lock that nobody holds.
    """
    lock = path.with_name(f"{path.name}.lock")
    if lock.is_symlink():
        lock.unlink()
    if path.is_file():
        whole = path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with path.open("r+b") as file:
                file.truncate(end)
