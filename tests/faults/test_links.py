"""Links and names that lead out of a folder: not followed, whether to read or to write."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import load
from spectrans.pretrained import load as load_weights
from spectrans.report.run import write_run_report
from spectrans.training import load_run
from spectrans.training.folders import write_whole
from tests.cli.made import make_run, write_lines


def classes(folder: Path) -> Path:
    """A folder of texts, four of each class."""
    for number in range(8):
        place = folder / ("good", "bad")[number % 2] / f"{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"text {number}")
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "secret.txt"
    path.write_text("mine")
    return path


@pytest.mark.parametrize("name", ["good/9.txt", "good/.hidden", "train.csv", "more"])
def test_a_link_out_of_a_folder_of_data_is_refused(name: str, tmp_path: Path, secret: Path) -> None:
    folder = classes(tmp_path / "set")
    (folder / name).symlink_to(secret.parent if name == "more" else secret)
    with pytest.raises(ValueError, match=rf"^set/{name} must lie in the folder, got a link to els"):
        load(folder)


def test_a_link_within_a_folder_of_data_is_followed(tmp_path: Path) -> None:
    folder = classes(tmp_path / "set")
    (folder / "good" / "9.txt").write_text("another")
    (folder / "bad" / "9.txt").symlink_to(folder / "good" / "0.txt")
    assert sum(map(len, (load(folder).train, load(folder).validation, load(folder).test))) == 10


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_read(kind: str, tmp_path: Path) -> None:
    folder = classes(tmp_path / "set")
    if kind == "pipe":
        os.mkfifo(folder / "good" / "9.txt")
    else:
        (folder / "good" / "9.txt").symlink_to("/dev/zero")
        with pytest.raises(ValueError, match="must lie in the folder"):
            load(folder)
        (folder / "good" / "9.txt").unlink()
    assert len(load(folder).train) == 4


def test_a_link_in_the_place_of_what_is_written_is_replaced(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "run.json").symlink_to(secret)
    write_whole(tmp_path / "run.json", "new")
    assert secret.read_text() == "mine"
    assert not (tmp_path / "run.json").is_symlink()


def test_a_report_writes_nothing_outside_of_its_folder(tmp_path: Path, secret: Path) -> None:
    rows = ({"text": f"{n:03d}", "label": "ab"[n % 2]} for n in range(40))
    make_run(tmp_path / "run", source=str(write_lines(tmp_path / "rows.jsonl", rows)))
    for name in ("report.html", "evidence.json", "data.json"):
        (tmp_path / "run" / name).symlink_to(secret.parent / f"{name}.new")
    (tmp_path / "run" / "figures").symlink_to(secret.parent)
    with pytest.raises(ValueError, match="figures must be a folder, got a link"):
        write_run_report(tmp_path / "run")
    (tmp_path / "run" / "figures").unlink()
    write_run_report(tmp_path / "run")
    assert [path.name for path in secret.parent.iterdir()] == ["secret.txt"]


def trap(path: Path, name: str) -> None:
    """An archive that says of itself that it unpacks to gigabytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        content = io.BytesIO()
        np.save(content, np.zeros(9, dtype=np.uint8))
        archive.writestr(f"{name}.npy", content.getvalue())
        archive.filelist[0].file_size = 3 << 30


def test_an_archive_that_unpacks_to_gigabytes_is_refused_wherever_one_is_read(
    tmp_path: Path,
) -> None:
    rows = ({"text": f"{n:03d}", "label": "ab"[n % 2]} for n in range(40))
    make_run(tmp_path / "run", source=str(write_lines(tmp_path / "rows.jsonl", rows)))
    trap(tmp_path / "run" / "splits.npz", "split")
    trap(tmp_path / "weights.npz", "a")
    trap(tmp_path / "rows.npz", "x")
    for read, what in ((load_run, "run"), (load_weights, "weights.npz"), (load, "rows.npz")):
        with pytest.raises(ValueError, match="must unpack to at most 100 times its size, got 3221"):
            read(tmp_path / what)
