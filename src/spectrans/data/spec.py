"""Every setting of a data set, as one checked value."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, Strict, field_validator, model_validator

from spectrans.data.tokenizer import LARGEST, SMALLEST, TRAINED
from spectrans.errors import must
from spectrans.options import Options

TaskName = Literal[
    "classification", "multi-label", "regression", "token-classification", "masked-lm"
]


class DataSpec(Options):
    """What to read, and how.

    Parameters
    ----------
    source
        Name of an embedded data set, or path of a file or folder, see `spectrans.data.load`.
    task
        What is to be answered; None guesses it from the first rows, and without labels takes
        "masked-lm".
    text
        Column of the text or sequence; None takes one with a usual name.
    label
        Column of the label, or several; none takes one with a usual name.
    tokenizer
        What cuts texts to tokens: "byte", the default; "bpe", "wordpiece" or "word", trained on
        the training rows; or the path of a `tokenizer.json` or of a folder with one.
    vocab_size
        Pieces at most, of a tokenizer that is trained; None stands for 4,096.
    max_length
        Longer rows are cut to this many tokens; None cuts texts to 1,024, and no other rows.
    dedup
        Leave out every row with an input that another row has: of two splits, test rows stay.
    seed
        Decides the splits, and what is drawn at random in embedded data.
    """

    source: str = "digits"
    task: TaskName | None = None
    text: str | None = None
    label: Annotated[tuple[str, ...], Strict(False)] = ()
    tokenizer: str | None = None
    vocab_size: int | None = Field(default=None, ge=SMALLEST, le=LARGEST)
    max_length: PositiveInt | None = None
    dedup: bool = False
    seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("label", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> "DataSpec":
        if self.vocab_size is not None and self.tokenizer not in TRAINED:
            rule = "be left out unless a tokenizer is trained, bpe, wordpiece or word"
            raise ValueError(must("vocab_size", rule, self.vocab_size))
        return self
