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
from tests.hf.made import TASKS, batch, build, config, every_task, saved

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
