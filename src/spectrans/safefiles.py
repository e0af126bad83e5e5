"""Reading safetensors: a file that is not whole, or that torch cannot hold, gets one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, load_file
from torch import Tensor


def first_line(error: Exception) -> str:
    """Give what an error says, without the places in torch where it was noticed."""
    return (str(error).splitlines() or ["nothing"])[0]


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Turn what torch and safetensors say of a file into a sentence with its name."""
    try:
        yield
    except KeyError as error:
        reason = f"the type {error}, which torch does not read"
    # TypeError, RuntimeError: a shape, or what follows from it, beyond 64 bits.
    except (SafetensorError, TypeError, RuntimeError) as error:
        reason = first_line(error)
    else:
        return
    raise ValueError(f"{path} must be a whole safetensors file, got: {reason}") from None


def from_bytes(path: Path, content: bytes) -> dict[str, Tensor]:
    """Give the tensors of a file that was read.

    Parameters
    ----------
    path
        Its name, for the message.
    content
        What it holds.

    Returns
    -------
    dict
        Tensors by name, in memory of their own.

    Raises
    ------
    ValueError
        A file that is not whole, or holds what torch cannot.
    """
    with _in_words(path):
        return load(content)


def from_file(path: Path) -> dict[str, Tensor]:
    """Give the tensors of a file, mapped into memory.

    Parameters
    ----------
    path
        An existing file.

    Returns
    -------
    dict
        Tensors by name.

    Raises
    ------
    ValueError
        A file that is not whole, or holds what torch cannot.
    """
    with _in_words(path):
        return dict(load_file(path))
