"""Processes that die at every single change that they make to files."""

import itertools
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from spectrans import HybridTransformer, from_pretrained
from spectrans.report.run import write_run_report
from spectrans.training import checkpoint, load_run, save_run, state
from tests.cli.made import make_run
from tests.faults.points import dies, takes
from tests.faults.tally import Tally

# As a checkpoint has them: tensors behind a header, and text.
TENSORS = {name: torch.rand(5, 20) for name in ("ffn.up.weight", "mixer.weight", "norm.weight")}
FILES = {"a.safetensors": state.to_tensors(TENSORS), "b.json": b'{"step": 1}'}


def ends_of_tensors() -> list[int]:
    """Where the header of the weights ends, and each tensor."""
    content = FILES["a.safetensors"]
    header = int.from_bytes(content[:8], "little")
    ends = [entry["data_offsets"][1] for entry in json.loads(content[8 : 8 + header]).values()]
    return [8 + header + end for end in (0, *sorted(ends))]


def deaths(
    before: Path,
    tally: Tally,
    body: Callable[[Path], object],
    every: int = 1,
    written: int | None = None,
) -> Iterator[Path]:
    """Give copies of a folder in which a process died, each at a later change than the last.

    With a number of bytes, each when it had written these of a later file than the last.
    """
    for number in itertools.count(1, every):
        folder = before.parent / f"died-{number}"
        shutil.copytree(before, folder)
        if not dies(partial(body, folder), folder, number, written):
            return
        with tally.fault():
            yield folder
        shutil.rmtree(folder)


def save(folder: Path, step: int) -> None:
    checkpoint.save(folder, step, FILES, {})


def test_a_checkpoint_is_whole_or_not_there_wherever_its_writer_dies(
    tmp_path: Path, tally: Tally
) -> None:
    before = tmp_path / "before"
    for step in (1, 2):
        save(before, step)
    for folder in deaths(before, tally, partial(save, step=3)):
        found = checkpoint.survey(folder)
        assert found.step in (2, 3)
        assert not [fault for fault in found.faults if "damaged" in fault]
        # Older ones, too: what is deleted loses its name first.
        named = (folder / "checkpoints").glob("[0-9]*")
        assert [path.name for path in named if checkpoint.damage(path)] == []
        checkpoint.tidy(folder)
        save(folder, 4)
        assert checkpoint.survey(folder) == checkpoint.Survey(folder / "checkpoints/000004", 4)
        names = sorted(path.name for path in (folder / "checkpoints").iterdir())
        assert names in (["000002", "000004"], ["000003", "000004"])
    # Two folders, three files with their contents, two renamings and what is deleted.
    assert tally.tried >= 8


# Of three kilobytes: before, within and behind the header, within and behind each tensor.
@pytest.mark.parametrize(
    "written",
    [
        0,
        *(pytest.param(end - 1, id=f"before {end}") for end in ends_of_tensors()),
        *(pytest.param(end - 200, id=f"within {end}") for end in ends_of_tensors()[1:]),
    ],
)
def test_a_checkpoint_of_which_a_file_was_written_in_part_is_half_written(
    written: int, tmp_path: Path, tally: Tally
) -> None:
    before = tmp_path / "before"
    for step in (1, 2):
        save(before, step)
    for folder in deaths(before, tally, partial(save, step=3), written=written):
        found = checkpoint.survey(folder)
        assert found.step == 2
        (fault,) = found.faults
        assert re.fullmatch(r"\.tmp-000003-\d+ is half written", fault)
        (scratch,) = (folder / "checkpoints").glob(".tmp-*")
        assert max(file.stat().st_size for file in scratch.iterdir()) >= written
        checkpoint.tidy(folder)
        save(folder, 4)
        assert checkpoint.survey(folder) == checkpoint.Survey(folder / "checkpoints/000004", 4)
    assert tally.tried >= 1


