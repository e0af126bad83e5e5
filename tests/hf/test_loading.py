"""What loading does that transformers alone would not: whole or not at all, and only what is there."""

import json
import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

import spectrans
import spectrans.hf
from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransModel,
)
from spectrans.mixers import Dims, Mixer, MixerOptions
from spectrans.mixers.base import Kind
from tests.custom import registered
from tests.hf.made import PLANS, TASKS, answers, batch, build, config, saved

every_task = pytest.mark.parametrize("cls", TASKS, ids=lambda cls: cls.__name__[9:])
AUTO = {
    SpectransModel: AutoModel,
    SpectransForMaskedLM: AutoModelForMaskedLM,
    SpectransForSequenceClassification: AutoModelForSequenceClassification,
    SpectransForTokenClassification: AutoModelForTokenClassification,
    spectrans.hf.SpectransForQuestionAnswering: AutoModelForQuestionAnswering,
    spectrans.hf.SpectransForMultipleChoice: AutoModelForMultipleChoice,
}
WEIGHTS = "model.safetensors"


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replace tensors in a folder; None drops one."""
    tensors = {**load_file(folder / WEIGHTS), **changes}
    kept = {name: value for name, value in tensors.items() if value is not None}
    save_file(kept, folder / WEIGHTS, metadata={"format": "pt"})


@every_task
def test_auto_classes_find_every_model(cls: Any, tmp_path: Path) -> None:
    folder = saved(build(cls), tmp_path)
    assert type(AUTO[cls].from_pretrained(folder)) is cls
    assert type(AUTO[cls].from_config(config())) is cls
    assert cls.auto_class == AUTO[cls].__name__


# -- names of weights, for ever ----------------------------------------------------------------


def test_weights_have_the_names_of_ours_behind_model() -> None:
    norm = {"weight", "bias"}
    layers = {f"{a}.{b}" for a in ("norm1", "norm2", "ffn.up", "ffn.down") for b in norm}
    attention = {f"mixer.heads.{a}.{b}" for a in ("qkv", "out") for b in norm}
    body = {"embedding.weight", "positions.weight", "final_norm.weight", "final_norm.bias"}
    body |= {f"blocks.0.{name}" for name in layers | {"mixer.filter"}}
    body |= {f"blocks.1.{name}" for name in layers | attention}
    heads = {
        "SpectransModel": set(),
        "SpectransForMaskedLM": {"bias"},
        "SpectransForSequenceClassification": {f"linear.{name}" for name in norm},
        "SpectransForTokenClassification": {f"linear.{name}" for name in norm},
        "SpectransForQuestionAnswering": {f"linear.{name}" for name in norm},
        "SpectransForMultipleChoice": {f"linear.{name}" for name in norm},
    }
    for cls in TASKS:
        wanted = body | {f"output_head.{name}" for name in heads[cls.__name__]}
        found = build(cls, positional_encoding_type="learned").state_dict()
        assert found.keys() == {f"model.{name}" for name in wanted}


def test_a_pooler_has_one_name_with_and_without_classes(tmp_path: Path) -> None:
    folder = saved(build(SpectransModel, pooler="tanh", pooling="cls"), tmp_path)
    model = SpectransForSequenceClassification.from_pretrained(folder)
    dense = "model.output_head.pooler.dense.weight"
    assert torch.equal(model.state_dict()[dense], load_file(folder / WEIGHTS)[dense])


def test_ours_says_who_loads_a_folder_of_transformers(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    with pytest.raises(ValueError, match=r"load it with an Auto class after import spectrans\.hf"):
        spectrans.from_pretrained(folder)
    other = json.loads((folder / "config.json").read_text()) | {"model_type": "bert"}
    (folder / "config.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match=r"load it with spectrans\.pretrained\.load"):
        spectrans.from_pretrained(folder)


# -- another head ------------------------------------------------------------------------------


@every_task
@pytest.mark.parametrize("source", TASKS, ids=lambda cls: cls.__name__[9:])
def test_the_encoder_of_any_model_takes_any_head(source: Any, cls: Any, tmp_path: Path) -> None:
    # Untied, and with two labels: most heads then differ in nothing but what they mean.
    model = build(source, num_labels=2, tie_word_embeddings=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    loaded = cls.from_pretrained(saved(model, tmp_path)).state_dict()
    ours = model.state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in ours.items() if "output_head" not in k)
    head = {k: v for k, v in loaded.items() if "output_head" in k}
    taken = {k for k, v in head.items() if k in ours and torch.equal(v, ours[k])}
    assert taken == (head.keys() if source is cls else set())
    assert all(value.isfinite().all() for value in head.values())


def test_a_class_of_ones_own_takes_the_head_of_its_base(tmp_path: Path) -> None:
    class Mine(SpectransForTokenClassification):
        pass

    model = build(SpectransForTokenClassification)
    loaded = Mine.from_pretrained(saved(model, tmp_path))
    assert torch.equal(
        loaded.model.output_head.linear.weight, model.model.output_head.linear.weight
    )


# -- gaps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [SpectransModel, SpectransForMaskedLM])
@pytest.mark.parametrize("name", ["model.blocks.1.ffn.up.bias", "model.embedding.weight"])
def test_a_missing_weight_is_refused(cls: Any, name: str, tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    rewrite(folder, **{name: None})
    with pytest.raises(ValueError, match=f"must hold every weight of {cls.__name__}, {name} is"):
        cls.from_pretrained(folder)


def test_a_missing_head_of_the_same_class_is_refused(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    rewrite(folder, **{"model.output_head.bias": None})
    with pytest.raises(ValueError, match=r"model\.output_head\.bias is missing"):
        SpectransForMaskedLM.from_pretrained(folder)


def test_a_foreign_weight_is_refused(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    rewrite(folder, extra=torch.zeros(1))
    with pytest.raises(ValueError, match="no other weights than SpectransModel has, extra is"):
        SpectransModel.from_pretrained(folder)


def test_weights_of_ours_load_into_the_class(tmp_path: Path) -> None:
    model = build(SpectransForMaskedLM)
    saved(model, tmp_path)
    inner = {name: tensor.clone() for name, tensor in model.model.state_dict().items()}
    save_file(inner, tmp_path / WEIGHTS, metadata={"format": "pt"})
    loaded = SpectransForMaskedLM.from_pretrained(tmp_path)
    assert all(torch.equal(loaded.state_dict()[k], v) for k, v in model.state_dict().items())


class Window(MixerOptions):
    """A mixer with a table that no checkpoint holds."""

    name: ClassVar[str] = "window"
    kind: ClassVar[Kind] = "spectral"

    def build(self, dims: Dims) -> Mixer:
        return WindowMixer(dims.max_sequence_length)


class WindowMixer(Mixer):
    def __init__(self, length: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(length), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.get_buffer("window")[: x.shape[1], None].to(x.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_table_that_no_file_holds_is_computed_anew(dtype: Any, tmp_path: Path) -> None:
    with registered(Window):
        model = build(SpectransModel, mixers=["window", "window"])
        loaded = SpectransModel.from_pretrained(saved(model, tmp_path), dtype=dtype)
        for block in loaded.model.blocks:
            torch.testing.assert_close(block.mixer.window, torch.hann_window(12).to(dtype))


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


# -- what transformers would take us for -------------------------------------------------------


class Plain(PreTrainedModel):
    """A model that follows no advice but that of the base class."""

    config_class = PreTrainedConfig


@every_task
def test_sharding_the_tokens_of_a_row_is_not_offered(cls: Any) -> None:
    assert Plain(PreTrainedConfig()).supports_context_parallel
    assert not build(cls).supports_context_parallel


@every_task
def test_generation_is_refused_in_a_sentence(cls: Any) -> None:
    model = build(cls)
    with pytest.raises(TypeError, match=f"{cls.__name__} is an encoder and cannot generate text"):
        model.generate(batch(cls)["input_ids"], max_length=5)
    assert not model.can_generate()
    assert not hasattr(cls, "generate")


@pytest.mark.parametrize("kernel", ["flash_attention_2", "flex_attention"])
def test_attention_kernels_that_we_do_not_call_are_refused(kernel: str) -> None:
    with pytest.raises(ValueError, match="does not support"):
        SpectransModel(config(attn_implementation=kernel))


def test_a_new_head_is_announced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = saved(build(SpectransModel), tmp_path)
    with caplog.at_level(logging.WARNING, logger="spectrans"):
        SpectransForSequenceClassification.from_pretrained(folder)
    assert "SpectransForSequenceClassification starts with a new head" in caplog.text
    assert "was saved from ['SpectransModel']" in caplog.text


def test_only_the_head_may_differ_in_shape(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    cls = SpectransForSequenceClassification
    with pytest.raises(ValueError, match=r"of the shapes that Spec.*, model\.blocks\.0\.ffn\.down"):
        cls.from_pretrained(folder, ffn_hidden_dim=8)
    loaded = cls.from_pretrained(folder, ffn_hidden_dim=8, ignore_mismatched_sizes=True)
    assert loaded(**batch(cls)).logits.isfinite().all()


def test_a_new_head_is_not_put_on_disk(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path / "model")
    cls = SpectransForTokenClassification
    where = {**places(build(cls)), "model.output_head": "disk"}
    with pytest.raises(ValueError, match="a new head must not be offloaded: change device_map"):
        cls.from_pretrained(folder, device_map=where, offload_folder=tmp_path / "disk")
