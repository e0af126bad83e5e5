"""Parquet files, and folders that `datasets.Dataset.save_to_disk` wrote, batch by batch.

Read with pyarrow alone: nothing in such a folder is executed.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from spectrans.archives import refuse_unpacked
from spectrans.data.sources.base import Source, refuse_path
from spectrans.data.sources.lines import LONGEST_LINE
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
                for piece in _pieces(batch):
                    if piece.num_rows == 1 and _unpacked(piece) > LONGEST_LINE:
                        rule = f"must hold at most {LONGEST_LINE:,} bytes, got more"
                        raise ValueError(f"{self.place(number + 1)} {rule}; cut it in several rows")
                    for record in _written_out(piece).to_pylist():
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
            metadata = file.metadata
        chunks = [
            metadata.row_group(group).column(column)
            for group in range(metadata.num_row_groups)
            for column in range(metadata.num_columns)
        ]
        decoded = sum(map(_decoded, chunks))
        refuse_unpacked(self.path, decoded)
        # So many rows, most often, as take no more memory than a long line.
        rows = max(1, LONGEST_LINE * metadata.num_rows // max(1, decoded))
        # What a file holds once and names a million times stays so until its rows are read.
        once = {chunk.path_in_schema for chunk in chunks if _is_repeated(chunk)}
        with pq.ParquetFile(self.path, read_dictionary=sorted(once)) as file:
            yield from file.iter_batches(min(BATCH, rows))

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


def _is_nested(chunk: Any) -> bool:
    """Whether a row of a column may have any number of values."""
    return "." in chunk.path_in_schema


def _decoded(chunk: Any) -> int:
    """Give the bytes of a part of a column once it is decoded: a list may repeat one number."""
    return max(chunk.total_uncompressed_size, 8 * chunk.num_values if _is_nested(chunk) else 0)


def _is_repeated(chunk: Any) -> bool:
    """Whether a part of a column holds texts once that may be long and named many times."""
    short = BATCH * chunk.total_uncompressed_size <= LONGEST_LINE and not _is_nested(chunk)
    return chunk.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page and not short


def _pieces(batch: Any) -> Iterator[Any]:
    """Part a batch so that no part takes more memory as values of Python than a long line."""
    if batch.num_rows < 2 or _unpacked(batch) <= LONGEST_LINE:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))


def _written_out(batch: Any) -> Any:
    """Give a batch with every value where it is named: as Python values, that is far faster."""
    import pyarrow as pa

    fields = [field.with_type(_plain(field.type)) for field in batch.schema]
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _plain(kind: Any) -> Any:
    """Give a type without dictionaries, but for those in structures."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


def _unpacked(batch: Any) -> int:
    """Give the bytes of the values of a batch, each counted as often as it is named."""
    return sum(_size(column) for column in batch.columns)


def _size(array: Any) -> int:
    """Give the bytes of the values of an array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_primitive(kind.value_type):
            return int(array.nbytes)
        lengths = pc.binary_length(array.dictionary).take(array.indices)
        return int(pc.sum(lengths).as_py() or 0)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _size(array.flatten())
    if pa.types.is_struct(kind):
        return sum(_size(part) for part in array.flatten())
    return int(array.nbytes)


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
