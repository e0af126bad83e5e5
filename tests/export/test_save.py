"""What an export writes, says and refuses; none of it leaves half a file behind."""

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import spectrans
from spectrans import export
from spectrans.mixers import Dims, Mixer, MixerOptions
from spectrans.mixers.base import Kind
from tests.custom import Shift, registered
from tests.export.plans import classifier, encoder


class Peek(MixerOptions):
    """Options of a mixer that looks at its values, which no graph can."""

    name: ClassVar[str] = "peek"
    kind: ClassVar[Kind] = "spatial"

    def build(self, dims: Dims) -> Mixer:
        return PeekMixer()


class PeekMixer(Mixer):
    def forward(self, x: Tensor) -> Tensor:
        return x.flip(1) if float(x.sum()) > 0 else x


class Rolled(MixerOptions):
    """Options of a mixer with an operator that ONNX does not have."""

    name: ClassVar[str] = "rolled"
    kind: ClassVar[Kind] = "spatial"

    def build(self, dims: Dims) -> Mixer:
        return RolledMixer()


class RolledMixer(Mixer):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x.flip(1))


def refused(path: Path, **settings: Any) -> str:
    """What `save` says to these settings; nothing may be written."""
    before = sorted(path.parent.iterdir())
    model = settings.pop("model", None) or encoder("attention")
    with pytest.raises((ValueError, TypeError)) as raised:
        export.save(model, path, **settings)
    assert sorted(path.parent.iterdir()) == before
    return str(raised.value)


# -- what is written ---------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_a_file_says_what_it_is(ending: str, tmp_path: Path) -> None:
    model = classifier(num_layers=1, spectral_type="gfnet")
    report = export.save(model, tmp_path / f"model.{ending}", route="matmul")
    metadata = export.describe(report.path)
    assert metadata == report.metadata
    assert metadata.spectrans_version == spectrans.__version__
    assert metadata.model_class == "HybridTransformer"
    assert metadata.config == model.config.to_dict()
    assert (metadata.format, metadata.inputs, metadata.output) == (ending, ["input_ids"], "logits")
    assert (metadata.dtype, metadata.lengths, metadata.width) == ("float32", (1, None), 4)
    assert metadata.max_relative_error <= 1e-5


def test_the_metadata_can_be_read_without_this_library(tmp_path: Path) -> None:
    export.save(encoder("attention"), tmp_path / "model.pt2")
    with zipfile.ZipFile(tmp_path / "model.pt2") as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("extra/spectrans.json")]
        assert json.loads(archive.read(name))["inputs"] == ["inputs_embeds"]


def test_the_report_says_how_right_and_how_fast_the_file_is(tmp_path: Path) -> None:
    report = export.save(encoder("fourier"), tmp_path / "model.pt2", speed_shape=(2, 20))
    assert report.max_relative_error < 1e-6
    assert report.bytes == report.path.stat().st_size
    assert (report.speed.rows, report.speed.length) == (2, 20)
    assert report.speed_ratio == report.speed.eager_ms / report.speed.exported_ms > 0
    assert {length for _, length in report.probes} >= {1, 2, 3, 7, 31, 97}
    text = str(report)
    assert f"{report.speed_ratio:.2f}x eager on 2 x 20 tokens, 1 threads" in text
    assert "inputs_embeds: any number of rows, 1 to any number of tokens" in text
    assert "route   fft" in text


def test_a_model_in_training_is_exported_for_use_and_goes_on_training(tmp_path: Path) -> None:
    model = encoder("attention", dropout=0.5).train()
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    report = export.save(model, tmp_path / "model.pt2")
    assert [module.training for module in model.modules()] == modes
    x = torch.randn(1, 9, 12)
    found = export.load(report.path)(inputs_embeds=x)
    assert torch.equal(found, model.eval()(inputs_embeds=x))


def test_an_existing_file_is_replaced_only_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    path.write_text("mine")
    assert refused(path) == f"path must be a new file unless overwrite is set, got {str(path)!r}"
    assert path.read_text() == "mine"
    export.save(encoder("attention"), path, overwrite=True)
    assert export.describe(path).format == "pt2"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt2"
    path.write_text("mine")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        export.save(encoder("attention"), path, overwrite=True)
    assert [path] == list(tmp_path.iterdir())
    assert path.read_text() == "mine"


