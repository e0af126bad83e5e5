"""Saving and loading: exact, atomic, never pickle, and clear about what is wrong."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectrans import FNet, HybridEncoder, HybridTransformer, from_pretrained, io
from spectrans.models import MODELS, BaseModel
from tests.cases import CASES, Case, ids
from tests.custom import Shift, registered

SMALL: dict[str, Any] = {"hidden_dim": 24, "num_layers": 2, "max_sequence_length": 16}


def model() -> HybridTransformer:
    return HybridTransformer(vocab_size=9, **SMALL, num_heads=3, num_classes=4).eval()


def saved(tmp_path: Path) -> Path:
    model().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_a_loaded_model_is_the_saved_one(case: Case, tmp_path: Path) -> None:
    original = HybridTransformer(
        vocab_size=9, **SMALL, num_heads=3, num_classes=4,
        alternation_pattern="custom", layer_types=[case.options] * 2,
    ).eval()  # fmt: skip
    original.save_pretrained(tmp_path)
    loaded = HybridTransformer.from_pretrained(tmp_path)
    x = torch.randint(0, 9, (2, 16))
    assert torch.equal(loaded(x), original(x))
    assert loaded.config.plan() == original.config.plan()


@pytest.mark.parametrize("kind", MODELS.values(), ids=MODELS)
def test_every_model_class_can_be_saved(kind: type[BaseModel], tmp_path: Path) -> None:
    original = kind(**SMALL).eval()
    original.save_pretrained(tmp_path)
    loaded = from_pretrained(tmp_path)
    assert type(loaded) is kind
    assert loaded.config == original.config


def test_a_custom_mixer_is_saved_and_needs_to_be_registered_to_load(tmp_path: Path) -> None:
    with registered(Shift):
        original = HybridTransformer(vocab_size=9, **SMALL, spectral_type="shift").eval()
        original.save_pretrained(tmp_path)
        x = torch.randint(0, 9, (2, 16))
        assert torch.equal(from_pretrained(tmp_path)(x), original(x))
    with pytest.raises(ValueError, match="unknown spectral_type 'shift'"):
        from_pretrained(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_model_comes_back_in_its_own_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    model().to(dtype).save_pretrained(tmp_path)
    assert {p.dtype for p in from_pretrained(tmp_path).parameters()} == {dtype}


def test_loaded_weights_can_be_trained(tmp_path: Path) -> None:
    loaded = from_pretrained(saved(tmp_path))
    loaded.train()
    loaded(torch.zeros(1, 4, dtype=torch.long)).sum().backward()
    assert all(p.grad is not None for p in loaded.parameters())


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    original = model()
    original.save_pretrained(tmp_path / "a")
    from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b")
    for name in (io.CONFIG, io.WEIGHTS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_only_the_two_files_are_written_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    model().save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [io.CONFIG, io.WEIGHTS, "notes.txt"]


def test_a_save_that_fails_leaves_the_old_model_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        model().save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_save_cut_short_between_its_files_is_noticed(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    old = (folder / io.CONFIG).read_bytes()
    model().save_pretrained(folder)
    (folder / io.CONFIG).write_bytes(old)
    with pytest.raises(ValueError, match=r"must have the weights_sha256 that config\.json names"):
        from_pretrained(folder)


@pytest.mark.parametrize("place", [0.3, 0.7, 0.999])
def test_a_flipped_bit_is_noticed(place: float, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    content = bytearray((folder / io.WEIGHTS).read_bytes())
    content[int(place * len(content))] ^= 1
    (folder / io.WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors must"):
        from_pretrained(folder)


@pytest.mark.parametrize("name", [io.CONFIG, io.WEIGHTS])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        from_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_weights_file_is_refused(keep: int, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    path = folder / io.WEIGHTS
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model\.safetensors must be a whole safetensors file"):
        from_pretrained(folder)


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_in_place_of_the_weights_is_never_opened(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    canary = tmp_path / "canary"
    (folder / io.WEIGHTS).write_bytes(pickle.dumps(Bomb(canary)))
    with pytest.raises(ValueError, match="must be a whole safetensors file"):
        from_pretrained(folder)
    assert not canary.exists()


def rewrite(folder: Path, **changes: Any) -> None:
    """Replace tensors as another tool would, and drop the checksum; None drops a tensor."""
    tensors = {**load_file(folder / io.WEIGHTS), **changes}
    save_file({k: v for k, v in tensors.items() if v is not None}, folder / io.WEIGHTS)
    config = json.loads((folder / io.CONFIG).read_text())
    del config[io.CHECKSUM]
    (folder / io.CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"final_norm.bias": None}, "must hold every weight, final_norm.bias is missing"),
        ({"extra": torch.zeros(1)}, "must hold no other weights, extra is unexpected"),
        (
            {"final_norm.bias": torch.zeros(24, dtype=torch.int64)},
            r"final_norm.bias must hold numbers like torch.float32, got torch.int64",
        ),
        (
            {"final_norm.bias": torch.zeros(3)},
            r"final_norm.bias must have shape \(24,\), got \(3,\)",
        ),
    ],
    ids=["missing", "unexpected", "type", "shape"],
)
def test_weights_that_do_not_fit_are_named(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path)
    rewrite(folder, **changes)
    with pytest.raises(ValueError, match=sentence):
        from_pretrained(folder)


def test_weights_that_another_tool_wrote_are_loaded(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    rewrite(folder)
    assert isinstance(from_pretrained(folder), HybridTransformer)


def edit(folder: Path, **changes: Any) -> None:
    rewrite(folder)
    config = json.loads((folder / io.CONFIG).read_text())
    (folder / io.CONFIG).write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_class": "Hybrid"}, "unknown model_class 'Hybrid'"),
        ({"model_class": ["FNet"]}, r"unknown model_class \['FNet'\]"),
        ({"hiden": 1}, r"config\.json: unknown HybridModelConfig option 'hiden'"),
        ({"num_layers": -1}, r"config\.json: num_layers must be greater than 0, got -1"),
        ({"num_layers": 3}, r"that was saved, got one of 3 layers, and model\.safetensors holds 2"),
    ],
)
def test_a_bad_config_is_named(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    edit(folder, **changes)
    with pytest.raises(ValueError, match=sentence):
        from_pretrained(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_broken_config_file_is_named(content: bytes, tmp_path: Path) -> None:
    folder = saved(tmp_path)
    (folder / io.CONFIG).write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json(:| must be UTF-8)"):
        from_pretrained(folder)


def test_a_model_of_another_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds a HybridTransformer: load it with Hybrid"):
        FNet.from_pretrained(saved(tmp_path))
    HybridEncoder(**SMALL).save_pretrained(tmp_path / "encoder")
    assert isinstance(HybridTransformer.from_pretrained(tmp_path / "encoder"), HybridEncoder)


def test_a_model_class_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    class Mine(HybridTransformer):
        pass

    with pytest.raises(TypeError, match="model must be one of HybridTransformer"):
        Mine(**SMALL).save_pretrained(tmp_path)
