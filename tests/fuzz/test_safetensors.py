"""Files of tensors, spoilt: 100,000 of them, drawn faster than hypothesis does."""

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random

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
    for content in chain(
        drawn(whole, seed=0, count=examples // 2), lying_headers(whole, 1, examples // 2)
    ):
        with tally.fault():
            outcomes.update(outcome(partial(read, reader), content) for reader in readers)
    assert tally.held == tally.tried == examples
    # Neither all of them are whole, nor is none.
    assert min(outcomes["answered"], outcomes["refused"]) > examples // 50
