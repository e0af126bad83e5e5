"""Where weights are read from, and what is refused before anything is built."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.parity import Case
from spectrans import HybridTransformer
from spectrans.pretrained import load
from spectrans.pretrained.source import read
from tests.test_io import Bomb

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
IDS = torch.arange(5, 25).view(2, 10)


def folder_of(case: Case, folder: Path, **settings: Any) -> Tensor:
    """Save a model of transformers, and give its answer to some rows."""
    model = case.build(small=True)
    model.save_pretrained(folder, **settings)
    with torch.no_grad():
        return model(IDS)[0]


def as_torch(folder: Path) -> dict[str, Tensor]:
    """Write the weights of a folder as older versions did."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    return tensors


@pytest.mark.parametrize("head", ["Model", "ForMaskedLM", "ForSequenceClassification"])
@pytest.mark.parametrize("family", ["FNet", "Bert"])
def test_a_folder_of_transformers_is_read(family: str, head: str, tmp_path: Path) -> None:
    expected = folder_of(Case(family, head), tmp_path)
    model, report = load(tmp_path)
    torch.testing.assert_close(model(IDS), expected, rtol=0, atol=1e-5)
    assert report.architecture == f"{family}{head}"
    assert load(str(tmp_path)).report == report


def test_a_file_is_read_with_the_config_beside_it(tmp_path: Path) -> None:
    expected = folder_of(Case("Bert", "ForMaskedLM"), tmp_path)
    model = load(tmp_path / "model.safetensors").model
    torch.testing.assert_close(model(IDS), expected, rtol=0, atol=1e-5)


def test_torch_weights_are_read(tmp_path: Path) -> None:
    expected = folder_of(Case("Bert", "ForMaskedLM"), tmp_path)
    as_torch(tmp_path)
    torch.testing.assert_close(load(tmp_path).model(IDS), expected, rtol=0, atol=1e-5)


def test_a_dictionary_is_read_with_its_config(tmp_path: Path) -> None:
    case = Case("Bert", "ForTokenClassification")
    model = case.build(small=True)
    config = {**model.config.to_dict(), "architectures": [case.id]}
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    ours = load(arrays, config=config).model
    torch.testing.assert_close(ours(IDS), model(IDS).logits, rtol=0, atol=1e-5)
    expected = model(IDS).logits.detach()
    arrays["classifier.weight"][:] = 0
    torch.testing.assert_close(ours(IDS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state"])
def test_weights_are_found_in_what_they_are_wrapped_in(key: str, tmp_path: Path) -> None:
    expected = folder_of(Case("Bert", "ForMaskedLM"), tmp_path)
    tensors = as_torch(tmp_path)
    parallel = {f"module.{name}": value for name, value in tensors.items()}
    torch.save({key: parallel, "epoch": 3}, tmp_path / "pytorch_model.bin")
    torch.testing.assert_close(load(tmp_path).model(IDS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["safetensors", "torch"])
def test_shards_are_read(form: str, tmp_path: Path) -> None:
    expected = folder_of(Case("Bert", "ForMaskedLM"), tmp_path, max_shard_size="20kB")
    index = tmp_path / "model.safetensors.index.json"
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    if form == "torch":
        listed = json.loads(index.read_text())
        for shard in sorted(tmp_path.glob("*.safetensors")):
            torch.save(load_file(shard), shard.with_suffix(".bin"))
            shard.unlink()
        files = {k: v.replace("safetensors", "bin") for k, v in listed["weight_map"].items()}
        index.unlink()
        written = json.dumps({"weight_map": files})
        (tmp_path / "pytorch_model.bin.index.json").write_text(written)
    torch.testing.assert_close(load(tmp_path).model(IDS), expected, rtol=0, atol=1e-5)


def sharded(folder: Path) -> tuple[Path, dict[str, Any]]:
    folder_of(Case("Bert", "Model"), folder, max_shard_size="20kB")
    index = folder / "model.safetensors.index.json"
    return index, json.loads(index.read_text())


@pytest.mark.parametrize("place", ["../outside.safetensors", "/outside.safetensors", "a/b", ".."])
def test_a_shard_outside_the_folder_is_refused(place: str, tmp_path: Path) -> None:
    index, listed = sharded(tmp_path / "model")
    first = next(iter(listed["weight_map"].values()))
    (tmp_path / "outside.safetensors").write_bytes((tmp_path / "model" / first).read_bytes())
    moved = {k: place if v == first else v for k, v in listed["weight_map"].items()}
    index.write_text(json.dumps({"weight_map": moved}))
    with pytest.raises(ValueError, match="a shard must be a file of the same folder"):
        load(tmp_path / "model")


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    sharded(tmp_path)
    shard = sorted(tmp_path.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=f"{shard.name} is missing"):
        load(tmp_path)


def test_a_shard_without_a_listed_weight_is_refused(tmp_path: Path) -> None:
    sharded(tmp_path)
    shard = sorted(tmp_path.glob("*.safetensors"))[1]
    tensors = load_file(shard)
    name, _ = tensors.popitem()
    save_file(tensors, shard)
    with pytest.raises(ValueError, match=f"must hold every listed weight, {name} is missing"):
        load(tmp_path)


def test_a_shard_with_a_weight_of_another_is_refused(tmp_path: Path) -> None:
    _, listed = sharded(tmp_path)
    first, second = sorted(tmp_path.glob("*.safetensors"))[:2]
    stolen = next(iter(load_file(first)))
    save_file({**load_file(second), stolen: torch.zeros(1)}, second)
    with pytest.raises(ValueError, match=f"{stolen} is not listed"):
        load(tmp_path)


@pytest.mark.parametrize("listed", [[], {"weight_map": 3}, {"weight_map": {"a": 3}}])
def test_a_broken_index_is_refused(listed: Any, tmp_path: Path) -> None:
    index, _ = sharded(tmp_path)
    index.write_text(json.dumps(listed))
    with pytest.raises(ValueError, match="must map"):
        load(tmp_path)


def test_a_pickle_in_place_of_torch_weights_is_never_run(tmp_path: Path) -> None:
    folder_of(Case("Bert", "Model"), tmp_path)
    as_torch(tmp_path)
    canary = tmp_path / "canary"
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(canary), protocol=2))
    with pytest.raises(ValueError, match="must be a torch file of tensors alone"):
        load(tmp_path)
    torch.save({"weights": Bomb(canary)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="must be a torch file of tensors alone"):
        load(tmp_path)
    assert not canary.exists()


def test_an_archive_with_objects_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.array([Bomb(canary)], dtype=object), allow_pickle=True)
    with pytest.raises(
        ValueError, match="a must hold plain numbers, got 'an array of Python objects'"
    ):
        load(path)
    assert not canary.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "weights.npz"])
