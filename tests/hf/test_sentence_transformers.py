"""A `SentenceTransformer` made of our encoder and mean pooling: encodes, trains, comes back."""

from pathlib import Path
from typing import Any

import pytest
import torch

from spectrans.hf import SpectransModel
from tests.hf.made import build
from tests.hf.text import sentences, tokenizer

WHY = 'needs the extra "sentence-transformers": pip install -e ".[sentence-transformers]"'
pytest.importorskip("sentence_transformers", reason=WHY)

from sentence_transformers import SentenceTransformer  # noqa: E402
from sentence_transformers.sentence_transformer.losses import (  # noqa: E402
    MultipleNegativesRankingLoss,
)
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer  # noqa: E402

TEXTS = sentences()[0][:6]


@pytest.fixture
def encoder(tmp_path: Path) -> Any:
    torch.manual_seed(0)
    model = build(SpectransModel, vocab_size=len(tokenizer()), hidden_dim=32, sequence_length=64)
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    words = Transformer(str(tmp_path))
    pooling = Pooling(words.get_embedding_dimension(), "mean")
    return SentenceTransformer(modules=[words, pooling], device="cpu")


def test_a_text_becomes_the_mean_of_its_tokens(encoder: Any) -> None:
    model = encoder[0].auto_model
    assert type(model) is SpectransModel
    found = torch.tensor(encoder.encode(TEXTS))
    alone = [model(**tokenizer()(text, return_tensors="pt")).last_hidden_state[0] for text in TEXTS]
    torch.testing.assert_close(found, torch.stack([x.mean(0) for x in alone]), rtol=0, atol=1e-5)


def test_it_trains_and_comes_back(encoder: Any, tmp_path: Path) -> None:
    texts = sentences()[0][:64]
    halves = [t[: len(t) // 2] for t in texts], [t[len(t) // 2 :] for t in texts]
    batch = [encoder.preprocess(half) for half in halves]
    loss = MultipleNegativesRankingLoss(encoder)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=3e-3)
    values = []
    for _ in range(20):
        value = loss(batch, None)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]
    encoder.eval().save_pretrained(str(tmp_path / "saved"))
    again = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    torch.testing.assert_close(
        torch.tensor(again.encode(TEXTS)), torch.tensor(encoder.encode(TEXTS)), rtol=0, atol=1e-5
    )
