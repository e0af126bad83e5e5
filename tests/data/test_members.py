"""Archives of NumPy that are read where they are needed."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrans.data.sources.arrays import Archive
from spectrans.data.sources.members import mapped

ARRAYS: dict[str, Any] = {
    "plain": np.arange(12).reshape(3, 4),
    "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "bytes": np.arange(5, dtype=np.uint8),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_mapped_array_is_the_array(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS)
    found = mapped(tmp_path / "a.npz", name)
    assert found is not None
    assert not found.flags.owndata
    np.testing.assert_array_equal(found, ARRAYS[name])


def test_what_cannot_be_mapped_is_left_to_numpy(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "packed.npz", x=np.arange(9))
    np.savez(tmp_path / "objects.npz", x=np.array([{}, {}], dtype=object), e=np.zeros((0, 3)))
    assert mapped(tmp_path / "packed.npz", "x") is None
    assert mapped(tmp_path / "packed.npz", "y") is None
    assert mapped(tmp_path / "objects.npz", "x") is None
    assert mapped(tmp_path / "objects.npz", "e") is None


def test_a_shape_that_lies_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4)))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content.replace(b"(3, 4), }", b"(9, 9), }"))
    assert mapped(tmp_path / "a.npz", "x") is None
    with pytest.raises(ValueError, match=r"a.npz: x must be a whole array"):
        list(Archive(tmp_path / "a.npz").rows())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("pad", [True, False], ids=["padded", "end to end"])
def test_a_large_archive_is_read_in_bounded_memory(tmp_path: Path, pad: bool) -> None:
    large = np.zeros((2**9, 2**16) if pad else 2**25, dtype=np.float32)
    lengths = np.full(2**9, 2**16)
    np.savez(tmp_path / "a.npz", x=large, lengths=lengths)
    program = """
import sys
from pathlib import Path
from spectrans.data.sources.arrays import Archive
def anonymous():
    return int(next(l for l in open("/proc/self/status") if l.startswith("RssAnon")).split()[1])
before = anonymous()
most = 0
for number, row in Archive(Path(sys.argv[1])).rows():
    most = max(most, anonymous())
print(most - before)
"""
    run = [sys.executable, "-c", program, str(tmp_path / "a.npz")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    # Of 128 MiB.
    assert int(done.stdout) < 16 * 1024


def test_zipped_text_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", "no array")
    assert mapped(tmp_path / "a.npz", "x") is None
