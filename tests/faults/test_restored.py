"""Checkpoints that are whole, and not what the run saved: refused before a step is done."""

import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor

from spectrans import HybridTransformer
from spectrans.training import checkpoint, restored, sharded, state, train
from spectrans.training.begun import read_begun
from tests.cli.command import spectrans
from tests.faults.tally import Tally
from tests.fuzz.spoilt import changed, fuzz, spoilt
from tests.released.write import BEGUN, HOME

STEP = "000008"
Tensors = dict[str, Tensor]


def rewritten(folder: Path, name: str, content: bytes) -> None:
    """Put a file into the checkpoint of a run, with a manifest that says so."""
    place = folder / "checkpoints" / STEP
    manifest = json.loads((place / checkpoint.MANIFEST).read_text("utf-8"))
    files = {file: (place / file).read_bytes() for file in manifest["files"]} | {name: content}
    checkpoint.save(folder, int(STEP), files, {"torch": "2"})


def tensors(change: Callable[[Tensors], Any]) -> Callable[[bytes], bytes]:
    """A change of a file of tensors."""

    def apply(content: bytes) -> bytes:
        found = load(content)
        change(found)
        return save({name: tensor.contiguous() for name, tensor in found.items()})

    return apply


def plain(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """A change of a file of plain data."""

    def apply(content: bytes) -> bytes:
        found = json.loads(content)
        change(found)
        return json.dumps(found).encode()

    return apply


def last(found: Tensors) -> str:
    return sorted(found)[-1]


def moment(found: Tensors, name: str) -> str:
    return next(key for key in sorted(found) if key.endswith(f"|{name}") and found[key].ndim < 2)


def at(*path: Any, value: Any) -> Callable[[Any], None]:
    """A change of the value at a place."""

    def change(found: Any) -> None:
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return change


WEIGHTS: dict[str, Callable[[Tensors], Any]] = {
    "one is missing": lambda found: found.pop(last(found)),
    "one more": lambda found: found.update(more=torch.zeros(2)),
    "another shape": lambda found: found.update({last(found): torch.zeros(2, 9)}),
    "another type": lambda found: found.update({last(found): found[last(found)].half()}),
}
OPTIMISER: dict[str, Callable[[Tensors], Any]] = {
    "a moment of another shape": lambda f: f.update({moment(f, "exp_avg"): torch.zeros(1)}),
    "a moment as long, of another form": lambda f: f.update(
        {moment(f, "exp_avg_sq"): f[moment(f, "exp_avg_sq")].reshape(1, -1)}
    ),
    "no moment": lambda f: f.pop(moment(f, "exp_avg_sq")),
    "one moment more": lambda f: f.update({"0|more": torch.zeros(2)}),
    "whole numbers": lambda f: f.update(
        {moment(f, "exp_avg"): f[moment(f, "exp_avg")].to(torch.int64)}
    ),
    "many steps": lambda f: f.update({"0|step": torch.ones(3)}),
    "of a weight beyond the last": lambda f: f.update(
        {f"99|{name}": torch.ones(()) for name in ("step", "exp_avg", "exp_avg_sq")}
    ),
    "of a weight with another name": lambda f: f.update(
        {f"head|{name}": torch.ones(()) for name in ("step", "exp_avg", "exp_avg_sq")}
    ),
}
OWN = ("processes", 0, "random")
PROGRESS: dict[str, Callable[[Any], Any]] = {
    "no groups": at("groups", value=[]),
    "one group more": lambda found: found["groups"].append(found["groups"][0]),
    "a rate that is text": at("groups", 0, "lr", value="0.1"),
    "three betas": at("groups", 0, "betas", value=[0.9, 0.9, 0.9]),
    "a schedule that is a list": at("scheduler", value=[]),
    "a rate for no group": at("scheduler", "base_lrs", value=[0.1]),
    "a step of the schedule that is text": at("scheduler", "last_epoch", value="8"),
    "logged before the first step": at("logged", value=-1),
    "no process": at("processes", value=[]),
    "a loss that is text": at("processes", 0, "loss", value="1"),
    "no random numbers": at(*OWN, value={}),
    "few random numbers": lambda found: found["processes"][0]["random"]["python"][1].pop(),
    "random numbers that are text": at(*OWN, "python", value="abc"),
    "random numbers beyond 32 bits": at(*OWN, "numpy", 1, 0, value=2**40),
    "random bytes that are none": at(*OWN, "torch", value="xy"),
    "few random bytes": at(*OWN, "torch", value="00"),
    "a history that is text": at("watcher", "history", value="abc"),
    "a share that is text": at("watcher", "share", value="0.5"),
    "a best step that is none": at("watcher", "best_step", value=None),
    "scores of another form": at("watcher", "kept", value={"accuracy": 1}),
    "nothing to remember": lambda found: found.pop("watcher"),
    "something more to remember": at("watcher", "more", value=1),
}
TRAINER: dict[str, Callable[[Any], Any]] = {
    "another step": at("global_step", value=7),
    "a number of steps that is text": at("max_steps", value="12"),
    "something more": at("more", value=1),
}
CHANGES = {
    **{f"weights, {k}": (state.WEIGHTS, tensors(v)) for k, v in WEIGHTS.items()},
    **{f"best, {k}": (state.BEST, tensors(v)) for k, v in WEIGHTS.items()},
    **{f"optimiser, {k}": (state.OPTIMISER, tensors(v)) for k, v in OPTIMISER.items()},
    **{f"progress, {k}": (state.PROGRESS, plain(v)) for k, v in PROGRESS.items()},
    **{f"trainer, {k}": (state.TRAINER, plain(v)) for k, v in TRAINER.items()},
    "progress, a list": (state.PROGRESS, lambda _: b"[]"),
    "progress, no JSON": (state.PROGRESS, lambda _: b"{"),
    "trainer, a list": (state.TRAINER, lambda _: b"[1]"),
    "trainer, no JSON": (state.TRAINER, lambda _: b"{"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped after eight steps, in the folder of its data."""
    (release,) = HOME.glob("0.1.0")
    home = Path(shutil.copytree(release, tmp_path / "release"))
    monkeypatch.chdir(home)
    return Path(BEGUN)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        # They are read like the newest ones.
        pytest.param(*found, id=name, marks=[pytest.mark.slow] if found[0] == state.BEST else [])
        for name, found in CHANGES.items()
    ],
)
def test_a_checkpoint_that_the_run_did_not_save_is_refused_in_one_sentence(
    name: str, change: Callable[[bytes], bytes], folder: Path
) -> None:
    file = folder / "checkpoints" / STEP / name
    rewritten(folder, name, change(file.read_bytes()))
    assert checkpoint.survey(folder).step == 8
    reports: list[int] = []
    with pytest.raises(ValueError) as told:  # noqa: PT011 - the sentence is looked at below
        train(read_begun(folder).spec, None, lambda r: reports.append(r.step), folder)
    assert re.fullmatch(
        rf"{re.escape(str(file))} must be what this run saved, got another: [^\n]+; "
        rf"delete {STEP}, and the checkpoint before it counts",
        str(told.value),
    )
    assert reports == []
    assert file.exists()


def test_resuming_from_such_a_checkpoint_ends_with_2_and_works_from_the_one_before(
    folder: Path,
) -> None:
    place = folder / "checkpoints"
    shutil.copytree(place / STEP, place / "000009")
    manifest = json.loads((place / "000009" / checkpoint.MANIFEST).read_text("utf-8"))
    (place / "000009" / checkpoint.MANIFEST).write_text(json.dumps(manifest | {"step": 9}))
    words = ("train", "--resume", str(folder), "--quiet")
    refused = spectrans(*words, folder=Path.cwd())
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"spectrans: {place}/000009/trainer_state.json must be what this")
    shutil.rmtree(place / "000009")
    done = spectrans(*words, folder=Path.cwd())
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "examples", [200, pytest.param(4_000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
def test_a_spoilt_stand_of_a_run_is_read_or_refused(
    examples: int, folder: Path, tally: Tally
) -> None:
    place = folder / "checkpoints" / STEP
    torch.manual_seed(0)
    model = HybridTransformer(hidden_dim=4, num_layers=1, num_heads=1, vocab_size=4)
    inner = torch.optim.AdamW(model.parameters(), fused=True)
    torch.stack([parameter.sum() for parameter in model.parameters()]).sum().backward()
    inner.step()
    whole, groups = state.optimiser_files(inner.state_dict())
    stands = json.loads((place / state.PROGRESS).read_bytes()) | {"groups": groups}
    stands["processes"] = [{"random": {}, "loss": 0.5}]
    (place / state.OPTIMISER).write_bytes(whole)

    def read(content: bytes) -> None:
        (place / state.PROGRESS).write_bytes(content)
        found = restored.optimiser(place, restored.going(place), inner, model)
        sharded.set_optimiser(model, inner, found)

    watcher = changed(stands["watcher"]).map(partial(put, stands, "watcher"))
    group = changed(groups[0]).map(partial(put, stands, "groups"))
    fuzz(
        st.one_of(spoilt(json.dumps(stands).encode()), changed(stands), watcher, group),
        read, tally, examples,
    )  # fmt: skip


def put(stands: dict[str, Any], name: str, part: bytes) -> bytes:
    """Where a run stands, with another part."""
    inner = f"[{part.decode()}]" if name == "groups" else part.decode()
    rest = json.dumps({key: value for key, value in stands.items() if key != name})
    return f'{rest[:-1]}, "{name}": {inner}}}'.encode()
