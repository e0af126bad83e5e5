"""`.pt2` files: loaded in another process, they give the model's answers."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spectrans import export
from tests.export.plans import LONG, PLANS, classifier, encoder, padded

SHAPES = ((1, 1), (3, 1), (2, 2), (2, 3), (5, 13), (3, 31), (2, 64), (1, 131))

READER = """
import sys
import torch
torch.set_num_threads(1)
folder = sys.argv[1]
found = {}
for name in sys.argv[2:]:
    program = torch.export.load(f"{folder}/{name}.pt2").module(check_guards=False)
    batches = torch.load(f"{folder}/{name}.in")
    found[name] = [program(inputs_embeds=x).detach() for x in batches]
torch.save(found, f"{folder}/found")
assert "spectrans" not in sys.modules
"""


@pytest.mark.slow
def test_another_process_gives_the_answers_of_the_models(tmp_path: Path) -> None:
    wanted = {}
    for name, layers in PLANS.items():
        model = encoder(layers)
        export.save(model, tmp_path / f"{name}.pt2")
        batches = [torch.randn(*shape, 12) for shape in SHAPES]
        torch.save(batches, tmp_path / f"{name}.in")
        with torch.no_grad():
            wanted[name] = [model(inputs_embeds=x) for x in batches]
    run = [sys.executable, "-W", "ignore", "-c", READER, str(tmp_path), *PLANS]
    subprocess.run(run, check=True, capture_output=True, text=True)
    found = torch.load(tmp_path / "found")
    errors = {
        name: max(
            float((f - w).abs().max() / w.abs().max())
            for f, w in zip(found[name], wanted[name], strict=True)
        )
        for name in PLANS
    }
    assert max(errors.values()) <= 5e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LONG))
def test_a_loaded_file_gives_the_answers_of_every_wavelet(name: str, tmp_path: Path) -> None:
    model = encoder(LONG[name])
    loaded = export.load(export.save(model, tmp_path / "model.pt2").path)
    for rows, length in [s for s in SHAPES if s[1] >= loaded.metadata.lengths[0]]:
        x = torch.randn(rows, length, 12)
        with torch.no_grad():
            torch.testing.assert_close(loaded(inputs_embeds=x), model(inputs_embeds=x))


def test_a_fixed_length_gives_the_answers_of_a_stored_filter(tmp_path: Path) -> None:
    model = encoder(PLANS["gfnet"])
    report = export.save(model, tmp_path / "model.pt2", length=31)
    x = torch.randn(2, 31, 12)
    with torch.no_grad():
        found, wanted = export.load(report.path)(inputs_embeds=x), model(inputs_embeds=x)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


@pytest.fixture(scope="module")
def pt2_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("pt2") / "model.pt2"
    export.save(classifier(), path)
    return path


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (4, 17), (1, 97)])
def test_a_loaded_file_gives_the_answers_of_dense_batches(
    shape: tuple[int, int], pt2_classifier: Path
) -> None:
    torch.manual_seed(0)
    model, loaded = classifier(), export.load(pt2_classifier)
    ids = torch.randint(40, shape)
    with torch.no_grad():
        found, wanted = loaded(ids), model(ids)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("head", ["classification", "sequence"])
def test_a_loaded_file_takes_a_mask(head: str, tmp_path: Path) -> None:
    model = classifier(output_type=head, spectral_type="gfnet", pooling="mean")
    loaded = export.load(export.save(model, tmp_path / "model.pt2").path)
    ids, mask = torch.randint(40, (5, 17)), padded(5, 17)
    with torch.no_grad():
        found, wanted = loaded(ids, attention_mask=mask), model(ids, attention_mask=mask)
        assert torch.equal(loaded(ids, attention_mask=torch.zeros(5, 17))[:1], wanted[1:2])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def test_autocast_around_a_loaded_file_changes_nothing(pt2_classifier: Path) -> None:
    loaded, ids = export.load(pt2_classifier), torch.randint(40, (2, 9))
    with torch.autocast("cpu", torch.bfloat16):
        found = loaded(ids)
    assert torch.equal(found, loaded(ids))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_of_weights_are_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    model = encoder("fourier,attention", num_layers=2).to(dtype)
    report = export.save(model, tmp_path / "model.pt2")
    x = torch.randn(2, 9, 12, dtype=dtype)
    with torch.no_grad():
        found, wanted = export.load(report.path)(inputs_embeds=x), model(inputs_embeds=x)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.slow
def test_matrices_take_the_place_of_transforms_where_asked(tmp_path: Path) -> None:
    model = encoder("fourier,gfnet,lst", num_layers=3)
    report = export.save(model, tmp_path / "model.pt2", route="matmul")
    program = torch.export.load(str(report.path))
    assert not [node for node in program.graph.nodes if "fft" in str(node.target)]
    assert report.metadata.route == "matmul"
    assert report.max_relative_error <= 1e-5


def test_a_file_holds_no_path_of_this_machine(pt2_classifier: Path) -> None:
    assert b"site-packages" not in pt2_classifier.read_bytes()
    assert str(Path(export.__file__).parent).encode() not in pt2_classifier.read_bytes()


@pytest.mark.gpu
def test_a_loaded_file_runs_on_a_gpu(pt2_classifier: Path) -> None:
    loaded, ids = export.load(pt2_classifier, "cuda"), torch.randint(40, (4, 17))
    wanted = export.load(pt2_classifier)(input_ids=ids)
    torch.testing.assert_close(loaded(ids.cuda()).cpu(), wanted, rtol=0, atol=1e-5)
    mask = padded(4, 17)
    wanted = export.load(pt2_classifier)(ids, attention_mask=mask)
    found = loaded(ids.cuda(), attention_mask=mask.cuda()).cpu()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
