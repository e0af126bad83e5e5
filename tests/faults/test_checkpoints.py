"""Checkpoints that something happened to: told, passed over, and never taken for whole."""

import fcntl
import os
import random
import shutil
import signal
import stat
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path

import pytest

from spectrans import HybridTransformer
from spectrans.training import Progress, RunSpec, Stopped, checkpoint, state, train
from spectrans.training.folders import FolderError, write_whole
from spectrans.training.lock import LOCK, locked
from tests.faults.tally import Tally
from tests.training.made import order_task

CHANCE = random.Random(0)
FILES = {
    "model.safetensors": CHANCE.randbytes(5_000),
    "optimizer.safetensors": CHANCE.randbytes(9_000),
    "progress.json": b'{"step": 2}',
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with two checkpoints."""
    for step in (1, 2):
        checkpoint.save(tmp_path, step, FILES, {"torch": "2"})
    return tmp_path


SPEC = RunSpec(plan="attention", steps=4, num_layers=1, hidden_dim=8, num_heads=2, batch_size=8)
TASK = order_task(40)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped after two steps, of which it saved each."""

    def watch(report: Progress) -> None:
        if report.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    folder = tmp_path_factory.mktemp("begun")
    with pytest.raises(Stopped):
        train(SPEC, TASK, watch, folder, save_every=1)
    return folder


@pytest.fixture(params=["of bytes", "of a run"])
def either(request: pytest.FixtureRequest, run: Path, begun: Path) -> Path:
    """A folder with two checkpoints, of made-up files or of those that a run has written."""
    if request.param == "of a run":
        shutil.rmtree(run)
        shutil.copytree(begun, run)
        names = {state.WEIGHTS, state.BEST, state.OPTIMISER, state.PROGRESS, state.TRAINER}
        assert {file.name for file in newest(run)} == names | {checkpoint.MANIFEST}
    return run


def newest(run: Path) -> list[Path]:
    return sorted((run / "checkpoints" / "000002").iterdir())


def passed_over(run: Path, name: str) -> None:
    """The checkpoint before is taken, and one sentence names the file."""
    found = checkpoint.survey(run)
    assert found.step == 1
    (fault,) = found.faults
    assert fault.startswith("000002 is damaged, ")
    assert name in fault


def test_a_file_that_was_cut_anywhere_is_named_and_the_checkpoint_before_is_taken(
    either: Path, tally: Tally
) -> None:
    for file in newest(either):
        whole = file.read_bytes()
        said = {checkpoint.MANIFEST: "manifest.json is not whole"}
        for part in range(64):
            file.write_bytes(whole[: part * len(whole) // 64])
            with tally.fault():
                passed_over(either, said.get(file.name, f"{file.name} has another size"))
        file.write_bytes(whole)
    assert checkpoint.survey(either).step == 2


def test_a_flipped_bit_anywhere_is_named_and_the_checkpoint_before_is_taken(
    either: Path, tally: Tally
) -> None:
    chance = random.Random(1)
    files = [file for file in newest(either) if file.name != checkpoint.MANIFEST]
    for _ in range(1000):
        file = chance.choice(files)
        content = bytearray(file.read_bytes())
        place = chance.randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
        whole = file.read_bytes()
        file.write_bytes(content)
        with tally.fault():
            passed_over(either, file.name)
        file.write_bytes(whole)


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before(
    begun: Path, tmp_path: Path, tally: Tally
) -> None:
    alone = train(SPEC, TASK)
    for place, file in enumerate(newest(begun)):
        folder = Path(shutil.copytree(begun, tmp_path / str(place)))
        damaged = folder / file.relative_to(begun)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content[:-1])
        reports: list[Progress] = []
        with tally.fault():
            assert train(SPEC, TASK, reports.append, folder).history == alone.history
        assert [report.step for report in reports] == [2, 3, 4]


def test_a_flipped_bit_in_the_manifest_is_told_or_changes_nothing_that_counts(
    run: Path, tally: Tally
) -> None:
    manifest = run / "checkpoints" / "000002" / checkpoint.MANIFEST
    whole = manifest.read_bytes()
    for place in range(8 * len(whole)):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        manifest.write_bytes(content)
        with tally.fault():
            # A letter of a note, or of the name of a note.
            if checkpoint.survey(run).step == 1:
                passed_over(run, "")
            else:
                assert checkpoint.damage(manifest.parent) is None
                assert b"torch" in whole[max(0, place // 8 - 12) : place // 8 + 8]
    assert tally.tried > 1000


LIES = {
    "another step": ('"step": 2', '"step": 1', "manifest.json belongs to another checkpoint"),
    "a path": ("progress.json", "../progress.json", "manifest.json names a file elsewhere"),
    "an absolute path": ("progress.json", "/etc/passwd", "manifest.json names a file elsewhere"),
    "a long name": ("progress.json", "p" * 5000, "manifest.json names a file elsewhere"),
    "no name": ("progress.json", "", "manifest.json names a file elsewhere"),
    "a size that is no number": ('"size": 11', '"size": "11"', "progress.json has another size"),
    "no object": ('{\n "format"', '[{\n "format"', "manifest.json is not whole"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), LIES.values(), ids=LIES)
def test_a_manifest_that_lies_is_passed_over(run: Path, old: str, new: str, sentence: str) -> None:
    manifest = run / "checkpoints" / "000002" / checkpoint.MANIFEST
    written = manifest.read_text()
    assert old in written
    manifest.write_text(written.replace(old, new))
    found = checkpoint.survey(run)
    assert found.step == 1
    assert found.faults[0].startswith(f"000002 is damaged, {sentence}")


def test_a_link_in_the_place_of_a_file_of_a_checkpoint_is_refused(run: Path) -> None:
    outside = run / "outside"
    shutil.move(run / "checkpoints" / "000002" / "progress.json", outside)
    (run / "checkpoints" / "000002" / "progress.json").symlink_to(outside)
    assert checkpoint.survey(run).faults == ("000002 is damaged, progress.json is a link",)


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [(True, r"must hold no link called \.lock"), (False, "symbolic links")],
    ids=["before", "only when it is opened"],
)
def test_a_link_in_the_place_of_the_lock_is_refused_and_what_it_leads_to_kept(
    run: Path, seen: bool, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = run / "precious.txt"
    precious.write_text("mine")
    (run / LOCK).symlink_to(precious)
    monkeypatch.setattr(Path, "is_symlink", lambda self: seen)
    with pytest.raises((FolderError, OSError), match=sentence), locked(run):
        pass
    assert precious.read_text() == "mine"


def test_a_lock_that_its_holder_removes_meanwhile_is_held_by_nobody_but_the_next(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = fcntl.flock

    def late(handle: int, how: int) -> None:
        (run / LOCK).unlink()
        (run / LOCK).write_text("another\n")
        take(handle, how)

    (run / LOCK).touch()
    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(FolderError, match="must not be in use, process unknown"), locked(run):
        pass
    assert (run / LOCK).read_text() == "another\n"


@pytest.mark.parametrize(
    "use",
    [
        checkpoint.survey,
        checkpoint.tidy,
        checkpoint.remove,
        lambda run: checkpoint.save(run, 3, FILES, {}),
    ],
    ids=["survey", "tidy", "remove", "save"],
)
def test_a_folder_of_checkpoints_that_is_a_link_is_refused(
    run: Path, use: Callable[[Path], object]
) -> None:
    elsewhere = run / "elsewhere"
    shutil.move(run / "checkpoints", elsewhere)
    (elsewhere / ".tmp-000009-1").mkdir()
    (run / "checkpoints").symlink_to(elsewhere)
    with pytest.raises(FolderError, match="must hold no link called checkpoints"):
        use(run)
    names = sorted(path.name for path in elsewhere.iterdir())
    assert names == [".tmp-000009-1", "000001", "000002"]


def save_model(folder: Path) -> None:
    HybridTransformer(hidden_dim=8, num_layers=1, num_heads=1).save_pretrained(folder)


def save_checkpoint(folder: Path) -> None:
    checkpoint.save(folder, 1, FILES, {})


def save_again(folder: Path) -> None:
    save_checkpoint(folder)
    save_checkpoint(folder)
    assert checkpoint.survey(folder).faults == ()


CHECKPOINT = "content content content content folder"


@pytest.mark.parametrize(
    ("write", "order"),
    [
        (lambda folder: write_whole(folder / "run.json", "{}"), "content name folder"),
        (save_checkpoint, f"{CHECKPOINT} name folder"),
        # What is replaced goes first, under another name.
        (save_again, f"{CHECKPOINT} name folder {CHECKPOINT} name name folder"),
        (save_model, "content content name name folder"),
    ],
    ids=["file", "checkpoint", "checkpoint again", "model"],
)
def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(
    write: Callable[[Path], object], order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, renames = os.fsync, {"rename": Path.rename, "replace": Path.replace}

    def synced(descriptor: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        sync(descriptor)

    def renamed(self: Path, target: Path, how: str) -> Path:
        seen.append("name")
        return renames[how](self, target)

    monkeypatch.setattr(os, "fsync", synced)
    for how in renames:
        monkeypatch.setattr(Path, how, partialmethod(renamed, how=how))
    write(tmp_path)
    assert " ".join(seen) == order
