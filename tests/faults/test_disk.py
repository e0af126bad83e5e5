"""Disks that are full or read-only: one sentence, and nothing that was written is lost."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spectrans import HybridTransformer, from_pretrained, spill
from spectrans.data import load, store
from spectrans.report.run import write_run_report
from spectrans.training import Progress, RunSpec, checkpoint, load_run, save_run, train
from spectrans.training.folders import write_whole
from tests.cli.command import spectrans
from tests.cli.made import make_run, write_lines
from tests.faults.disks import Disk
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


def test_a_run_whose_disk_gets_full_goes_on_once_there_is_room(disk: Disk) -> None:
    folder = disk.place / "run"

    def watch(report: Progress) -> None:
        if report.step == 7:
            disk.fill()

    with pytest.raises(OSError, match=r"No space left on device, [\d,]+ bytes are needed") as full:
        train(SPEC, TASK, watch, folder, save_every=2)
    assert str(full.value.filename).startswith(str(folder / "checkpoints"))
    assert checkpoint.survey(folder) == checkpoint.Survey(folder / "checkpoints/000006", 6)
    disk.free()
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
    "report": ("report", "{disk}/run"),
    "predict": ("predict", "{disk}/run", "--file", "{data}", "-o", "{disk}/answers.csv"),
    "export": ("export", "{disk}/run", "-o", "{disk}/exported"),
}


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_says_so_in_one_sentence(
    disk: Disk, finished: Path, command: tuple[str, ...], state: str
) -> None:
    folder = Path(shutil.copytree(finished, disk.place / "run"))
    before = whole(folder)
    {"full": disk.fill, "read-only": disk.close}[state]()
    names = {"data": finished.parent / "rows.jsonl", "disk": disk.place}
    found = spectrans(*(word.format(**names) for word in command))
    why = {"full": "no space left on device", "read-only": "read-only file system"}[state]
    (last,) = found.err.splitlines()[-1:]
    assert found.code in (1, 2)
    assert last.startswith("spectrans: ")
    assert why in last
    assert "Traceback" not in found.err
    assert {name: content for name, content in whole(folder).items() if name in before} == before


@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize("kept", ["tokens", "numbers"])
def test_rows_that_the_folder_for_temporary_files_does_not_take_are_refused(
    disk: Disk, finished: Path, kept: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*{"tokens": (store, "LIMIT", 16), "numbers": (spill, "FEW", 16)}[kept])
    monkeypatch.setattr(tempfile, "tempdir", str(disk.place))
    {"full": disk.fill, "read-only": disk.close}[state]()
    why = {"full": "No space left on device", "read-only": "Read-only file system"}[state]
    with pytest.raises(OSError, match=f"{why}; TMPDIR names another folder") as found:
        load(finished.parent / "rows.jsonl")
    assert found.value.filename == str(disk.place)


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
