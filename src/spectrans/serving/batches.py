"""Rows of many requests, through the model together, in one thread."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

from spectrans.serving.limits import Limits
from spectrans.training.inputs import Input


class Row(NamedTuple):
    """A row that waits for its answer."""

    given: Input
    top: int
    since: float
    answer: "asyncio.Future[Any]"


# Answers rows, each with the number of classes to name.
Answer = Callable[[Sequence[tuple[Input, int]]], Sequence[Any]]


class ModelError(RuntimeError):
    """The model could not answer; why is the cause."""


class Batches:
    """Collects rows, and has them answered batch by batch.

    A batch begins with the row that waits longest, and takes others of about its length: between
    the same two powers of two.

    Parameters
    ----------
    answer
        Answers the rows of a batch.
    limits
        Size of a batch, and how long its first row waits for others.
    """

    def __init__(self, answer: Answer, limits: Limits) -> None:
        self.answer = answer
        self.limits = limits
        self.waiting: deque[Row] = deque()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self.arrived = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Batches":
        self.task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait([self.task])
        self.thread.shutdown()

    async def ask(self, inputs: Sequence[Input], top: int) -> list[Any]:
        """Have rows answered.

        Parameters
        ----------
        inputs
            At least one.
        top
            Classes to name for each.

        Returns
        -------
        list
            One answer for each.

        Raises
        ------
        ModelError
            The model failed on a batch with one of them.
        """
        loop = asyncio.get_running_loop()
        rows = [Row(given, top, loop.time(), loop.create_future()) for given in inputs]
        self.waiting.extend(rows)
        self.arrived.set()
        try:
            await asyncio.wait([row.answer for row in rows])
        finally:
            # What nobody waits for any more is not computed.
            for row in rows:
                row.answer.cancel()
        causes = [error for row in rows if (error := row.answer.exception()) is not None]
        if causes:
            raise ModelError("the model could not answer") from causes[0]
        return [row.answer.result() for row in rows]

    async def _run(self) -> None:
        """Answer batches for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._collect()
            batch = self._take()
            if not batch:
                continue
            asked = [(row.given, row.top) for row in batch]
            running = loop.run_in_executor(self.thread, self.answer, asked)
            await asyncio.wait([running])
            error = running.exception()
            for number, row in enumerate(batch):
                if row.answer.done():
                    continue
                if error is None:
                    row.answer.set_result(running.result()[number])
                else:
                    row.answer.set_exception(error)

    async def _collect(self) -> None:
        """Wait for a first row, and then for a whole batch or until its time is up."""
        while not self.waiting:
            self.arrived.clear()
            await self.arrived.wait()
        end = self.waiting[0].since + self.limits.batch_wait
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                while len(self.waiting) < self.limits.batch_rows:
                    self.arrived.clear()
                    await self.arrived.wait()

    def _take(self) -> list[Row]:
        """Take a batch from the rows that wait; the others keep their order."""
        batch: list[Row] = []
        left: deque[Row] = deque()
        longest = 0
        for row in self.waiting:
            if row.answer.done():
                continue
            n = len(row.given.tokens)
            together = max(longest, n) * (len(batch) + 1) <= self.limits.batch_tokens
            alike = not batch or _octave(n) == _octave(len(batch[0].given.tokens))
            if not batch or (alike and together and len(batch) < self.limits.batch_rows):
                batch.append(row)
                longest = max(longest, n)
            else:
                left.append(row)
        self.waiting = left
        return batch


def _octave(length: int) -> int:
    """Give between which two powers of two a length lies."""
    return (length - 1).bit_length()
