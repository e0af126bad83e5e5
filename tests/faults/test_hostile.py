"""Folders from somebody who means harm: nothing in them is run, and nothing outside is touched."""

import io
import json
import pickle
import shutil
import struct
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

import spectrans.hf  # noqa: F401 - the Auto classes know our models from here on
from spectrans import HybridTransformer, from_pretrained
from spectrans.data import load
from spectrans.data.tokenizer import make
from spectrans.pretrained import load as load_weights
from spectrans.report.run import write_run_report
from spectrans.training import checkpoint, load_run, state, train
from spectrans.training.begun import read_begun
from tests.cli.made import make_run, write_lines
from tests.faults.tally import Tally
from tests.training.made import order_task
from tests.training.stops import spec, stop_after

SAVED = Path(__file__).parents[1] / "data" / "saved"


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def written(save: Callable[..., Any], *values: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(*values, file, **named) if values else save(file, **named)
    return file.getvalue()


BOMBS: dict[str, Callable[[Path], bytes]] = {
    "pickle": lambda canary: pickle.dumps(Bomb(canary), protocol=2),
    "torch": lambda canary: written(torch.save, {"a": Bomb(canary)}),
    "npz": lambda canary: written(np.savez, x=np.array([Bomb(canary)]), split=np.array([Bomb(canary)])),
    "python": lambda canary: f"open({str(canary)!r}, 'w')".encode(),
}  # fmt: skip


def a_model(folder: Path) -> None:
    HybridTransformer(hidden_dim=8, num_layers=1, num_heads=1).save_pretrained(folder)


def a_run(folder: Path) -> None:
    rows = ({"text": f"{n:03d} word", "label": "ab"[n % 2]} for n in range(40))
    source = write_lines(folder.parent / "rows.jsonl", rows)
    make_run(folder, source=str(source), tokenizer="bpe", vocab_size=300)
    write_run_report(folder)


def a_stopped_run(folder: Path) -> None:
    with suppress(Exception):
        train(spec(), order_task(40), stop_after(2), folder)
    assert checkpoint.survey(folder).newest


def go_on(folder: Path) -> None:
    """Go on from a checkpoint whose manifest was made to fit."""
    newest = sorted((folder / "checkpoints").iterdir())[-1]
    manifest = json.loads((newest / checkpoint.MANIFEST).read_text())
    for name in manifest["files"]:
        content = (newest / name).read_bytes()
        manifest["files"][name] = {"size": len(content), "sha256": sha256(content).hexdigest()}
    (newest / checkpoint.MANIFEST).write_text(json.dumps(manifest))
    train(read_begun(folder).spec, order_task(40), folder=folder)


def weights_of_transformers(folder: Path) -> None:
    a_run(folder)
    state = {"a": torch.zeros(2)}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "code.py").touch()
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config))


def foreign_weights(folder: Path) -> None:
    folder.mkdir()
    for name in ("pytorch_model.bin", "model.safetensors", "model.npz", "old.pt", "config.json"):
        (folder / name).touch()


def each_weights(folder: Path) -> None:
    for path in (folder, *folder.iterdir()):
        with suppress(ValueError, FileNotFoundError):
            load_weights(path)


def data_folder(folder: Path) -> None:
    shutil.copytree(SAVED, folder)
    for name in ("dataset.pkl", "loading.py", "test/dataset.pkl"):
        (folder / name).touch()


def tables(folder: Path) -> None:
    folder.mkdir()
    for ending in ("csv", "tsv", "jsonl", "npz", "ts", "txt", "parquet"):
        (folder / f"rows.{ending}").touch()


def each_table(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(ValueError):
            load(path)


def a_tokenizer(folder: Path) -> None:
    a_run(folder)
    for name in ("tokenizer.py", "tokenizer.model", "vocab.txt", "added_tokens.json"):
        (folder / name).touch()


DOORS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "model": (a_model, from_pretrained),
    "run": (a_run, load_run),
    "report": (a_run, write_run_report),
    "checkpoint": (a_stopped_run, go_on),
    "Auto class": (weights_of_transformers, AutoModelForSequenceClassification.from_pretrained),
    "weights": (foreign_weights, each_weights),
    "data folder": (data_folder, load),
    "data files": (tables, each_table),
    "tokenizer": (a_tokenizer, lambda folder: make(str(folder), None, ())),
}


# Half a minute each.
LONG = {"report", "checkpoint"}


@pytest.mark.parametrize(
    ("made", "use"),
    [
        pytest.param(*door, id=name, marks=[pytest.mark.slow] if name in LONG else [])
        for name, door in DOORS.items()
    ],
)
def test_a_program_in_the_place_of_any_file_is_never_run(
    made: Callable[[Path], None], use: Callable[[Path], object], tmp_path: Path, tally: Tally
) -> None:
    canary = tmp_path / "canary"
    made(tmp_path / "made")
    names = [
        p.relative_to(tmp_path / "made") for p in (tmp_path / "made").rglob("*") if p.is_file()
    ]
    for name in names:
        for bomb in BOMBS.values():
            folder = Path(shutil.copytree(tmp_path / "made", tmp_path / "bad"))
            (folder / name).write_bytes(bomb(canary))
            with tally.fault():
                with suppress(ValueError, TypeError, OSError):
                    use(folder)
                assert not canary.exists()
            shutil.rmtree(folder)
    assert tally.tried >= 4 * len(names) > 0


