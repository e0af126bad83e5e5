"""Processes that die at every single change that they make to files."""

import itertools
import json
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
from spectrans.training import checkpoint, load_run, save_run
from tests.cli.made import make_run
from tests.faults.points import dies
from tests.faults.tally import Tally

FILES = {"a.safetensors": bytes(3000), "b.json": b"{}"}


def deaths(
    before: Path, tally: Tally, body: Callable[[Path], object], every: int = 1
) -> Iterator[Path]:
    """Give copies of a folder in which a process died, each at a later change than the last."""
    for number in itertools.count(1, every):
        folder = before.parent / f"died-{number}"
        shutil.copytree(before, folder)
        if not dies(partial(body, folder), folder, number):
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


def save_model(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    HybridTransformer(hidden_dim=8, num_layers=2, num_heads=2).save_pretrained(folder)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_model_is_the_old_or_the_new_one_or_says_that_a_save_was_cut_short(
    tmp_path: Path, tally: Tally
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    save_model(before, 0)
    save_model(after, 1)
    told = 0
    for folder in deaths(before, tally, partial(save_model, seed=1)):
        if (weights(folder), (folder / "config.json").read_bytes()) in [
            (weights(one), (one / "config.json").read_bytes()) for one in (before, after)
        ]:
            from_pretrained(folder)
            continue
        told += 1
        with pytest.raises(ValueError, match="it was changed, damaged, or a save was cut short"):
            from_pretrained(folder)
    assert told == 1


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


def test_a_run_is_finished_or_not_wherever_the_process_that_saves_it_dies(
    finished: Path, tmp_path: Path, tally: Tally
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    for folder in deaths(before, tally, partial(save_again, source=finished)):
        if (folder / "run.json").exists():
            assert load_run(folder).record == load_run(finished).record
        checkpoint.tidy(folder)
        assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
        assert not {path.name for path in folder.iterdir()} - {p.name for p in finished.iterdir()}
    assert tally.tried >= 10


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


@pytest.mark.parametrize(
    "every", [7, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "each"]
)
def test_no_file_of_a_report_is_half_written_wherever_its_writer_dies(
    finished: Path, tmp_path: Path, tally: Tally, every: int
) -> None:
    before = Path(shutil.copytree(finished, tmp_path / "before"))
    whole = Path(shutil.copytree(finished, tmp_path / "whole"))
    write_run_report(whole)
    page = (whole / "report.html").read_bytes()
    for folder in deaths(before, tally, write_run_report, every):
        for file in folder.rglob("[!.]*"):
            is_whole(file)
        write_run_report(folder)
        assert (folder / "report.html").read_bytes() == page
        assert weights(folder) == weights(finished)
    assert tally.tried >= 3