def test_a_mixer_of_a_users_own_is_exported_like_ours(tmp_path: Path) -> None:
    with registered(Shift):
        model = encoder([Shift(distance=2)])
        report = export.save(model, tmp_path / "model.onnx")
    assert report.max_relative_error <= 1e-5
    assert report.metadata.config["layer_types"][0]["type"] == "shift"


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("model.tflite", {}, "unknown export format '.tflite' (available: .onnx, .pt2)"),
        ("model.onx", {}, "did you mean '.onnx'?"),
        ("model.pt2", {"opset": 19}, "opset must be left out for .pt2, got 19"),
        ("model.pt2", {"attention_mask": True}, "attention_mask must be False for .pt2"),
        ("model.onnx", {"opset": 17}, "opset must be greater than or equal to 18, got 17"),
        ("model.onnx", {"attention_mask": True, "length": 5}, "length must be left out with"),
        ("model.pt2", {"length": 5, "speed_shape": (1, 6)}, "speed_shape must have the length 5"),
        ("model.pt2", {"inputs": ("ids",)}, "unknown input 'ids'"),
        ("model.pt2", {"inputs": ()}, "inputs must name either input_ids or inputs_embeds, once"),
        ("model.pt2", {"inputs": ("input_ids",)}, "input_ids for a model without vocab_size"),
        ("model.pt2", {"inputs": ["inputs_embeds", "token_type_ids"]}, "without type_vocab_size"),
        ("model.pt2", {"rout": "fft"}, "unknown ExportOptions option 'rout'; did you mean 'route'?"),
        ("model.pt2", {"model": torch.nn.Linear(2, 2)}, "model must be one of this library's models"),
        ("model.onnx", {"tolerance": 1e-12}, "the export must give the model's answers, got an error"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_a_sentence(
    name: str, settings: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    assert sentence in refused(tmp_path / name, **settings)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path must lie in a folder that exists"):
        export.save(encoder("attention"), tmp_path / "no" / "model.pt2")
    (tmp_path / "no.pt2").mkdir()
    with pytest.raises(ValueError, match="path must be a file, not a folder"):
        export.save(encoder("attention"), tmp_path / "no.pt2")


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_onnx_refuses_weights_that_are_not_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    message = refused(tmp_path / "model.onnx", model=encoder("attention").to(dtype))
    assert message == f"the model's weights must be float32 for .onnx, got '{dtype}'"


def test_weights_of_several_types_are_refused(tmp_path: Path) -> None:
    model = encoder("attention", num_layers=2)
    model.blocks[1].half()
    message = refused(tmp_path / "model.pt2", model=model)
    assert message == "the model's weights must have one dtype, got torch.float16, torch.float32"


@pytest.mark.parametrize(
    ("options", "name", "sentence"),
    [
        (Peek, "model.pt2", "mixer 'peek' of layer 1 must be made of operations that torch.export"),
        (Rolled, "model.onnx", "mixer 'rolled' of layer 1 must be made of operators that ONNX has"),
    ],
)
def test_a_mixer_that_cannot_be_exported_is_named(
    options: type[MixerOptions], name: str, sentence: str, tmp_path: Path
) -> None:
    with registered(options):
        model = encoder(f"attention,{options.name}", num_layers=2)
        message = refused(tmp_path / name, model=model)
    assert sentence in message
    assert "\n" not in message


def test_onnx_without_its_packages_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        export.save(encoder("attention"), tmp_path / "model.onnx")
    assert str(raised.value).startswith("ONNX needs onnxscript, install the extra: pip install")
    assert not list(tmp_path.iterdir())


# -- what a loaded file refuses ----------------------------------------------------------------


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> export.Exported:
    path = tmp_path_factory.mktemp("save") / "model.pt2"
    export.save(classifier(positional_encoding_type="learned"), path)
    return export.load(path)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "inputs must hold input_ids, input_ids is missing"),
        ({"ids": torch.zeros(1, 3)}, "unknown input 'ids'"),
        (
            {"input_ids": torch.zeros(1, 32, dtype=torch.int64)},
            "the number of tokens must lie in 1..31, got 32",
        ),
        (
            {"input_ids": torch.zeros(1, 3, dtype=torch.int64), "attention_mask": torch.ones(1, 2)},
            "attention_mask must have the shape of the batch, (1, 3), got (1, 2)",
        ),
    ],
    ids=["none", "unknown", "long", "mask"],
)
def test_a_loaded_file_refuses_other_inputs(
    inputs: dict[str, Tensor], sentence: str, loaded: export.Exported
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        loaded(**inputs)


@pytest.mark.parametrize("name", ["model.pt2", "model.onnx"])
def test_a_damaged_or_foreign_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(FileNotFoundError, match="must be an exported model, no such file"):
        export.load(path)
    path.write_bytes(b"\x08\x09nothing of use")
    with pytest.raises(ValueError, match="must be a whole file that"):
        export.load(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = export.save(encoder("attention"), tmp_path / "model.pt2").path
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="must be a whole file that"):
        export.load(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = export.save(encoder("attention"), tmp_path / "model.pt2").path
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("weights/weight_0"))
        weight = archive.read(name)
    content = bytearray(path.read_bytes())
    content[content.index(weight) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="weight_0 is wrong"):
        export.load(path)


def test_a_program_of_someone_else_is_refused(tmp_path: Path) -> None:
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.randn(1, 2),))
    torch.export.save(program, tmp_path / "model.pt2")
    with pytest.raises(ValueError, match="its metadata is missing"):
        export.load(tmp_path / "model.pt2")
