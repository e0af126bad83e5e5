"""What a request asks: read from the wire within limits, and checked."""

import asyncio
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.requests import ClientDisconnect, Request

from spectrans.data.tokenizer import Tokenizer
from spectrans.printable import shortened
from spectrans.serving.limits import Limits
from spectrans.training.inputs import Input, read_line, reads_text
from spectrans.training.record import DataRecord

# Longer than any row of a request: what is over the model's own length is then seen.
_ANY_LENGTH = 1 << 40
_LONGEST_REASON = 300
# How much of a request that is too large is read, in multiples of what is allowed.
_FORGOTTEN = 16


class RefusalError(Exception):
    """A request that is not answered: a status of HTTP, and why in one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = shortened(reason, _LONGEST_REASON)


class Asked(BaseModel):
    """Sequences, and how they are to be answered."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: Annotated[
        JsonValue, Field(description="One sequence: a text, or a list of numbers or of vectors.")
    ] = None
    inputs: Annotated[list[JsonValue] | None, Field(description="Or several of them.")] = None
    top: Annotated[
        int, Field(ge=1, le=1000, description="Classes or tokens to name for each, at most.")
    ] = 3
    truncate: Annotated[
        bool, Field(description="Cut longer sequences to what the model takes; else refuse them.")
    ] = False

    @property
    def rows(self) -> list[tuple[str, Any]]:
        """Each sequence with its place."""
        if self.inputs is None:
            return [("input", self.input)]
        return [(f"inputs[{number}]", value) for number, value in enumerate(self.inputs)]


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read the body of a request, and stop where it is too large or too slow.

    Parameters
    ----------
    request
        From the server.
    limits
        Bytes and seconds.

    Returns
    -------
    bytes
        The whole body.

    Raises
    ------
    RefusalError
        413, 408, or 499 where the client has gone.
    """
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(limits.patience):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limits.body:
                    body += chunk
                # A client that is still sending hears nothing: read on for a while, and forget it.
                elif size > _FORGOTTEN * limits.body:
                    break
    except TimeoutError:
        reason = f"the request must arrive within {limits.patience:g} seconds"
        raise RefusalError(408, reason) from None
    except ClientDisconnect:
        raise RefusalError(499, "the client has gone") from None
    if size > limits.body:
        raise RefusalError(413, f"the request must have at most {limits.body:,} bytes")
    return bytes(body)


def parse(body: bytes, limits: Limits) -> Asked:
    """Read the JSON of a request.

    Parameters
    ----------
    body
        Its bytes.
    limits
        Rows.

    Returns
    -------
    Asked
        With at least one sequence.

    Raises
    ------
    RefusalError
        422 and what is wrong.
    """
    try:
        asked = Asked.model_validate_json(body)
    except ValidationError as error:
        raise RefusalError(422, _sentence(error)) from None
    if (asked.input is None) == (asked.inputs is None):
        got = "neither" if asked.input is None else "both"
        raise RefusalError(422, f"the request must give input or inputs, got {got}")
    if not 1 <= len(asked.rows) <= limits.rows:
        rule = f"inputs must hold 1 to {limits.rows:,} sequences, got {len(asked.rows):,}"
        raise RefusalError(422, rule)
    return asked


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return f"the request must be JSON: {first['ctx']['error']}"
    name = ".".join(str(part) for part in first["loc"]) or "the request"
    if first["type"] == "extra_forbidden":
        return f"unknown field {name!r} (available: {', '.join(Asked.model_fields)})"
    rule = first["msg"].removeprefix("Input should be ")
    return f"{name} must be {rule}, got {shortened(repr(first['input']), 40)}"


def read_rows(asked: Asked, data: DataRecord, tokenizer: Tokenizer | None) -> list[Input]:
    """Turn the sequences of a request into what a model is fed with.

    Parameters
    ----------
    asked
        The request.
    data
        What the model was trained on.
    tokenizer
        What cuts texts to pieces of words, if that is what tokens are.

    Returns
    -------
    list of Input
        One for each.

    Raises
    ------
    RefusalError
        422 and what is wrong with the first that cannot be read.
    """
    try:
        return [_read(place, value, asked, data, tokenizer) for place, value in asked.rows]
    except ValueError as error:
        raise RefusalError(422, str(error)) from None


def _read(
    place: str, value: Any, asked: Asked, data: DataRecord, tokenizer: Tokenizer | None
) -> Input:
    line = _line(place, value, data)
    if data.encoding.kind == "pixel":
        return read_line(place, line, data)
    given = read_line(place, line, data.model_copy(update={"max_length": _ANY_LENGTH}), tokenizer)
    if len(given.tokens) <= data.max_length:
        return given
    if asked.truncate:
        return read_line(place, line, data, tokenizer)
    rule = f"have at most {data.max_length:,} tokens, or truncate must be true"
    raise ValueError(f"{place} must {rule}, got {len(given.tokens):,} tokens")


def _line(place: str, value: Any, data: DataRecord) -> str:
    """Write a sequence in a line, as files hold them."""
    if isinstance(value, str):
        return value
    if reads_text(data):
        raise ValueError(f"{place} must be a text, got {shortened(json.dumps(value), 40)}")
    if not isinstance(value, list) or not value:
        rule = "be a text or a list with numbers"
        raise ValueError(f"{place} must {rule}, got {shortened(json.dumps(value), 40)}")
    if data.encoding.kind == "pixel":
        return ",".join(json.dumps(number) for number in value)
    return json.dumps(value)


def describe(data: DataRecord) -> dict[str, Any]:
    """Say what a model takes and answers, as plain data."""
    return {
        "data": data.name,
        "description": data.description,
        "task": data.task.kind,
        "labels": list(data.task.labels),
        "tokens": data.encoding.kind,
        "max_length": data.max_length,
        "vocab_size": getattr(data.encoding, "vocab_size", None),
    }