def save_model(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    HybridTransformer(hidden_dim=8, num_layers=2, num_heads=2).save_pretrained(folder)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


# Before a change, or when a file has so many bytes: then it has not its place yet.
@pytest.mark.parametrize(("written", "mixed"), [(None, 1), (0, 0), (1000, 0)])
def test_a_model_is_the_old_or_the_new_one_or_says_that_a_save_was_cut_short(
    written: int | None, mixed: int, tmp_path: Path, tally: Tally
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    save_model(before, 0)
    save_model(after, 1)
    told = 0
    for folder in deaths(before, tally, partial(save_model, seed=1), written=written):
        if (weights(folder), (folder / "config.json").read_bytes()) in [
            (weights(one), (one / "config.json").read_bytes()) for one in (before, after)
        ]:
            from_pretrained(folder)
            continue
        told += 1
        with pytest.raises(ValueError, match="it was changed, damaged, or a save was cut short"):
            from_pretrained(folder)
    assert told == mixed
    assert tally.tried >= 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not trained."""
    home = tmp_path_factory.mktemp("points")
    rows = [{"text": f"{n:03d} {'red' if n % 2 else 'blue'}", "label": n % 2} for n in range(40)]
    source = home / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    make_run(home / "run", source=str(source))
    return home / "run"


def save_again(folder: Path, source: Path) -> None:
    save_run(load_run(source), folder)


@pytest.mark.parametrize(
    ("written", "least"),
    [(None, 10), (1000, 8), *(pytest.param(n, 8, marks=pytest.mark.slow) for n in (0, 100))],
)
def test_a_run_is_finished_or_not_wherever_the_process_that_saves_it_dies(
    written: int | None, least: int, finished: Path, tmp_path: Path, tally: Tally
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for folder in deaths(before, tally, partial(save_again, source=finished), written=written):
        if (folder / "run.json").exists():
            assert load_run(folder).record == load_run(finished).record
        checkpoint.tidy(folder)
        assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
        assert not {path.name for path in folder.iterdir()} - {p.name for p in finished.iterdir()}
    assert tally.tried >= least


def is_whole(file: Path) -> None:
    """Fail where a file is not all that it should be."""
    if file.suffix == ".png":
        with Image.open(file) as image:
            image.load()
    elif file.suffix == ".svg":
        ElementTree.fromstring(file.read_text("utf-8"))
    elif file.suffix == ".json":
        json.loads(file.read_text("utf-8"))
    elif file.suffix == ".html":
        assert file.read_text("utf-8").endswith("</html>\n")


def report(finished: Path, folder: Path) -> bytes:
    """Write the report of a copy of a run."""
    shutil.copytree(finished, folder)
    write_run_report(folder)
    return (folder / "report.html").read_bytes()


def is_as_before(folder: Path, finished: Path, page: bytes) -> None:
    """Fail where a file is not whole, or a report is not written as ever."""
    for file in folder.rglob("[!.]*"):
        is_whole(file)
    write_run_report(folder)
    assert (folder / "report.html").read_bytes() == page
    assert weights(folder) == weights(finished)


# Every so many changes, or files of which so many bytes are written.
@pytest.mark.parametrize(
    ("every", "written"),
    [
        pytest.param(7, None, id="some"),
        pytest.param(4, 300, id="some within"),
        pytest.param(1, None, id="each", marks=pytest.mark.slow),
        pytest.param(1, 0, id="each begun", marks=pytest.mark.slow),
        pytest.param(1, 300, id="each within", marks=pytest.mark.slow),
        pytest.param(1, 5000, id="each large within", marks=pytest.mark.slow),
    ],
)
def test_no_file_of_a_report_is_half_written_wherever_its_writer_dies(
    finished: Path, tmp_path: Path, tally: Tally, every: int, written: int | None
) -> None:
    before = Path(shutil.copytree(finished, tmp_path / "before"))
    page = report(finished, tmp_path / "whole")
    for folder in deaths(before, tally, write_run_report, every, written):
        is_as_before(folder, finished, page)
    assert tally.tried >= 3


@pytest.mark.slow
def test_no_file_of_a_report_is_half_written_whenever_its_writer_is_killed(
    finished: Path, tmp_path: Path, tally: Tally
) -> None:
    page = report(finished, tmp_path / "whole")
    first = Path(shutil.copytree(finished, tmp_path / "first"))
    whole, chance = takes(partial(write_run_report, first)), random.Random(0)
    while tally.tried < 20:
        folder = Path(shutil.copytree(finished, tmp_path / f"killed-{tally.tried}"))
        takes(partial(write_run_report, folder), chance.uniform(0, whole))
        with tally.fault():
            is_as_before(folder, finished, page)
