"""Text as a sequence of its UTF-8 bytes."""

import numpy as np
from jaxtyping import Int64, UInt8

LONGEST_CHARACTER = 4


def boundary(data: bytes, end: int) -> int:
    """Give the last position up to `end` that does not lie inside a character."""
    # Bytes 0b10xxxxxx continue a character.
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return min(end, len(data))


def tokens(data: bytes) -> UInt8[np.ndarray, " n"]:
    """Give the bytes as an array that owns its memory."""
    return np.frombuffer(bytearray(data), dtype=np.uint8)


def word_starts(text: UInt8[np.ndarray, " bytes"]) -> Int64[np.ndarray, " words"]:
    """Give where each word of a text begins that has one blank between words."""
    return np.concatenate([[0], np.flatnonzero(text[:-1] == ord(" ")) + 1]).astype(np.int64)
