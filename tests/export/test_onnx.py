"""ONNX files: onnxruntime gives the model's answers, at every batch size and length."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from spectrans import HybridEncoder, export, mixers
from spectrans.models import BaseModel
from tests.export.plans import LONG, PLANS, classifier, encoder, padded

SHAPES = ((1, 1), (3, 1), (1, 2), (2, 3), (5, 13), (1, 30), (3, 31), (2, 64), (1, 89))


def started(path: Path) -> Any:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def worst_error(path: Path, model: BaseModel, shapes: Any = SHAPES) -> float:
    session, errors = started(path), []
    for rows, length in shapes:
        x = torch.randn(rows, length, model.config.hidden_dim)
        with torch.no_grad():
            wanted = model(inputs_embeds=x).numpy()
        (found,) = session.run(None, {"inputs_embeds": x.numpy()})
        assert found.shape == wanted.shape
        errors.append(np.abs(found - wanted).max() / np.abs(wanted).max())
    return float(max(errors))


# The others go through the same steps, and take as long.
SHORT = ("attention", "fourier", "gfnet")


@pytest.mark.parametrize(
    "name",
    [n if n in SHORT else pytest.param(n, marks=pytest.mark.slow) for n in sorted(PLANS)],
)
def test_onnxruntime_gives_the_answers_of_the_model(name: str, tmp_path: Path) -> None:
    model = encoder(PLANS[name])
    report = export.save(model, tmp_path / "model.onnx", route="matmul")
    assert report.metadata.lengths == (1, None)
    assert worst_error(report.path, model) <= 1e-5


@pytest.mark.parametrize("route", ["fft", pytest.param("matmul", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options",
    [mixers.GFNet(grid=(4, 6)), mixers.AFNO(grid=(4, 6), num_blocks=2)],
    ids=["gfnet", "afno"],
)
def test_a_mixer_on_a_grid_is_exported(options: Any, route: Any, tmp_path: Path) -> None:
    model = HybridEncoder(
        hidden_dim=12, num_layers=1, num_heads=3, max_sequence_length=24,
        alternation_pattern="custom", layer_types=[options],
    ).eval()  # fmt: skip
    report = export.save(model, tmp_path / "model.onnx", route=route, length=24)
    assert worst_error(report.path, model, [(1, 24), (3, 24)]) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LONG))
def test_onnxruntime_gives_the_answers_of_every_wavelet(name: str, tmp_path: Path) -> None:
    model = encoder(LONG[name])
    report = export.save(model, tmp_path / "model.onnx", route="matmul")
    low = report.metadata.lengths[0]
    assert low <= 5
    assert worst_error(report.path, model, [s for s in SHAPES if s[1] >= low]) <= 1e-5


@pytest.mark.slow
def test_a_wavelet_that_does_not_wrap_takes_rows_that_allow_all_its_levels(tmp_path: Path) -> None:
    model = encoder([mixers.Wavelet(wavelet="db2", levels=2, boundary="symmetric")])
    report = export.save(model, tmp_path / "model.onnx", route="matmul")
    assert report.metadata.lengths == (5, None)
    long_enough = [shape for shape in SHAPES if shape[1] >= 5]
    assert worst_error(report.path, model, [(2, 5), *long_enough]) <= 1e-5
    with pytest.raises(Exception, match="indices element out of data bounds"):
        started(report.path).run(None, {"inputs_embeds": np.zeros((1, 4, 12), np.float32)})


@pytest.mark.parametrize("length", [31, pytest.param(16, marks=pytest.mark.slow)])
def test_a_fixed_length_gives_the_answers_of_the_model(length: int, tmp_path: Path) -> None:
    model = encoder("fourier,gfnet", num_layers=2)
    report = export.save(model, tmp_path / "model.onnx", route="matmul", length=length)
    assert worst_error(report.path, model, [(1, length), (4, length)]) <= 1e-5
    with pytest.raises(Exception, match="Expected: "):
        started(report.path).run(None, {"inputs_embeds": np.zeros((1, 5, 12), np.float32)})


@pytest.mark.slow
def test_the_fourier_operator_of_onnx_is_refused_where_it_is_not_right(tmp_path: Path) -> None:
    model = encoder("fourier")
    report = export.save(model, tmp_path / "model.onnx")
    fft = next(attempt for attempt in report.attempts if attempt.route == "fft")
    assert report.metadata.route == "matmul"
    assert fft.refused is not None
    assert "error" in fft.refused
    assert str(fft) in str(report)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"output_type": "sequence", "norm_position": "post"}, id="sequence"),
        pytest.param({"output_type": "lm", "num_classes": None}, id="lm"),
        pytest.param({"output_type": "regression", "pooling": "cls"}, id="regression"),
    ],
)
@pytest.mark.slow
def test_every_head_is_exported(changes: dict[str, Any], tmp_path: Path) -> None:
    assert_ids_are_answered(classifier(num_layers=1, **changes), tmp_path)


def test_token_types_are_an_input_and_learned_positions_end(tmp_path: Path) -> None:
    model = classifier(
        num_layers=1,
        positional_encoding_type="learned",
        type_vocab_size=2,
        pooling="max",
        pooler="tanh",
    )
    report = assert_ids_are_answered(model, tmp_path)
    assert report.metadata.inputs == ["input_ids", "token_type_ids"]
    assert report.metadata.lengths == (1, 31)
    beyond = np.zeros((1, 32), np.int64)
    with pytest.raises(Exception, match=r"out of data bounds|invalid ind"):
        started(report.path).run(None, {"input_ids": beyond, "token_type_ids": beyond})


def assert_ids_are_answered(model: BaseModel, folder: Path) -> export.Report:
    report = export.save(model, folder / "model.onnx", route="matmul")
    session = started(report.path)
    for rows, length in ((1, 1), (2, 7), (3, 31)):
        batch = {name: torch.randint(2, (rows, length)) for name in report.metadata.inputs}
        batch["input_ids"] = torch.randint(40, (rows, length))
        with torch.no_grad():
            wanted = model(**batch).numpy()
        (found,) = session.run(["logits"], {k: v.numpy() for k, v in batch.items()})
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    return report


@pytest.mark.parametrize("bad", [-1, 40])
def test_an_id_outside_the_vocabulary_fails(bad: int, onnx_classifier: Path) -> None:
    with pytest.raises(Exception, match="out of data bounds"):
        started(onnx_classifier).run(None, {"input_ids": np.full((1, 5), bad)})


@pytest.fixture(scope="module")
def onnx_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export.save(classifier(), path, route="matmul")
    return path


@pytest.mark.parametrize(
    "head", ["classification", pytest.param("sequence", marks=pytest.mark.slow)]
)
def test_a_graph_with_a_mask_keeps_padding_exact(head: str, tmp_path: Path) -> None:
    pooling = "max" if head == "classification" else "mean"
    model = classifier(num_layers=1, spectral_type="gfnet", output_type=head, pooling=pooling)
    report = export.save(model, tmp_path / "model.onnx", route="matmul", attention_mask=True)
    assert report.metadata.inputs == ["input_ids", "attention_mask"]
    session = started(report.path)
    for rows, length in ((4, 2), (5, 17)):
        ids, mask = torch.randint(40, (rows, length)), padded(rows, length)
        with torch.no_grad():
            wanted = model(ids, attention_mask=mask).numpy()
        feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        (found,) = session.run(["logits"], feed)
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
        feed["input_ids"] = np.where(mask.numpy() == 1, ids.numpy(), 39)
        assert np.array_equal(session.run(None, feed)[0], found)


def test_a_loaded_file_answers_as_the_model_with_and_without_a_mask(onnx_classifier: Path) -> None:
    torch.manual_seed(0)
    model, loaded = classifier(), export.load(onnx_classifier)
    ids, mask = torch.randint(40, (5, 17)), padded(5, 17)
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids), model(ids), rtol=0, atol=1e-5)
        found, wanted = loaded(ids, attention_mask=mask), model(ids, attention_mask=mask)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_other_versions_of_the_operators_are_written_as_asked(tmp_path: Path) -> None:
    model = encoder("attention")
    report = export.save(model, tmp_path / "model.onnx", opset=18)
    assert report.metadata.opset == 18
    assert worst_error(report.path, model) <= 1e-5


def test_a_file_holds_no_path_of_this_machine(onnx_classifier: Path) -> None:
    assert b"site-packages" not in onnx_classifier.read_bytes()
    assert str(Path(export.__file__).parent).encode() not in onnx_classifier.read_bytes()


def test_positions_stay_right_in_long_rows(tmp_path: Path) -> None:
    model = encoder([mixers.SpectralAttention(num_features=16, position="rotary")])
    report = export.save(model, tmp_path / "model.onnx")
    assert worst_error(report.path, model, [(1, 20_000)]) <= 1e-5
