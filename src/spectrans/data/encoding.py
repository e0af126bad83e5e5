"""What a token of a data set is, and so what a model of it is fed with."""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from jaxtyping import Float32
from pydantic import Discriminator, PositiveInt, Strict, Tag
from torch import Tensor

from spectrans.errors import must
from spectrans.options import Options, kind_of
from spectrans.sequences import Sequences

# Channels of zeros behind those of a vector, in which positions are told apart from values.
ROOM = 32


class _Ids(Options):
    """Tokens that are whole numbers below `vocab_size`."""

    vocab_size: PositiveInt

    def inputs(self) -> dict[str, Any]:
        """Give the settings of a model that is fed with these tokens."""
        return {"vocab_size": self.vocab_size}

    def describe(self) -> str:
        """Say what tokens are, as in "read as ..."."""
        return f"ids below {self.vocab_size:,}"

    def check(self, name: str, tokens: Sequences) -> None:
        """Refuse tokens that this encoding cannot have.

        Parameters
        ----------
        name
            Of the split, for the message.
        tokens
            Of the split.

        Raises
        ------
        ValueError
            The row, the rule and the value.
        """
        if tokens.flat.ndim != 1 or tokens.flat.dtype.kind not in "iu":
            found = f"{tokens.flat.ndim}-D {tokens.flat.dtype}"
            raise ValueError(must(f"{name}.tokens", "be 1-D arrays of integers", found))
        if not len(tokens.flat):
            return
        low = min(int(chunk.min()) for chunk in tokens.chunks())
        high = max(int(chunk.max()) for chunk in tokens.chunks())
        if low >= 0 and high < self.vocab_size:
            return
        # The memory may hold rows of other splits: only now is each row looked at.
        for row, sequence in enumerate(tokens):
            wrong = sequence[(sequence < 0) | (sequence >= self.vocab_size)]
            if len(wrong):
                rule = f"be between 0 and {self.vocab_size - 1}"
                raise ValueError(must(f"{name}.tokens[{row}]", rule, int(wrong[0])))

    def present(self, tokens: np.ndarray) -> np.ndarray:
        """Give a sequence as a model takes it."""
        return tokens

    def stand_in(self, rows: int, length: int) -> Tensor:
        """Make up a batch, to measure what a training step costs.

        Parameters
        ----------
        rows
            Of the batch.
        length
            Tokens of each.

        Returns
        -------
        Tensor
            What a model takes.
        """
        return torch.randint(self.vocab_size, (rows, length))


class Bytes(_Ids):
    """The bytes of a text in UTF-8.

    Parameters
    ----------
    kind
        Name of this encoding.
    vocab_size
        Always 256.
    """

    kind: Literal["byte"] = "byte"
    vocab_size: Literal[256] = 256

    def describe(self) -> str:
        """Say what tokens are, as in "read as ..."."""
        return "UTF-8 bytes"


class Pixels(_Ids):
    """Grey values on a grid, row by row.

    Parameters
    ----------
    kind
        Name of this encoding.
    vocab_size
        Number of grey values.
    """

    kind: Literal["pixel"] = "pixel"
    vocab_size: PositiveInt

    def describe(self) -> str:
        """Say what tokens are, as in "read as ..."."""
        return f"grey values below {self.vocab_size:,}"


class Ids(_Ids):
    """Whole numbers that a user made.

    Parameters
    ----------
    kind
        Name of this encoding.
    vocab_size
        One more than the largest.
    """

    kind: Literal["id"] = "id"
    vocab_size: PositiveInt


class Subwords(_Ids):
    """Pieces of words of a text.

    Parameters
    ----------
    kind
        Name of this encoding.
    vocab_size
        Number of pieces.
    name
        How the tokenizer came to be: "bpe", "wordpiece" and "word" were trained on the rows to
        train on.
    fingerprint
        Equal for equal tokenizers.
    """

    kind: Literal["subword"] = "subword"
    vocab_size: PositiveInt
    name: str
    fingerprint: str

    def describe(self) -> str:
        """Say what tokens are, as in "read as ..."."""
        pieces = "whole words" if self.name == "word" else "pieces of words"
        return f"{self.vocab_size:,} {pieces} ({self.name})"


class Vectors(Options):
    """Vectors of numbers, each channel shifted and scaled by what the training rows hold.

    A model is fed with these channels and then 32 of zeros: with few channels, positions could not
    be told from values otherwise.

    Parameters
    ----------
    kind
        Name of this encoding.
    mean
        Of each channel.
    scale
        Standard deviation of each channel; 1 where it never changes.
    """

    kind: Literal["vector"] = "vector"
    mean: Annotated[tuple[float, ...], Strict(False)]
    scale: Annotated[tuple[float, ...], Strict(False)]

    def inputs(self) -> dict[str, Any]:
        """Give the settings of a model that is fed with these tokens."""
        return {"vocab_size": None, "embedding_dim": len(self.mean) + ROOM}

    def describe(self) -> str:
        """Say what tokens are, as in "read as ..."."""
        return f"vectors of {len(self.mean):,} channel{'' if len(self.mean) == 1 else 's'}"

    def check(self, name: str, tokens: Sequences) -> None:
        """Refuse tokens that this encoding cannot have.

        Parameters
        ----------
        name
            Of the split, for the message.
        tokens
            Of the split.

        Raises
        ------
        ValueError
            The rule and what was found.
        """
        if tokens.flat.ndim != 2 or tokens.flat.shape[1] != len(self.mean):
            found = f"{tokens.flat.dtype} of shape {tokens.flat.shape[1:]}"
            raise ValueError(must(f"{name}.tokens", f"have {len(self.mean)} channels", found))

    def present(self, tokens: np.ndarray) -> Float32[np.ndarray, "n width"]:
        """Give a sequence as a model takes it: standardised, with room for positions."""
        shown = np.zeros((len(tokens), len(self.mean) + ROOM), dtype=np.float32)
        shown[:, : len(self.mean)] = (tokens - np.array(self.mean)) / np.array(self.scale)
        return shown

    def stand_in(self, rows: int, length: int) -> Tensor:
        """Make up a batch, to measure what a training step costs.

        Parameters
        ----------
        rows
            Of the batch.
        length
            Tokens of each.

        Returns
        -------
        Tensor
            What a model takes.
        """
        return torch.randn(rows, length, len(self.mean) + ROOM)


AnyEncoding = Annotated[
    Annotated[Bytes, Tag("byte")]
    | Annotated[Pixels, Tag("pixel")]
    | Annotated[Ids, Tag("id")]
    | Annotated[Subwords, Tag("subword")]
    | Annotated[Vectors, Tag("vector")],
    Discriminator(kind_of),
]
