"""Models of `spectrans.hf` are exported as the model inside them."""

from pathlib import Path

import pytest
import torch

from spectrans import export
from spectrans.hf import SpectransForQuestionAnswering, wrap
from tests.export.plans import classifier


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_a_classifier_of_transformers_is_exported_with_its_labels(
    ending: str, tmp_path: Path
) -> None:
    model = wrap(classifier(num_layers=1), id2label=dict(enumerate("abcd")))
    loaded = export.load(export.save(model, tmp_path / f"model.{ending}", route="matmul").path)
    ids, mask = torch.randint(40, (3, 9)), torch.ones(3, 9)
    mask[0, 4:] = 0
    with torch.no_grad():
        wanted = model.eval()(input_ids=ids, attention_mask=mask).logits
    torch.testing.assert_close(loaded(ids, attention_mask=mask), wanted, rtol=0, atol=1e-5)
    assert loaded.metadata.transformers is not None
    assert loaded.metadata.transformers["id2label"]["3"] == "d"
    assert export.describe(tmp_path / f"model.{ending}") == loaded.metadata


def test_starts_and_ends_of_answers_are_two_columns(tmp_path: Path) -> None:
    model = SpectransForQuestionAnswering(wrap(classifier()).config).eval()
    loaded = export.load(export.save(model, tmp_path / "model.pt2").path)
    ids = torch.randint(40, (2, 9))
    with torch.no_grad():
        wanted = model(input_ids=ids)
    found = loaded(ids)
    assert torch.equal(found[..., 0], wanted.start_logits)
    assert torch.equal(found[..., 1], wanted.end_logits)
