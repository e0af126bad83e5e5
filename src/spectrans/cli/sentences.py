"""What the command line says when it cannot go on, always one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from spectrans.disk import is_unwritable
from spectrans.printable import plain


class Refused(TyperException):
    """Bad input, in one sentence: exit code 2."""

    exit_code = 2


class Failed(TyperException):
    """Good input and no result, in one sentence: exit code 1."""


class Unsaved(TyperException):
    """Something could not be written, in one sentence: exit code 3."""

    exit_code = 3


class Interrupted(TyperException):
    """Ctrl-C or SIGTERM, with what is left of the work, in one sentence: 128 and the signal."""

    exit_code = 130

    def __init__(self, message: str, signum: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signum


@contextmanager
def refusing() -> Iterator[None]:
    """Turn the library's refusal of a value into one of the command line."""
    try:
        yield
    except (ValueError, OSError) as error:
        kind = Unsaved if is_unwritable(error) else Refused
        raise kind(reason(error)) from None


@contextmanager
def failing() -> Iterator[None]:
    """Turn what may go wrong in good faith into one sentence; faults of ours stay tracebacks."""
    from spectrans.training.progress import TrainingError

    try:
        yield
    except (TrainingError, ModuleNotFoundError, OSError) as error:
        kind = Unsaved if is_unwritable(error) else Failed
        raise kind(reason(error)) from None


def tell(last: str) -> None:
    """Say a last word on standard error, if anybody listens any more.

    It may quote names from a file: whatever would move the cursor is taken out.
    """
    with suppress(OSError):
        typer.echo(plain(f"spectrans: {last}"), err=True)


def reason(error: Exception) -> str:
    """Give the sentence of an error; of one that the system made, without its number."""
    if not (isinstance(error, OSError) and error.strerror):
        return str(error)
    problem = error.strerror[0].lower() + error.strerror[1:]
    return f"{error.filename}: {problem}" if error.filename else problem


def sentence(error: TyperException) -> str:
    """Put a complaint of the option parser in the words of this library.

    Parameters
    ----------
    error
        Of typer, or one of ours.

    Returns
    -------
    str
        One line.
    """
    cause = error.__cause__
    parameter = getattr(error, "param", None)
    if parameter is not None and isinstance(cause, ValidationError):
        first = cause.errors()[0]
        rule = first["msg"].removeprefix("Input should be ").split(",")[0]
        name = next((name for name in parameter.opts if name.startswith("--")), parameter.name)
        return f"{name} must be {rule}, got {first['input']!r}"
    option = getattr(error, "option_name", None)
    known = getattr(error, "possibilities", None)
    if option is not None and hasattr(error, "possibilities"):
        near = f"; did you mean {known[0]}?" if known else ""
        return f"unknown option {option}{near}"
    return " ".join(error.format_message().split())
