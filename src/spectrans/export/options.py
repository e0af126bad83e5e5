"""What an export may be told."""

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from spectrans.options import Options

INPUTS = ("input_ids", "inputs_embeds", "token_type_ids")


class ExportOptions(Options):
    """Settings of one export; the defaults fit a model that is fed with batches of equal length.

    Parameters
    ----------
    length
        Tokens of every row; None leaves the length open. A fixed length lets runtimes compute all
        matrices once, when they load the file.
    inputs
        Names of the inputs; None takes `input_ids`, or `inputs_embeds` for a model without
        vocabulary, and `token_type_ids` where the model tells token types apart.
    route
        How transforms are computed: "fft", or "matmul" for products with real matrices. "auto"
        takes the model's own way for `.pt2`, and for `.onnx` the fastest that is right.
    attention_mask
        For `.onnx`: a further input `attention_mask`, and a graph that runs row after row, each on
        its real tokens only, which keeps padding exact. A `.pt2` needs none: what `load` gives
        takes a mask as it is.
    opset
        For `.onnx`: version of the operators.
    tolerance
        Largest error of the probes, relative to the largest value; None is 1e-5, and eight units in
        the last place for half precision.
    speed_shape
        Rows and tokens of the batch that the speed is measured with; None is one row of the longest
        length the model is meant for.
    overwrite
        Whether an existing file is replaced.
    """

    length: PositiveInt | None = None
    inputs: tuple[str, ...] | None = None
    route: Literal["auto", "fft", "matmul"] = "auto"
    attention_mask: bool = False
    opset: int = Field(default=20, ge=18, le=23)
    tolerance: PositiveFloat | None = None
    speed_shape: tuple[PositiveInt, PositiveInt] | None = None
    overwrite: bool = False

    @field_validator("inputs", "speed_shape", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take a list as well, which is what YAML and JSON have."""
        return tuple(value) if isinstance(value, list) else value
