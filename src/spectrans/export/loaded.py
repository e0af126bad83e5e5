"""Exported models back in Python, with padding as exact as the model's own."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from spectrans.errors import must, unknown
from spectrans.export.metadata import Metadata, describe
from spectrans.export.runtime import Run, require_onnx, runner
from spectrans.models.inputs import check_ids
from spectrans.packing import Rows, pack_rows
from spectrans.tensors import check_vectors
from spectrans.transforms.precision import full_precision


class Exported:
    """An exported model, called like the model it was made from.

    Parameters
    ----------
    run
        Answers a batch of equal rows.
    metadata
        What the file says of itself.

    Attributes
    ----------
    metadata
        As given.
    """

    def __init__(self, run: Run, metadata: Metadata) -> None:
        self.metadata = metadata
        self._run = run

    def __call__(
        self, *inputs: Tensor, attention_mask: Tensor | None = None, **named: Tensor
    ) -> Tensor:
        """Answer a batch; one with a mask in groups of rows of equal length, as the model does.

        Parameters
        ----------
        *inputs
            The inputs in the order of the metadata.
        attention_mask
            `(b, n)`, 1 or True at real tokens; padding in any place changes no real token.
        **named
            Inputs by their names.

        Returns
        -------
        Tensor
            What the model gives.

        Raises
        ------
        ValueError
            Missing or unknown inputs, a bad mask, or a length that the file does not take.
        """
        batch = self._checked(inputs, named)
        shape = next(iter(batch.values())).shape[:2]
        if "attention_mask" in self.metadata.inputs:
            ones = torch.ones(tuple(shape), dtype=torch.int64)
            mask = ones if attention_mask is None else attention_mask
            pack_rows(mask, shape)  # refuses a bad one
            return self._run({**batch, "attention_mask": mask.long()})
        rows = None if attention_mask is None else pack_rows(attention_mask, shape)
        if rows is None:
            self._check_length(shape[1])
            return self._run(batch)
        return self._by_groups(batch, rows)

    def _checked(self, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> dict[str, Tensor]:
        names = [name for name in self.metadata.inputs if name != "attention_mask"]
        if len(inputs) > len(names):
            raise ValueError(must("inputs", f"be at most {', '.join(names)}", len(inputs)))
        given = dict(zip(names, inputs, strict=False))
        for name, value in named.items():
            if name not in names:
                raise ValueError(unknown("input", name, names))
            if name in given:
                raise ValueError(f"{name} must be given once, got it twice")
            given[name] = value
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f"inputs must hold {', '.join(names)}, {missing[0]} is missing")
        batch = {}
        for name in names:
            if name == "inputs_embeds":
                check_vectors(name, given[name], None)
                dtype: torch.dtype = getattr(torch, self.metadata.dtype)
                if given[name].dtype != dtype:
                    raise ValueError(must(name, f"be of {dtype}", given[name].dtype))
                batch[name] = given[name]
            else:
                batch[name] = check_ids(name, given[name]).long()
        return batch

    def _check_length(self, n: int) -> None:
        low, high = self.metadata.lengths
        if n < low or (high is not None and n > high):
            rule = f"be {low}" if low == high else f"lie in {low}..{high or ''}"
            raise ValueError(must("the number of tokens", rule, n))

    def _by_groups(self, batch: dict[str, Tensor], rows: Rows) -> Tensor:
        """Run every group of rows of equal length."""
        sizes = [count * length for count, length in rows.groups]
        packed = {name: rows.pack(x).split(sizes) for name, x in batch.items()}
        answers = []
        for i, (count, length) in enumerate(rows.groups):
            self._check_length(length)
            group = {name: parts[i].unflatten(0, (count, length)) for name, parts in packed.items()}
            answers.append(self._run(group))
        device, found = rows.index.device, self.metadata
        dtype = getattr(torch, found.dtype)
        if found.per_token:
            empty = torch.empty(0, found.width, dtype=dtype, device=device)
            return rows.unpack(torch.cat([empty, *(a.flatten(0, 1) for a in answers)]))
        whole = torch.tensor(found.empty_row, dtype=dtype, device=device)
        whole = whole.repeat(rows.batch_shape[0], 1)
        for part, answer in zip(rows.row.split(sizes) if sizes else (), answers, strict=True):
            whole[part.unflatten(0, (len(answer), -1))[:, 0]] = answer
        return whole


def load(path: str | Path, device: str | torch.device = "cpu") -> Exported:
    """Load an exported model.

    Parameters
    ----------
    path
        A file that `save` wrote. Load only files you trust: torch's reader of `.pt2` files runs
        what a made-up one tells it to.
    device
        Where a `.pt2` is to run; an `.onnx` runs on the CPU.

    Returns
    -------
    Exported
        Called with the model's own inputs, with or without a mask.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        Another ending, a damaged file, or one that `save` did not write.
    ModuleNotFoundError
        An `.onnx` file without the `onnx` extra.
    """
    metadata = describe(path)
    if metadata.format == "onnx":
        require_onnx()
        if torch.device(device).type != "cpu":
            raise ValueError(must("device", "be 'cpu' for an .onnx file", str(device)))
        return Exported(runner(str(path)), metadata)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()  # torch's reader does not look
    if damaged is not None:
        raise ValueError(f"{path} must be undamaged, the checksum of {damaged} is wrong")
    program = torch.export.load(str(path))
    if torch.device(device).type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, torch.device(device))
    return Exported(program_runner(program, metadata.unguarded), metadata)


def program_runner(program: ExportedProgram, unguarded: list[int]) -> Run:
    """Give a function that runs a program.

    Parameters
    ----------
    program
        Traced for any number of rows.
    unguarded
        Lengths that go around the guards.

    Returns
    -------
    Callable
        Takes inputs by name.

    Raises
    ------
    ValueError
        From the function: sizes that the guards refuse.
    """
    guarded: Any = program.module()
    free: Any = program.module(check_guards=False) if unguarded else guarded

    def run(batch: dict[str, Tensor]) -> Tensor:
        first = next(iter(batch.values()))
        # The program was traced as one that runs where autocast does nothing.
        with torch.no_grad(), full_precision(first):
            if first.shape[1] in unguarded:
                return free(**batch)
            try:
                return guarded(**batch)
            except AssertionError as error:
                rule = f"be a size that the program is for ({error})"
                raise ValueError(must("the batch", rule, tuple(first.shape))) from None

    return run
