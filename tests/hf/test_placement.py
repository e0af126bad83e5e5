"""Where the weights of a loaded model lie: in which files, in which format, on which devices."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransModel,
)
from tests.hf.made import PLANS, answers, batch, build, config, every_task, saved

WEIGHTS = "model.safetensors"


# -- shards ------------------------------------------------------------------------------------


def sharded(folder: Path) -> dict[str, Any]:
    build(SpectransModel).save_pretrained(folder, max_shard_size="5KB")
    index = json.loads((folder / f"{WEIGHTS}.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 1
    return dict(index)


def test_shards_come_back_whole(tmp_path: Path) -> None:
    sharded(tmp_path)
    loaded = SpectransModel.from_pretrained(tmp_path)
    assert loaded(**batch(SpectransModel)).last_hidden_state.isfinite().all()


@pytest.mark.parametrize("where", ["../outside.safetensors", "/tmp/outside.safetensors", "a/b"])
def test_a_shard_outside_the_folder_is_refused(where: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    index = sharded(folder)
    first = next(iter(index["weight_map"].values()))
    (tmp_path / "outside.safetensors").write_bytes((folder / first).read_bytes())
    moved = {k: where if v == first else v for k, v in index["weight_map"].items()}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({**index, "weight_map": moved}))
    with pytest.raises(ValueError, match="must be files beside it"):
        SpectransModel.from_pretrained(folder)
    with pytest.raises(ValueError, match="must be files beside it"):
        AutoModel.from_pretrained(folder)


def test_a_pickle_is_not_looked_for(tmp_path: Path) -> None:
    model = build(SpectransModel)
    folder = saved(model, tmp_path)
    (folder / WEIGHTS).unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"no file named model\.safetensors"):
        SpectransModel.from_pretrained(folder)


# -- types and devices -------------------------------------------------------------------------


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("dtype", ["bfloat16", torch.float16])
def test_a_model_loads_in_half_precision(plan: str, dtype: Any, tmp_path: Path) -> None:
    model = build(SpectransForSequenceClassification, plan)
    loaded = SpectransForSequenceClassification.from_pretrained(saved(model, tmp_path), dtype=dtype)
    assert {p.dtype for p in loaded.parameters()} == {loaded.dtype}
    assert loaded.config.dtype is loaded.dtype
    cast = model.to(loaded.dtype)
    assert all(torch.equal(loaded.state_dict()[k], v) for k, v in cast.state_dict().items())
    logits = loaded(**batch(SpectransForSequenceClassification)).logits
    assert logits.dtype is loaded.dtype
    assert logits.isfinite().all()


@pytest.mark.parametrize("plan", PLANS)
def test_a_new_model_in_half_precision_is_the_rounded_one(plan: str) -> None:
    torch.manual_seed(2)
    full = AutoModel.from_config(config(plan))
    torch.manual_seed(2)
    half = AutoModel.from_config(config(plan), dtype=torch.bfloat16)
    assert torch.get_default_dtype() is torch.float32
    for name, value in full.state_dict().items():
        assert torch.equal(half.state_dict()[name], value.bfloat16())


def test_the_type_of_the_folder_is_kept(tmp_path: Path) -> None:
    model = build(SpectransModel).to(torch.bfloat16)
    assert SpectransModel.from_pretrained(saved(model, tmp_path)).dtype is torch.bfloat16


@every_task
@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}])
def test_a_device_map_places_every_weight(cls: Any, device_map: Any, tmp_path: Path) -> None:
    model = build(cls)
    loaded = cls.from_pretrained(saved(model, tmp_path), device_map=device_map)
    assert {p.device.type for p in loaded.parameters()} == {"cpu"}
    torch.testing.assert_close(answers(loaded(**batch(cls))), answers(model(**batch(cls))))


def places(model: Any) -> dict[str, str]:
    """A device map that names every part."""
    names = [f"model.{name}" for name, _ in model.model.named_children() if name != "blocks"]
    return dict.fromkeys([*names, "model.blocks.0", "model.blocks.1"], "cpu")


@every_task
def test_blocks_wait_on_disk_where_the_map_says_so(cls: Any, tmp_path: Path) -> None:
    model = build(cls)
    folder = saved(model, tmp_path / "model")
    where = {**places(model), "model.blocks.1": "disk"}
    loaded = cls.from_pretrained(folder, device_map=where, offload_folder=tmp_path / "disk")
    assert loaded.model.blocks[1].norm1.weight.is_meta
    inputs = batch(cls)
    with torch.no_grad():
        torch.testing.assert_close(answers(loaded(**inputs)), answers(model(**inputs)))


@pytest.mark.parametrize("apart", ["model.embedding", "model.output_head"])
def test_a_tied_head_is_not_parted_from_its_embedding(apart: str, tmp_path: Path) -> None:
    model = build(SpectransForMaskedLM)
    folder, where = saved(model, tmp_path / "model"), {**places(model), apart: "disk"}
    with pytest.raises(ValueError, match=r"device_map must keep model\.embedding and model\.out"):
        SpectransForMaskedLM.from_pretrained(
            folder, device_map=where, offload_folder=tmp_path / "disk"
        )


def test_a_new_head_is_not_put_on_disk(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path / "model")
    cls = SpectransForTokenClassification
    where = {**places(build(cls)), "model.output_head": "disk"}
    with pytest.raises(ValueError, match="a new head must not be offloaded: change device_map"):
        cls.from_pretrained(folder, device_map=where, offload_folder=tmp_path / "disk")
