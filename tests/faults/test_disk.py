"""Disks that are full or read-only: one sentence, and nothing that was written is lost."""

import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from spectrans import HybridTransformer, from_pretrained, spill
from spectrans.data import load, store
from spectrans.disk import Unwritable
from spectrans.report.run import write_run_report
from spectrans.training import Progress, RunSpec, checkpoint, load_run, save_run, train
from spectrans.training.compare import compare
from spectrans.training.comparison import Comparison
from spectrans.training.folders import write_whole
from spectrans.training.pool import Event, Finished
from tests.cli.command import inside, spectrans
from tests.cli.made import make_run, write_lines
from tests.faults.disks import Disk, exceed_quota, with_the_rights_of_others
from tests.training.made import order_task

SPEC = RunSpec(plan="attention", steps=12, num_layers=1, hidden_dim=8, num_heads=2, batch_size=8)
TASK = order_task(40)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts a disk"
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    found = Disk(place, 2**20)
    yield found
    found.unmount()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("disk")
    rows = ({"text": f"{n:03d}", "label": "ab"[n % 2]} for n in range(40))
    make_run(home / "run", source=str(write_lines(home / "rows.jsonl", rows)))
    return home / "run"


WHY = {
    "full": r"No space left on device, [\d,]{6,} bytes are needed and [\d,]+ bytes are free$",
    "forbidden": "Permission denied$",
    "quota": r"Disk quota exceeded, [\d,]{6,} bytes are needed$",
}


