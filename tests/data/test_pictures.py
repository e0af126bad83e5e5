"""Pictures in files and archives, read as grey values."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spectrans.data import Dataset, Pixels, load
from spectrans.data.baselines import baselines

COUNT = 24


def drawing(number: int, height: int = 6, width: int = 5) -> np.ndarray:
    """A picture of its own; those with odd numbers are bright."""
    random = np.random.RandomState(number)
    return random.randint(0, 100, size=(height, width)).astype(np.uint8) + 128 * (number % 2)


def folder(path: Path, ending: str = ".png", mode: str = "L") -> Path:
    """A folder of pictures for each class."""
    (path / "bright").mkdir(parents=True)
    (path / "dark").mkdir()
    for number in range(COUNT):
        place = path / ("dark", "bright")[number % 2] / f"{number:02d}{ending}"
        Image.fromarray(drawing(number)).convert(mode).save(place)
    return path


def seen(dataset: Dataset) -> set[tuple[bytes, str]]:
    """Every row as its bytes and the name of its class."""
    return {
        (tokens.tobytes(), dataset.task.labels[label])
        for split in (dataset.train, dataset.validation, dataset.test)
        for tokens, label in zip(split.tokens, split.labels, strict=True)
    }


def wanted(names: tuple[str, str]) -> set[tuple[bytes, str]]:
    return {(drawing(number).tobytes(), names[number % 2]) for number in range(COUNT)}


@pytest.mark.parametrize(("ending", "mode"), [(".png", "L"), (".bmp", "L"), (".PNG", "RGB"), (".gif", "L")])  # fmt: skip
def test_pictures_in_folders_are_read_pixel_by_pixel(
    tmp_path: Path, ending: str, mode: str
) -> None:
    made = load(folder(tmp_path / "set", ending, mode))
    assert seen(made) == wanted(("dark", "bright"))
    assert (made.encoding, made.max_length) == (Pixels(vocab_size=256), 30)
    assert made.description == "24 pictures in 2 classes, read as grey values below 256"


def test_folders_named_for_splits_hold_pictures_too(tmp_path: Path) -> None:
    folder(tmp_path / "set" / "train")
    folder(tmp_path / "set" / "test")
    made = load(tmp_path / "set")
    assert len(made.test) == COUNT
    assert made.reading is not None
    assert made.reading.given == ("train", "test")


def test_pictures_in_an_archive_are_read_alike(tmp_path: Path) -> None:
    images = np.stack([drawing(number) for number in range(COUNT)])
    np.savez(tmp_path / "set.npz", images=images, y=np.arange(COUNT) % 2)
    made = load(tmp_path / "set.npz")
    assert seen(made) == wanted(("0", "1"))
    assert (made.encoding, made.max_length) == (Pixels(vocab_size=256), 30)


def test_archives_of_pictures_may_come_in_splits(tmp_path: Path) -> None:
    images = np.stack([drawing(number) for number in range(COUNT)])
    labels = np.arange(COUNT) % 2
    np.savez(tmp_path / "a.npz", images_train=images[:16], y_train=labels[:16], images_test=images[16:], y_test=labels[16:])  # fmt: skip
    assert len(load(tmp_path / "a.npz").test) == 8


def test_a_linear_model_tells_bright_from_dark(tmp_path: Path) -> None:
    _, linear = baselines(load(folder(tmp_path / "set")))
    assert linear.scores.values["accuracy"] == 1


def spoil(change: Callable[[Path], Any]) -> Callable[[Path], Path]:
    def spoilt(path: Path) -> Path:
        change(folder(path / "set") / "dark" / "02.png")
        return path / "set"

    return spoilt


def archive(**arrays: Any) -> Callable[[Path], Path]:
    def written(path: Path) -> Path:
        np.savez(path / "set.npz", **arrays)
        return path / "set.npz"

    return written


PLAIN, LABELS = np.zeros((24, 6, 5)), np.arange(24) % 2


@pytest.mark.parametrize(
    ("make", "settings", "sentence"),
    [
        (spoil(lambda file: Image.fromarray(drawing(2, 7)).save(file)), {}, "set/dark/02.png: picture must be 6x5 pixels, as the first one is, got 7x5; scale it to that size"),
        (spoil(lambda file: file.write_bytes(b"no picture")), {}, "set/dark/02.png must be a whole picture, got: cannot identify"),
        (spoil(lambda file: Image.fromarray(drawing(2)).save(file, "PPM")), {}, "set/dark/02.png must be a whole picture, got: cannot identify"),
        (spoil(lambda file: file.write_bytes(file.read_bytes()[:60])), {}, "set/dark/02.png must be a whole picture, got: "),
        (spoil(lambda file: Image.new("RGBA", (5, 6)).save(file)), {}, "set/dark/02.png must be grey or in colours, 8 bits deep and opaque, got mode RGBA"),
        (spoil(lambda file: Image.new("I;16", (5, 6)).save(file)), {}, "set/dark/02.png must be grey or in colours, 8 bits deep and opaque, got mode I;16"),
        (spoil(lambda file: Image.new("L", (2000, 600)).save(file)), {}, "set/dark/02.png must have at most 1,048,576 pixels, got 1,200,000"),
        (folder, {"max_length": 29}, "max_length must be at least 30, the pixels of a picture, got 29"),
        (folder, {"tokenizer": "bpe"}, "tokenizer must be left out where rows are no texts, got 'bpe'"),
        (archive(images=PLAIN, y=LABELS), {}, "set.npz: images must be uint8 of the shape (rows, height, width), without lengths, got 'float64 (24, 6, 5)'"),
        (archive(images=PLAIN.astype(np.uint8)[0], y=LABELS[:6]), {}, "set.npz: images must be uint8 of the shape (rows, height, width)"),
        (archive(images=PLAIN.astype(np.uint8), y=LABELS, lengths=LABELS + 1), {}, "set.npz: images must be uint8 of the shape (rows, height, width), without lengths"),
    ],
    ids=["size", "text", "another format", "cut", "alpha", "deep", "large", "max_length", "tokenizer", "float", "flat", "lengths"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_in_one_sentence(
    make: Callable[[Path], Path], settings: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(make(tmp_path), **settings)
