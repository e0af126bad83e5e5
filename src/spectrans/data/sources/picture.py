"""Pictures in files."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from spectrans.data.sources.base import Refuse, strict
from spectrans.data.sources.folders import ClassFolders
from spectrans.errors import FaultError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
# Of Pillow, for these; its other readers are many, and see nothing of a file that is called so.
FORMATS = ("PNG", "JPEG", "BMP", "GIF")
# Each pixel is a token: more are no sequence that can be trained on.
MOST_PIXELS = 2**20
# What has one grey value for each pixel, without loss or guess.
MODES = ("1", "L", "P", "RGB")


class Picture:
    """One picture.

    Parameters
    ----------
    grey
        From 0, black, to 255, white.
    """

    def __init__(self, grey: UInt8[np.ndarray, "height width"]) -> None:
        self.grey = grey

    def __len__(self) -> int:
        return self.grey.size

    def __repr__(self) -> str:
        return f"a picture of {'x'.join(map(str, self.grey.shape))} pixels"


class PictureFolders(ClassFolders):
    """Pictures whose folder names their class.

    Parameters
    ----------
    path
        The folder of the folders.
    refuse
        Told of files that cannot be read.
    """

    def __init__(self, path: Path, refuse: Refuse = strict) -> None:
        super().__init__(path, refuse)
        self.column = "picture"

    def value(self, number: int, file: Path) -> Picture | None:
        """Read one picture; colours become grey."""
        try:
            return read(file)
        except FaultError as fault:
            self.refuse(f"{self.place(number)} {fault}")
            return None


def is_picture(file: Path) -> bool:
    """Say whether the name of a file is that of a picture."""
    return file.suffix.lower() in ENDINGS


def read(file: Path) -> Picture:
    """Read a picture of a file.

    Parameters
    ----------
    file
        In a format that Pillow reads.

    Returns
    -------
    Picture
        Its grey values.

    Raises
    ------
    FaultError
        What is wrong with it, in words that follow its name.
    """
    # Slow to import, and needed for nothing else.
    from PIL import Image

    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                found = f"{image.width * image.height:,}; make it smaller"
                raise FaultError(f"must have at most {MOST_PIXELS:,} pixels, got {found}")
            if image.mode not in MODES or "transparency" in image.info:
                found = f"mode {image.mode}; save it as such"
                raise FaultError(f"must be grey or in colours, 8 bits deep and opaque, got {found}")
            return Picture(np.array(image.convert("L"), dtype=np.uint8))
    except FaultError:
        raise
    # Each format has a reader of its own in Pillow, and each stumbles in its own way.
    except Exception as error:
        raise FaultError(f"must be a whole picture, got: {error}") from None