@pytest.mark.parametrize("state", WHY)
def test_a_run_whose_disk_takes_no_more_goes_on_once_it_does(
    disk: Disk, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk.place / "run"
    over = partial(exceed_quota, monkeypatch)
    stop: dict[str, Callable[[], None]]
    stop = {"full": disk.fill, "forbidden": disk.forbid, "quota": over}

    def watch(report: Progress) -> None:
        if report.step == 7:
            stop[state]()

    with pytest.raises(Unwritable) as found, with_the_rights_of_others():
        train(SPEC, TASK, watch, folder, save_every=2)
    assert re.match(WHY[state], str(found.value.strerror))
    assert found.value.filename == str(folder / "checkpoints/000008")
    assert checkpoint.survey(folder) == checkpoint.Survey(folder / "checkpoints/000006", 6)
    {"full": disk.free, "forbidden": disk.allow, "quota": monkeypatch.undo}[state]()
    done, alone = train(SPEC, TASK, folder=folder, save_every=2), train(SPEC, TASK)
    assert done.history == alone.history
    assert load_run(folder).record.metrics.test == alone.record.metrics.test


def test_a_run_that_cannot_be_saved_at_its_end_is_saved_later(disk: Disk) -> None:
    folder = disk.place / "run"

    def watch(report: Progress) -> None:
        if report.step == 12:
            disk.fill()

    with pytest.raises(OSError, match="No space left on device"):
        train(SPEC, TASK, watch, folder, save_every=2)
    assert not (folder / "run.json").exists()
    disk.free()
    train(SPEC, TASK, folder=folder, save_every=2)
    assert load_run(folder).history == train(SPEC, TASK).history


def whole(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_cannot_be_written_leaves_what_was_there(disk: Disk, finished: Path) -> None:
    folder = Path(shutil.copytree(finished, disk.place / "run"))
    write_run_report(folder)
    run = load_run(folder)
    disk.fill()
    before = whole(folder)
    for write in (
        lambda: write_run_report(folder),
        lambda: save_run(run, folder),
        lambda: HybridTransformer(hidden_dim=64).save_pretrained(folder),
        lambda: write_whole(folder / "README.md", "new" * 9999),
        lambda: run.model.config.save(folder / "config.json"),
    ):
        with pytest.raises(OSError, match="No space left on device"):
            write()
        assert whole(folder) == before
    assert from_pretrained(folder).config == run.model.config


COMMANDS = {
    "train": ("train", "--data", "{data}", "--steps", "1", "-o", "{disk}/new"),
    "compare": ("compare", "--data", "{data}", "--steps", "1", "-o", "{disk}/new"),
    "search": ("search", "--data", "{data}", "--steps", "1", "--trials", "1", "-o", "{disk}/new"),
    "report": ("report", "{disk}/run"),
    "predict": ("predict", "{disk}/run", "--file", "{data}", "-o", "{disk}/answers.csv"),
    "inspect": ("inspect", "{disk}/run", "--seconds", "0.01"),
    "sensitivity": ("sensitivity", "{disk}/run"),
    "bench": ("bench", "fourier", "--lengths", "8", "--layers", "1", "-o", "{disk}/new"),
    "export": ("export", "{disk}/run", "-o", "{disk}/exported"),
}
SAID = {
    "full": r"no space left on device, (at least )?[\d,]+ bytes are needed and [\d,]+ bytes are free",
    "read-only": "read-only file system",
    "quota": r"disk quota exceeded, (at least )?[\d,]+ bytes are needed",
    "forbidden": "permission denied",
}


@pytest.mark.parametrize(
    ("command", "state"),
    [
        pytest.param(
            command,
            state,
            id=f"{name}-{state}",
            # Every command meets a full disk every day, and one meets all that can be wrong.
            marks=[] if state == "full" or name == "report" else [pytest.mark.slow],
        )
        for name, command in COMMANDS.items()
        for state in SAID
    ],
)
def test_a_command_that_cannot_write_ends_with_3_and_one_sentence(
    disk: Disk,
    finished: Path,
    command: tuple[str, ...],
    state: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = Path(shutil.copytree(finished, disk.place / "run"))
    before = whole(folder)
    over = partial(exceed_quota, monkeypatch)
    stop: dict[str, Callable[[], None]]
    stop = {"full": disk.fill, "read-only": disk.close, "quota": over, "forbidden": disk.forbid}
    stop[state]()
    names = {"data": finished.parent / "rows.jsonl", "disk": disk.place}
    with with_the_rights_of_others():
        found = inside(monkeypatch, capfd, *(word.format(**names) for word in command))
    (last,) = found.err.splitlines()[-1:]
    assert found.code == 3
    assert re.match(rf"spectrans: {re.escape(str(disk.place))}/[\w/.]+: {SAID[state]}", last)
    assert "Traceback" not in found.err
    assert {name: content for name, content in whole(folder).items() if name in before} == before


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES], ids=["missing", "unreadable"])
def test_what_cannot_be_read_is_still_bad_input(
    code: int,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = finished.parent / f"{code}.jsonl"
    if code == errno.EACCES:
        shutil.copy(finished.parent / "rows.jsonl", data)
        data.chmod(0)
    with with_the_rights_of_others():
        found = inside(monkeypatch, capfd, "predict", finished, "--file", data)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert str(data) in found.err


@pytest.mark.slow
def test_a_disk_that_gets_full_under_a_comparison_ends_it_and_it_goes_on(disk: Disk) -> None:
    asked = Comparison(plans=("attention",), seeds=(0, 1), shared=SPEC)

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            disk.fill()

    with pytest.raises(Unwritable, match=r"bytes are needed and [\d,]+ bytes are free"):
        compare(asked, disk.place / "compared", TASK, 1, watch)
    disk.free()
    done = compare(asked, disk.place / "compared", TASK, 1)
    assert (done.done(), done.failures) == (2, {})


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("kept", ["tokens", "numbers"])
def test_rows_that_the_folder_for_temporary_files_does_not_take_are_refused(
    disk: Disk, finished: Path, kept: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*{"tokens": (store, "LIMIT", 16), "numbers": (spill, "FEW", 16)}[kept])
    monkeypatch.setattr(tempfile, "tempdir", str(disk.place))
    {"full": disk.fill, "read-only": disk.close}[state]()
    room = r"No space left on device, (at least )?[\d,]+ bytes are needed and [\d,]+ bytes are free"
    why = {"full": room, "read-only": "Read-only file system"}[state]
    with pytest.raises(Unwritable, match=f"{why}; TMPDIR names another folder") as found:
        load(finished.parent / "rows.jsonl")
    assert found.value.filename == str(disk.place)


@pytest.mark.parametrize(
    "command",
    [("data", "check", "{data}"), ("evaluate", "{run}"), ("inspect", "{run}")],
    ids=["check", "evaluate", "inspect"],
)
def test_a_folder_for_temporary_files_that_is_full_is_no_bad_input(
    disk: Disk,
    finished: Path,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(store, "LIMIT", 16)
    monkeypatch.setattr(tempfile, "tempdir", str(disk.place))
    disk.fill()
    names = {"data": finished.parent / "rows.jsonl", "run": finished}
    found = inside(monkeypatch, capfd, *(word.format(**names) for word in command))
    assert (found.code, found.out, found.err.count("\n")) == (3, "", 1)
    assert found.err.endswith("; TMPDIR names another folder for temporary files\n")


def test_an_array_that_a_disk_does_not_take_is_an_error_and_no_crash(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(disk.place))
    with pytest.raises(OSError, match="No space left on device"):
        spill.room(2**22, np.uint8)[:] = 1


def test_a_run_on_a_disk_that_is_read_only_answers_all_the_same(disk: Disk, finished: Path) -> None:
    shutil.copytree(finished, disk.place / "run")
    disk.close()
    found = spectrans("predict", disk.place / "run", "001")
    assert (found.code, found.err) == (0, "")
    assert found.out == spectrans("predict", finished, "001").out
