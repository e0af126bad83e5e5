"""What a token of a data set is, and so what a model of it is fed with."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Discriminator, PositiveInt, Tag
from torch import Tensor

from spectrans.errors import must
from spectrans.options import Options, kind_of
from spectrans.sequences import Sequences


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

    def stand_in(self, rows: int, length: int) -> Tensor:
        """Make up a batch, to measure what a training step costs."""
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


AnyEncoding = Annotated[
    Annotated[Bytes, Tag("byte")] | Annotated[Pixels, Tag("pixel")] | Annotated[Ids, Tag("id")],
    Discriminator(kind_of),
]
