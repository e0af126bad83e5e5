"""A folder with a folder of text files for each class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from spectrans.data.sources.base import Refuse, Source, strict
from spectrans.data.sources.lines import LONGEST_LINE


class ClassFolders(Source):
    """Text files whose folder names their class; each file is a row.

    Parameters
    ----------
    path
        The folder of the folders.
    refuse
        Told of files that cannot be read.
    """

    empty: ClassVar[str] = "no file"

    def __init__(self, path: Path, refuse: Refuse = strict) -> None:
        super().__init__(path, refuse)
        self.files = [file for folder in folders(path) for file in files(folder)]
        self.column = "text"

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the files in the order of their names."""
        for number, file in enumerate(self.files):
            value = self.value(number, file)
            if value is not None:
                yield number, {self.column: value, "label": file.parent.name}

    def value(self, number: int, file: Path) -> Any:
        """Give what a file holds; None where that was refused."""
        if file.stat().st_size > LONGEST_LINE:
            place = self.place(number)
            self.refuse(f"{place} must hold at most {LONGEST_LINE:,} bytes, got more; split it")
            return None
        try:
            return file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            found = f"byte {error.start + 1}"
            self.refuse(f"{self.place(number)} must be UTF-8, {found} is not; save it as UTF-8")
            return None

    def place(self, number: int) -> str:
        """Say which file it is."""
        return str(self.files[number].relative_to(self.path.parent))


class TextFolder(ClassFolders):
    """Text files in one folder, without classes."""

    unlabelled: ClassVar[bool] = True

    def __init__(self, path: Path, refuse: Refuse = strict) -> None:
        Source.__init__(self, path, refuse)
        self.files = files(path)
        self.column = "text"


def folders(path: Path) -> list[Path]:
    """Give the folders in a folder that hold files, hidden ones left out."""
    found = (child for child in path.iterdir() if child.is_dir() and child.name[0] != ".")
    return sorted(child for child in found if files(child))


def files(path: Path) -> list[Path]:
    """Give the files in a folder, hidden ones left out."""
    return sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
