"""Files of tensors, spoilt: 100,000 of them, drawn faster than hypothesis does."""

import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from spectrans.pretrained.source import read as read_weights
from spectrans.training import state
from tests.faults.tally import Tally
from tests.fuzz.spoilt import NASTY, drawn, outcome

# Users have none, and what they would say is not ours.
pytestmark = pytest.mark.usefixtures("without_shape_checks")
# For each of the pieces of a header, what may stand there instead.
ENTRIES = (*NASTY[-20:], b'"F6_E2M3"', b'"F4"', b'"F8_E8M0"', b"[9223372036854775808,0]", b"[0]", b"[]", b"24", b"[0,24]", b"[24,30]", b"[4611686018427387904]")  # fmt: skip


def lying_headers(content: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Files whose header is whole, but for a few of its words, and as long as it says."""
    random = Random(seed)
    end = 8 + struct.unpack("<Q", content[:8])[0]
    words = re.findall(rb'"[^"]*"|\[[^\]]*\]|\d+|.', content[8:end])
    for _ in range(count):
        new = list(words)
        for _ in range(random.randint(1, 3)):
            new[random.randrange(len(new))] = random.choice((*ENTRIES, *words))
        header = b"".join(new)
        yield struct.pack("<Q", len(header)) + header + content[end:]


# Types with the bits of an entry, among them those that torch does not have, and one that is none.
TYPES = {"F64": 64, "F32": 32, "BF16": 16, "I64": 64, "U8": 8, "BOOL": 8, "C64": 64, "F8_E4M3": 8, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4, "F9": 9}  # fmt: skip
SIZES = (0, 1, 2, 3, 4, 8, 2**31, 2**63 - 1, 2**63, 2**64 - 1)


def whole_headers(seed: int, count: int) -> Iterator[bytes]:
    """Files that fit what their headers say, whatever that is, but for a lie in one of three."""
    random = Random(seed)
    for _ in range(count):
        header: dict[str, Any] = {}
        end = 0
        for name in random.sample(["a", "b", "", "\ud800", "__metadata__"], random.randint(0, 3)):
            kind, shape = random.choice([*TYPES]), random.choices(SIZES, k=random.randint(0, 3))
            start, end = end, end + prod(shape) * TYPES[kind] // 8
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        if header and random.random() < 1 / 3:
            lie = {"shape": [3], "data_offsets": [end, 0], "dtype": 3, "more": {}}
            key = random.choice([*lie])
            random.choice([*header.values()])[key] = lie[key]
        written = json.dumps(header).encode()
        yield struct.pack("<Q", len(written)) + written + bytes(min(end, 99))


@pytest.mark.parametrize(
    "examples",
    [2_000, pytest.param(100_000, marks=pytest.mark.slow)],
    ids=["some", "hundred thousand"],
)
def test_a_spoilt_safetensors_file_is_read_or_refused(
    examples: int, tmp_path: Path, tally: Tally
) -> None:
    path = tmp_path / "a.safetensors"
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.bfloat16)}
    whole = state.to_tensors(tensors)
    # From memory, as models and checkpoints are, and from the disk, as weights from elsewhere.
    readers = (state.read_tensors, lambda path: read_weights(path).tensors)

    def read(reader: Callable[[Path], Mapping[str, torch.Tensor]], content: bytes) -> None:
        path.write_bytes(content)
        assert sum(tensor.nbytes for tensor in reader(path).values()) <= len(content)

    outcomes = Counter[str]()
    share = examples // 4
    for content in chain(
        drawn(whole, seed=0, count=2 * share),
        lying_headers(whole, 1, share),
        whole_headers(2, share),
    ):
        with tally.fault():
            outcomes.update(outcome(partial(read, reader), content) for reader in readers)
    assert tally.held == tally.tried == examples
    # Neither all of them are whole, nor is none.
    assert min(outcomes["answered"], outcomes["refused"]) > examples // 50
