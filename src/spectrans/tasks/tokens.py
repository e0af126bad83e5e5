"""One of several classes for each word, or for each token of a sequence."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from pydantic import Strict, model_validator
from torch import Tensor
from torch.nn.functional import cross_entropy

from spectrans.errors import must
from spectrans.sequences import Sequences, laid_out
from spectrans.spill import Growing
from spectrans.tasks.base import Labels, Meter, Metric, Scores, Task
from spectrans.tasks.classes import Classes
from spectrans.tasks.collector import Collector, Matched, Place, fault, missing
from spectrans.tasks.counts import ClassCounts, balanced, refuse_few
from spectrans.tasks.spans import are_tags, spans

MOST_CLASSES = 1_000
# Of tokens that nothing is asked of.
NO_LABEL = -100


TOKEN_METRICS = (
    Metric(name="macro_f1", title="macro F1"),
    Metric(name="accuracy", title="accuracy"),
)
ENTITY_METRICS = (Metric(name="entity_f1", title="entity F1"), *TOKEN_METRICS)


class TokenTask(Task):
    """A class for each token that has a label; the label -100 is none."""

    per_token: ClassVar[bool] = True

    def targets(self, labels: list[Any], length: int) -> Int64[Tensor, "b n"]:
        """Give the classes of all tokens, -100 at padding."""
        targets = np.full((len(labels), length), NO_LABEL, dtype=np.int64)
        for row, label in enumerate(labels):
            targets[row, : len(label)] = label
        return torch.from_numpy(targets)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        items: Tensor | None = None,
    ) -> Tensor:
        """Give the mean cross entropy over all tokens with a label."""
        targets = targets.flatten()
        # Without any label, the mean would be no number.
        asked = (targets != NO_LABEL).sum().clamp(min=1) if items is None else items
        total = cross_entropy(
            outputs.flatten(0, -2), targets, weights, ignore_index=NO_LABEL, reduction="sum"
        )
        return total / asked

    def strata(self, labels: Labels) -> tuple[Int64[np.ndarray, " rows"], tuple[str, ...]]:
        """Put all rows into one stratum."""
        return np.zeros(0 if labels is None else len(labels), dtype=np.int64), ()

    def answers(self, outputs: Tensor) -> Tensor:
        """Give the probability of every class for each token."""
        return outputs.softmax(-1)

    def stand_in(self, outputs: Tensor) -> Tensor:
        """Make up a class for each token."""
        return torch.zeros(outputs.shape[:-1], dtype=torch.int64)


class TokenClassification(TokenTask):
    """One class for each word of a text, or each token of a sequence.

    Parameters
    ----------
    kind
        Name of this task.
    labels
        The classes in the order of their indices, at least two.
    """

    kind: Literal["token-classification"] = "token-classification"
    labels: Annotated[tuple[str, ...], Strict(False)]

    _check = model_validator(mode="after")(refuse_few)

    @property
    def has_entities(self) -> bool:
        """Whether the classes are tags of spans, as B-LOC and I-LOC."""
        return are_tags(self.labels)

    @property
    def metrics(self) -> tuple[Metric, ...]:  # type: ignore[override]
        """The figures; with tags of spans, whole spans decide.

        Most words are of no interest: counted equally, they would hide the others.
        """
        return ENTITY_METRICS if self.has_entities else TOKEN_METRICS

    def describe(self) -> str:
        """Say how many classes there are."""
        return f"with {len(self.labels)} classes of words or tokens"

    def head(self) -> dict[str, Any]:
        """Give a head with a number for each class at each token."""
        return {"output_type": "sequence", "num_classes": len(self.labels)}

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels that are no class for each token."""
        if not isinstance(labels, Sequences):
            rule = "hold an array for each row"
            raise ValueError(must(f"{name}.labels", rule, type(labels).__name__))
        for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
            if len(label) != length:
                rule = f"have one entry for each of the {length} tokens"
                raise ValueError(must(f"{name}.labels[{row}]", rule, len(label)))
            wrong = label[(label != NO_LABEL) & ((label < 0) | (label >= len(self.labels)))]
            if len(wrong):
                rule = f"be between 0 and {len(self.labels) - 1}, or {NO_LABEL}"
                raise ValueError(must(f"{name}.labels[{row}]", rule, int(wrong[0])))

    def balance(self, labels: Labels) -> Tensor:
        """Weigh each class by one over its share of the tokens with a label."""
        assert isinstance(labels, Sequences)
        return balanced(torch.from_numpy(self._counts(labels)))

    def _counts(self, labels: Sequences) -> Int64[np.ndarray, " classes"]:
        counts = np.zeros(len(self.labels), dtype=np.int64)
        for label in labels:
            counts += np.bincount(label[label != NO_LABEL], minlength=len(counts))
        return counts

    def meter(self) -> "TokenMeter":
        """Give a meter of entities, macro F1, accuracy and every class."""
        return TokenMeter(self)

    def constant(self, labels: Labels) -> tuple[str, Tensor]:
        """Answer with the share of every class."""
        assert isinstance(labels, Sequences)
        counts = self._counts(labels).astype(np.float64)
        shares = torch.from_numpy(counts).clamp(min=0.5) / max(1.0, counts.sum())
        return "majority class", torch.log(shares)

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give the likeliest class of each word or token, with its probability."""
        best = row.argmax(-1)
        shares = row[np.arange(len(row)), best]
        return {"labels": [self.labels[k] for k in best], "probabilities": shares.tolist()}

    def show(self, answer: dict[str, Any]) -> str:
        """Write each word with its class, or the classes alone."""
        labels = answer["labels"]
        words = answer.get("words")
        shown = " ".join(f"{w}/{x}" for w, x in zip(words, labels, strict=True)) if words else None
        shown = shown or " ".join(labels)
        if "truth" not in answer:
            return shown
        wrong = sum(t is not None and t != x for t, x in zip(answer["truth"], labels, strict=True))
        return f"{shown}  ({f'{wrong} wrong' if wrong else 'right'})"

    def truth(self, label: Any) -> list[str | None]:
        """Give the name of the class of each token; None where there is none."""
        return [None if k == NO_LABEL else self.labels[k] for k in label.tolist()]


class TokenMeter(Meter):
    """Macro F1, accuracy, loss and every class, over all tokens with a label; F1 of entities.

    An entity is right where its first and last word and its name are.

    Parameters
    ----------
    task
        Its classes.
    """

    def __init__(self, task: TokenClassification) -> None:
        self.task = task
        self.counts = ClassCounts(task.labels)
        self.loss = 0.0
        self.entities = np.zeros(3, dtype=np.int64)

    def add(self, outputs: Float[Tensor, "b n classes"], targets: Int64[Tensor, "b n"]) -> None:
        """Count a batch of rows."""
        if self.task.has_entities:
            for answer, target in zip(outputs.argmax(-1).cpu(), targets.cpu(), strict=True):
                self.entities += entity_counts(self.task.labels, answer, target)
        outputs, targets = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
        asked = targets != NO_LABEL
        outputs, targets = outputs[asked], targets[asked]
        self.loss += cross_entropy(outputs, targets, reduction="sum").item()
        self.counts.add(outputs.argmax(-1), targets)

    def scores(self) -> Scores:
        """Judge all batches so far."""
        found = self.counts.scores(self.loss / max(1, self.counts.total))
        if not self.task.has_entities:
            return found
        right, true, answered = (int(n) for n in self.entities)
        return Scores(
            values={"entity_f1": 2 * right / max(1, true + answered), **found.values},
            classes=found.classes,
        )


def entity_counts(
    labels: tuple[str, ...], answer: Int64[Tensor, " n"], target: Int64[Tensor, " n"]
) -> Int64[np.ndarray, " 3"]:
    """Count the entities of a row that were found, that there are, and that were answered."""
    asked = target != NO_LABEL
    found, wanted = (
        set(spans([labels[k] for k in tags[asked].tolist()])) for tags in (answer, target)
    )
    return np.array([len(found & wanted), len(wanted), len(found)], dtype=np.int64)


class TokenCollector(Collector):
    """Reads a class for each word or token: a list, or in a table the classes between blanks."""

    def __init__(self) -> None:
        self.classes = Classes(MOST_CLASSES)
        self.found = Growing(np.int32)
        self.counts = Growing(np.int64)

    def read(self, value: Any, length: int | None) -> list[str | None]:
        """Give the names of the classes of a row; None where a word has none."""
        names = value.split() if isinstance(value, str) else value
        if not isinstance(names, list):
            raise fault("be a list with a class for each word or token", value)
        if length is None:
            raise fault("belong to a list of words", value, "is it the right column?")
        if len(names) != length:
            rule = f"have one class for each of the {length} words or tokens"
            raise fault(rule, f"{len(names)} classes")
        wrong = [n for n in names if not (missing(n) or isinstance(n, (str, int)))]
        if wrong:
            raise fault("hold names or whole numbers", wrong[0])
        return [None if missing(name) else str(name).strip() for name in names]

    def keep(self, label: list[str | None], place: Place) -> None:
        """Keep the classes of the next row."""
        self.found.extend(NO_LABEL if name is None else self.classes.code(name) for name in label)
        self.counts.append(len(label))
        self.classes.check(place)

    def finish(self, source: str, trained: slice) -> tuple[TokenClassification, Labels]:
        """Give the classes in order, and those of each row."""
        names, index = self.classes.finish(source)
        found = self.found.finish()
        codes = np.where(found == NO_LABEL, NO_LABEL, index[np.maximum(found, 0)])
        counts = self.counts.finish()
        labels = Sequences(codes.astype(np.int32), laid_out(counts), counts)
        some = labels[trained]
        seen = set(np.unique(np.concatenate(list(some))).tolist()) if len(some) else set()
        for k, name in enumerate(names):
            if k not in seen:
                fix = "add rows of it there"
                rule = "must have each class in the training rows"
                raise ValueError(f"{source} {rule}, got none of {name!r}; {fix}")
        return TokenClassification(labels=names), labels

    def match(self, task: TokenClassification) -> Matched:
        """Give the classes of all tokens; of other classes nothing is asked."""
        # One more, for a code of -100.
        known = np.append(self.classes.among(task.labels, absent=NO_LABEL), NO_LABEL)
        found = self.found.finish()
        codes = np.where(found == NO_LABEL, len(known) - 1, found)
        times = np.bincount(codes, minlength=len(known))
        unseen = {n: int(times[k]) for k, n in enumerate(self.classes) if known[k] == NO_LABEL}
        counts = self.counts.finish()
        labels = Sequences(known[codes].astype(np.int32), laid_out(counts), counts)
        return Matched(labels, np.arange(len(counts)), unseen)
