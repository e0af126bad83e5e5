"""Parquet files, and folders that `datasets.Dataset.save_to_disk` wrote, batch by batch.

Read with pyarrow alone: nothing in such a folder is executed.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from spectrans.data.sources.base import Source, refuse_path
from spectrans.errors import unreadable

BATCH = 1024


def require_pyarrow(name: str) -> None:
    """Refuse to go on without pyarrow.

    Parameters
    ----------
    name
        What would be read.

    Raises
    ------
    ValueError
        It is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ValueError(f'{name} needs pyarrow: pip install "spectrans-hybrid[arrow]"')


class _Batches(Source):
    """Rows in record batches of Arrow."""

    def batches(self) -> Iterator[Any]:
        """Give the record batches."""
        raise NotImplementedError

    def class_names(self) -> dict[str, list[str]]:
        """Give the names behind the numbers of columns of classes."""
        raise NotImplementedError

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the rows, with the names of classes in the place of their numbers."""
        require_pyarrow(self.name)
        import pyarrow as pa

        number = 0
        try:
            names = self.class_names()
            for batch in self.batches():
                for record in batch.to_pylist():
                    number += 1
                    for column, known in names.items():
                        if column in record:
                            record[column] = self._named(number, record[column], known)
                    yield number, record
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.name} must be whole, got: {reason}") from None

    def _named(self, number: int, value: Any, known: list[str]) -> Any:
        """Give the name of a class, or of each class of a list; None for -1, which is no class."""
        if isinstance(value, list):
            return [self._named(number, one, known) for one in value]
        if value is None or value == -1:
            return None
        if not 0 <= value < len(known):
            rule = f"must hold classes from 0 to {len(known) - 1}"
            self.refuse(f"{self.place(number)} {rule}, got {value}")
            return None
        return known[value]


class Parquet(_Batches):
    """A Parquet file."""

    def batches(self) -> Iterator[Any]:
        """Give the record batches."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(BATCH)

    def class_names(self) -> dict[str, list[str]]:
        """Give the names that the `datasets` library keeps in a file's metadata."""
        import pyarrow.parquet as pq

        refuse_path(self.path)
        metadata = pq.read_schema(self.path).metadata or {}
        try:
            kept = json.loads(metadata.get(b"huggingface", b"{}"))
        except (ValueError, RecursionError):
            return {}
        return _class_names(_field(_field(kept, "info"), "features"))


class Saved(_Batches):
    """A folder of one saved data set: `state.json`, `dataset_info.json` and Arrow files."""

    empty: ClassVar[str] = "no row"

    def batches(self) -> Iterator[Any]:
        """Give the record batches of all files in order."""
        import pyarrow as pa

        for path in self._files():
            with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as reader:
                for batch in reader:
                    for start in range(0, batch.num_rows, BATCH):
                        yield batch.slice(start, BATCH)

    def _files(self) -> list[Path]:
        state = _read_json(self.path / "state.json")
        if state.get("_indices_data_files"):
            way = "save it again with a newer version of datasets"
            raise ValueError(f"{self.name} must hold its rows in order, got indices: {way}")
        entries = state.get("_data_files")
        if not isinstance(entries, list):
            raise ValueError(f"{self.name}/state.json must list data files, got {entries!r}")
        names = [_field(entry, "filename") for entry in entries]
        if not names:
            raise ValueError(f"{self.name}/state.json must name data files, got {entries!r}")
        files = [self.path / str(name) for name in names]
        for name, file in zip(names, files, strict=True):
            inside = file.resolve().parent == self.path.resolve()
            if not inside or not file.is_file():
                raise ValueError(
                    f"{self.name}/state.json must name files of its folder, got {name!r}"
                )
        return files

    def class_names(self) -> dict[str, list[str]]:
        """Give the names of `dataset_info.json`."""
        path = self.path / "dataset_info.json"
        return _class_names(_read_json(path).get("features")) if path.is_file() else {}


def _field(data: Any, name: str) -> Any:
    """Give a field of an object; None where there is no object, or no such field."""
    return data.get(name) if isinstance(data, dict) else None


def _class_names(features: Any) -> dict[str, list[str]]:
    """Find the columns of classes, or of lists of classes, in a description of features."""
    found = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        while isinstance(feature, dict) and isinstance(feature.get("feature"), dict):
            feature = feature["feature"]
        names = feature.get("names") if isinstance(feature, dict) else None
        if isinstance(names, list) and feature.get("_type") == "ClassLabel":
            found[column] = [str(name) for name in names]
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path.parent.name}/{path.name} must be whole JSON: {unreadable(error)}"
        ) from None
    if not isinstance(data, dict):
        raise ValueError(f"{path.parent.name}/{path.name} must hold a JSON object")
    return data
