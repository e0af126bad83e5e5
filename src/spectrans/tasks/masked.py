"""Which tokens were hidden? Learning from text without labels."""

from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int64
from pydantic import NonNegativeInt
from torch import Tensor
from torch.nn.functional import cross_entropy

from spectrans.tasks.base import Labels, Meter, Metric, Scores
from spectrans.tasks.collector import Collector, Matched, Place
from spectrans.tasks.tokens import NO_LABEL, TokenTask

# Shares of Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1: asked of all tokens; of these
# hidden; of these replaced by any other token. The rest stays as it is.
ASKED, HIDDEN, REPLACED = 0.15, 0.8, 0.1


class MaskedLM(TokenTask):
    """The hidden tokens of a row.

    Parameters
    ----------
    kind
        Name of this task.
    mask
        The token that stands for a hidden one.
    vocab_size
        Tokens are below this.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(name="perplexity", title="perplexity", percent=False, higher=False),
        Metric(name="accuracy", title="accuracy"),
    )

    kind: Literal["masked-lm"] = "masked-lm"
    mask: NonNegativeInt = 0
    vocab_size: int = 1

    def describe(self) -> str:
        """Say what is asked."""
        return "with hidden tokens to find"

    def head(self) -> dict[str, Any]:
        """Give a head with a score for every token of the vocabulary."""
        return {"output_type": "lm"}

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels: rows label themselves."""
        assert labels is None, "masked tokens are their own labels"

    def ask(
        self, tokens: np.ndarray, label: Any, random: np.random.RandomState
    ) -> tuple[np.ndarray, Any]:
        """Hide some tokens of a row, at least one.

        Parameters
        ----------
        tokens
            Ids of the row.
        label
            Counts for nothing: rows label themselves.
        random
            Draws which tokens are asked for, and what is shown in their place.

        Returns
        -------
        tuple
            The row as it is shown, and the ids that are asked for, -100 elsewhere.
        """
        asked = random.random_sample(len(tokens)) < ASKED
        asked[random.randint(len(tokens))] |= not asked.any()
        # Bytes cannot hold -100.
        shown = tokens.astype(np.int64)
        label = np.where(asked, shown, NO_LABEL)
        fate = random.random_sample(len(tokens))
        shown[asked & (fate < HIDDEN)] = self.mask
        replaced = asked & (fate >= HIDDEN) & (fate < HIDDEN + REPLACED)
        shown[replaced] = random.randint(self.vocab_size, size=int(replaced.sum()))
        return shown, label

    def meter(self) -> "MaskedMeter":
        """Give a meter of perplexity and accuracy."""
        return MaskedMeter()

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give the likeliest tokens of each hidden place, with their probabilities."""
        orders = np.argsort(-row, axis=-1, kind="stable")[:, :top]
        return {
            "hidden": [
                {"tokens": order.tolist(), "probabilities": shares[order].tolist()}
                for order, shares in zip(orders, row, strict=True)
            ]
        }

    def show(self, answer: dict[str, Any]) -> str:
        """Write the likeliest tokens of each hidden place, and those that were there."""
        shown = " | ".join(
            "  ".join(
                f"{token} {share:.2f}"
                for token, share in zip(place["tokens"], place["probabilities"], strict=True)
            )
            for place in answer["hidden"]
        )
        if "truth" not in answer:
            return shown
        return f"{shown}  (it is {' | '.join(str(token) for token in answer['truth'])})"

    def truth(self, label: Any) -> list[int]:
        """Give the hidden tokens."""
        return [int(token) for token in label]


class MaskedMeter(Meter):
    """Perplexity, accuracy and loss over the hidden tokens."""

    def __init__(self) -> None:
        self.loss, self.count, self.right = 0.0, 0, 0

    def add(self, outputs: Float[Tensor, "b n vocab"], targets: Int64[Tensor, "b n"]) -> None:
        """Count a batch."""
        asked = targets != NO_LABEL
        outputs, targets = outputs[asked], targets[asked]
        self.loss += cross_entropy(outputs, targets, reduction="sum").item()
        self.right += int((outputs.argmax(-1) == targets).sum())
        self.count += len(targets)

    def scores(self) -> Scores:
        """Judge all batches so far."""
        return scores(self.loss / max(1, self.count), self.right / max(1, self.count))


def scores(loss: float, accuracy: float) -> Scores:
    """Give all figures from the mean loss and the share of right answers."""
    with np.errstate(over="ignore"):
        perplexity = float(np.exp(np.float64(loss)))
    return Scores(values={"perplexity": perplexity, "accuracy": accuracy, "loss": loss})


class NoLabels(Collector):
    """Reads no label."""

    def __init__(self) -> None:
        self.rows = 0

    def read(self, value: Any, length: int | None) -> None:
        """Take anything."""

    def keep(self, label: None, place: Place) -> None:
        """Count the row."""
        self.rows += 1

    def finish(self, source: str, trained: slice) -> tuple[MaskedLM, Labels]:
        """Give the task; its mask follows from the encoding."""
        return MaskedLM(), None

    def match(self, task: MaskedLM) -> Matched:
        """Give no labels."""
        return Matched(None, np.arange(self.rows), {})