@pytest.mark.parametrize("bomb", ["pickle", "torch", "npz"])
def test_the_programs_would_run_if_they_were_let(bomb: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = io.BytesIO(BOMBS[bomb](canary))
    opened: dict[str, Callable[[], object]] = {
        "pickle": lambda: pickle.load(content),
        "torch": lambda: torch.load(content, weights_only=False),
        "npz": lambda: np.load(content, allow_pickle=True)["x"],
    }
    opened[bomb]()
    assert canary.exists()


def test_the_tests_know_every_file_that_a_run_is_loaded_from(tmp_path: Path) -> None:
    a_run(tmp_path / "run")
    load_run(tmp_path / "run")
    assert {"run.json", "config.json", "model.safetensors", "splits.npz", "tokenizer.json"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }


@pytest.mark.parametrize("place", [0.3, 0.9])
@pytest.mark.parametrize(
    "loader", [from_pretrained, AutoModelForSequenceClassification.from_pretrained, load_run]
)
def test_a_flipped_bit_in_the_weights_of_a_run_is_noticed_by_every_loader(
    loader: Callable[[Path], object], place: float, tmp_path: Path
) -> None:
    a_run(tmp_path / "run")
    file = tmp_path / "run" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="must have the weights_sha256 that config"):
        loader(tmp_path / "run")


# Of a header, what it says of the tensor "a" with two numbers at 0 to 8, beside "b" at 8 to 16.
HEADERS: dict[str, dict[str, Any]] = {
    "two tensors in one place": {"data_offsets": [8, 16]},
    "part of another tensor": {"data_offsets": [0, 12], "shape": [3]},
    "beyond the end": {"data_offsets": [16, 24]},
    "an end that no file has": {"data_offsets": [0, 2**62], "shape": [2**60]},
    "an end before its beginning": {"data_offsets": [8, 0]},
    "below zero": {"data_offsets": [-8, 0]},
    "more numbers than there are": {"shape": [2**40]},
    "numbers that no machine counts": {"shape": [2**62, 2**62]},
    "a type that is none": {"dtype": "F9"},
}


def with_header(header: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if size is None else size) + header + bytes(16)


LYING = {
    **{
        name: with_header(
            json.dumps(
                {
                    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **told},
                    "b": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]},
                }
            ).encode()
        )
        for name, told in HEADERS.items()
    },
    "a type that torch does not read": with_header(
        b'{"a":{"dtype":"F6_E2M3","shape":[8],"data_offsets":[0,6]},'
        b'"b":{"dtype":"U8","shape":[10],"data_offsets":[6,16]}}'
    ),
    "a shape beyond 64 bits": with_header(
        b'{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]},'
        b'"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
    ),
    "a header longer than the file": with_header(b"{}", 2**40),
    "a header longer than any file": with_header(b"{}", 2**64 - 1),
    "no header": with_header(b""),
    "brackets without end": with_header(b"[" * 100_000),
    "one name twice": with_header(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
    ),
}


@pytest.mark.parametrize("content", LYING.values(), ids=LYING)
@pytest.mark.parametrize("loader", [from_pretrained, load_weights])
def test_weights_whose_header_lies_are_refused(
    loader: Callable[[Path], object], content: bytes, tmp_path: Path
) -> None:
    a_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    del config["weights_sha256"]
    # Of another library, where it is not ours that loads it.
    foreign = {"architectures": ["BertModel"], "model_type": "bert"}
    told = config if loader is from_pretrained else foreign
    (tmp_path / "config.json").write_text(json.dumps(told))
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="must be a whole safetensors file, got") as refusal:
        loader(tmp_path)
    assert "\n" not in str(refusal.value)


def test_strides_beyond_64_bits_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(
        with_header(
            b'{"a":{"dtype":"F32","shape":[0,9223372036854775807,3],"data_offsets":[0,0]},'
            b'"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
        )
    )
    with pytest.raises(ValueError, match="must be a whole safetensors file, got: Stride"):
        state.read_tensors(tmp_path / "a")


@pytest.mark.parametrize("shape", [[2**63, 0], [0, 2**63 - 1, 3]], ids=["sizes", "strides"])
def test_a_shape_beyond_64_bits_is_refused_by_an_auto_class_as_well(
    shape: list[int], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    a_run(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["spectrans"]["weights_sha256"]
    (folder / "config.json").write_text(json.dumps(config))
    content = (folder / "model.safetensors").read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    header = json.dumps({**json.loads(content[8:end]), "more": entry}).encode()
    lying = struct.pack("<Q", len(header)) + header + content[end:]
    (folder / "model.safetensors").write_bytes(lying)
    sentence = r"^.*run must hold whole safetensors files, got: [^\n]*[Oo]verflow[^\n]*$"
    with pytest.raises(ValueError, match=sentence):
        AutoModelForSequenceClassification.from_pretrained(folder)