@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"PK\x03\x04 cut short"])
def test_a_broken_file_is_refused_in_one_sentence(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} must be") as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "sentence"),
    [
        ("nowhere", FileNotFoundError, "source must be a folder or a file, there is no nowhere"),
        (3, TypeError, "source must be a folder, a file, a model of transformers or a dictionary"),
        ({}, ValueError, "the dictionary must hold named arrays"),
        ({"a": "b"}, ValueError, "the dictionary: a must be an array, got 'str'"),
        ({"a": torch.zeros(1)}, ValueError, "must be a model of a kind that is known"),
    ],
    ids=["path", "number", "empty", "text", "tensor"],
)
def test_what_is_no_source_is_refused(source: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        load(source)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must hold one of model\.safetensors"):
        load(tmp_path)


def test_a_file_of_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match=r"must end in one of \.safetensors, \.bin"):
        load(tmp_path / "weights.h5")


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_broken_config_is_refused(content: str, tmp_path: Path) -> None:
    folder_of(Case("Bert", "Model"), tmp_path)
    (tmp_path / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"config\.json must"):
        load(tmp_path)


def test_a_model_of_this_library_is_sent_to_its_own_loader(tmp_path: Path) -> None:
    HybridTransformer(hidden_dim=8, num_layers=2).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"load it with spectrans\.from_pretrained"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "spectrans"}')
    with pytest.raises(ValueError, match="load it with the Auto classes"):
        load(tmp_path)


def test_nested_names_are_joined() -> None:
    tensors = read({"params": {"a": {"b": np.ones(2)}, "c": torch.zeros(1)}}).tensors
    assert {name: tuple(value.shape) for name, value in tensors.items()} == {"a/b": (2,), "c": (1,)}


def test_importing_needs_no_transformers(tmp_path: Path) -> None:
    from tests.test_repository import loaded_by

    folder_of(Case("FNet", "ForMaskedLM"), tmp_path)
    program = f"from spectrans.pretrained import load; load({str(tmp_path)!r})"
    assert "transformers" not in loaded_by(program)
