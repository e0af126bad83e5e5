"""Files of every kind that is read, spoilt: read, or refused in one sentence, and nothing run."""

import io
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from spectrans import HybridTransformer, from_pretrained
from spectrans.data import load
from spectrans.pretrained.source import read as read_weights
from spectrans.training import checkpoint, load_run, state
from tests.cli.made import make_run, write_lines
from tests.faults.tally import Tally
from tests.fuzz.spoilt import LONGEST, UNPACKED, changed, fuzz, spoilt

# Users have none, and what they would say is not ours.
pytestmark = pytest.mark.usefixtures("without_shape_checks")
thousands = pytest.mark.parametrize(
    "examples", [200, pytest.param(2_000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
ROWS = [(f"text {n} \N{SNOWMAN}", "ab"[n % 2]) for n in range(12)]
TABLE = "text,label\n" + "".join(f'"{text}, so",{label}\n' for text, label in ROWS)
SERIES = (
    "@problemName a\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
    + "".join(f"0.5,{n},-1e3,?:{'ab'[n % 2]}\n" for n in range(12)).replace("?", "7")
)


def packed(save: Callable[..., None], **arrays: Any) -> bytes:
    file = io.BytesIO()
    save(file, **{name: np.array(value) for name, value in arrays.items()})
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": [t for t, _ in ROWS], "label": [y for _, y in ROWS]}), file)
    return file.getvalue()


X, Y = np.arange(48).reshape(12, 4), np.arange(12) % 2
DATA: dict[str, tuple[bytes, ...]] = {
    ".csv": (TABLE.encode(), TABLE.replace("\n", "\r\n").encode()),
    ".tsv": (TABLE.replace('"', "").replace(", so,", "\t").replace("text,label", "text\tlabel").encode(),),
    ".jsonl": (
        "".join(json.dumps({"text": t, "label": y}) + "\n" for t, y in ROWS).encode(),
        "".join(json.dumps({"x": [n, 2.5], "y": n % 2}) + "\n" for n in range(12)).encode(),
        "".join(json.dumps({"tokens": ["a", "b"], "tags": ["O", "X"]}) + "\n" for _ in "abcd").encode(),
    ),
    ".txt": (TABLE.encode(),),
    ".ts": (SERIES.encode(),),
    ".npz": (
        packed(np.savez, x=X, y=Y),
        packed(np.savez_compressed, x=X / 3, y=Y),
        packed(np.savez_compressed, x=X.ravel(), lengths=[4] * 12, y=Y),
        packed(np.savez, x=np.array([{}, 1], dtype=object), y=[0, 1]),
    ),
    ".parquet": (parquet(),),
}  # fmt: skip


@thousands
@pytest.mark.parametrize("kind", DATA)
def test_a_spoilt_file_of_data_is_read_or_refused(
    kind: str, examples: int, tmp_path: Path, tally: Tally
) -> None:
    path = tmp_path / f"rows{kind}"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        made = load(path)
        assert len(made.train)
        assert len(made.train.tokens[0])

    longest = UNPACKED if kind == ".npz" else LONGEST
    fuzz(spoilt(*DATA[kind]), read, tally, examples, longest=longest)


@thousands
def test_a_spoilt_picture_is_read_or_refused(examples: int, tmp_path: Path, tally: Tally) -> None:
    files = []
    for name, kind in (("png", "PNG"), ("gif", "GIF"), ("bmp", "BMP"), ("jpg", "JPEG")):
        made = io.BytesIO()
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(made, kind)
        files.append(made.getvalue())
        for number in range(4):
            place = tmp_path / "set" / "ab"[number % 2] / f"{number}{name}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            shade = np.full((8, 8), number * 50 + len(files), dtype=np.uint8)
            Image.fromarray(shade).save(place)

    def read(content: bytes) -> None:
        (tmp_path / "set" / "a" / "0png.png").write_bytes(content)
        load(tmp_path / "set")

    fuzz(spoilt(*files), read, tally, examples)


# Of safetensors, also those that torch does not have.
TYPES = ("F64", "F32", "BF16", "F16", "I64", "U8", "BOOL", "C64", "F8_E4M3", "F8_E8M0", "F6_E2M3", "F4", "F9")  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    HybridTransformer(hidden_dim=4, num_layers=1, num_heads=1, ffn_hidden_dim=4).save_pretrained(
        folder
    )
    return folder


def lying_header(content: bytes) -> st.SearchStrategy[bytes]:
    """Weights whose header says something else than there is."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    name = next(key for key in header if key != "__metadata__")
    shape = st.lists(st.integers(0, 7) | st.sampled_from([2**31, 2**63, 2**64 - 1]), max_size=4)
    told = st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(TYPES),
            "shape": shape,
            "data_offsets": st.lists(st.integers(-1, 40) | st.just(2**63), max_size=3),
        },
    ).map(lambda lies: json.dumps({**header[name], **lies}).encode())

    def written(entry: bytes) -> bytes:
        new = json.dumps({**header, name: json.loads(entry)}).encode()
        return struct.pack("<Q", len(new)) + new + content[8 + size :]

    return (changed(header[name]) | told).map(written)


@pytest.mark.parametrize(
    "examples", [200, pytest.param(4_000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("summed", [True, False], ids=["checksum", "no checksum"])
def test_a_spoilt_model_is_loaded_whole_or_refused(
    model: Path, name: str, summed: bool, examples: int, tmp_path: Path, tally: Tally
) -> None:
    shutil.copytree(model, tmp_path, dirs_exist_ok=True)
    config = json.loads((model / "config.json").read_text())
    if not summed:
        del config["weights_sha256"]
        (tmp_path / "config.json").write_text(json.dumps(config))
    whole = (tmp_path / name).read_bytes()
    inputs = spoilt(whole) | (changed(config) if name == "config.json" else lying_header(whole))

    def read(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        loaded = from_pretrained(tmp_path)
        assert sum(p.numel() for p in loaded.parameters()) < 10_000
        assert name == "config.json" or not summed or content == whole

    fuzz(inputs, read, tally, examples, (ValueError, TypeError, FileNotFoundError))


FILES = {
    "model.safetensors": bytes(range(256)) * 2,
    "progress.json": b'{"step": 2, "losses": [0.5, 1e-3]}',
}


@pytest.mark.parametrize(
    "examples", [200, pytest.param(4_000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
@pytest.mark.parametrize("name", [checkpoint.MANIFEST, *FILES])
def test_a_spoilt_checkpoint_is_never_taken_for_whole(
    name: str, examples: int, tmp_path: Path, tally: Tally
) -> None:
    file = checkpoint.save(tmp_path, 2, FILES, {"torch": "2.10"}) / name
    whole = file.read_bytes()
    manifest = json.loads((file.parent / checkpoint.MANIFEST).read_text())

    def read(content: bytes) -> None:
        file.write_bytes(content)
        found = checkpoint.survey(tmp_path)
        if name in FILES:
            assert (found.newest is not None) == (content == whole)
        elif found.newest is not None:
            listed = json.loads(content)["files"]
            assert all(listed[one] == manifest["files"][one] for one in listed)

    inputs = spoilt(whole)
    fuzz(
        inputs | changed(manifest) if name == checkpoint.MANIFEST else inputs, read, tally, examples
    )


@thousands
def test_spoilt_tensors_of_a_checkpoint_are_read_or_refused(
    examples: int, tmp_path: Path, tally: Tally
) -> None:
    content = state.to_tensors({"a": torch.zeros(3, 2), "0|step": torch.ones(())})
    path = tmp_path / "tensors"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        state.read_tensors(path)

    fuzz(spoilt(content), read, tally, examples)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("run")
    rows = ({"text": f"{n:03d} word", "label": "ab"[n % 2]} for n in range(40))
    source = write_lines(home / "rows.jsonl", rows)
    make_run(home / "run", source=str(source), tokenizer="bpe", vocab_size=300)
    (home / "run" / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2}\n')
    return home / "run"


@thousands
@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", "splits.npz", "tokenizer.json"])
def test_a_spoilt_run_is_loaded_or_refused(
    finished: Path, name: str, examples: int, tmp_path: Path, tally: Tally
) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    whole = (tmp_path / name).read_bytes()
    inputs = spoilt(whole)
    if name == "run.json":
        inputs = inputs | changed(json.loads(whole))

    def read(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        load_run(tmp_path)

    fuzz(inputs, read, tally, examples, (ValueError, TypeError, FileNotFoundError))


@thousands
@pytest.mark.parametrize("name", ["weights.safetensors", "weights.npz", "weights.pt", "old.pt"])
def test_spoilt_weights_from_elsewhere_are_read_or_refused(
    name: str, examples: int, tmp_path: Path, tally: Tally
) -> None:
    path = tmp_path / name
    tensors = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
    if name == "weights.npz":
        path.write_bytes(packed(np.savez_compressed, **{k: v.numpy() for k, v in tensors.items()}))
    elif name == "weights.safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=name != "old.pt")

    def read(content: bytes) -> None:
        path.write_bytes(content)
        read_weights(path)

    longest = LONGEST if name == "weights.safetensors" else UNPACKED
    fuzz(spoilt(path.read_bytes()), read, tally, examples, longest=longest)


@thousands
def test_a_spoilt_index_of_shards_is_read_or_refused(
    examples: int, tmp_path: Path, tally: Tally
) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "model-1.safetensors")
    save_file({"b": torch.zeros(2)}, tmp_path / "model-2.safetensors")
    listed = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    whole = json.dumps(listed).encode()

    def read(content: bytes) -> None:
        (tmp_path / "model.safetensors.index.json").write_bytes(content)
        read_weights(tmp_path)

    inputs = (
        spoilt(whole)
        | changed(listed)
        | changed(listed["weight_map"]).map(lambda inner: b'{"weight_map": ' + inner + b"}")
    )
    fuzz(inputs, read, tally, examples, (ValueError, TypeError, FileNotFoundError))
