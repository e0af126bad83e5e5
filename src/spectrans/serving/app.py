"""The application: its addresses, and what each answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from spectrans.data.tokenizer import Tokenizer
from spectrans.serving.batches import Answer, Batches, ModelError
from spectrans.serving.limits import Limits
from spectrans.serving.page import Example, Page
from spectrans.serving.requests import (
    Asked,
    RefusalError,
    describe,
    parse,
    read_body,
    read_rows,
)
from spectrans.training.inputs import Input
from spectrans.training.predict import answers, speaker
from spectrans.training.record import Run
from spectrans.version import __version__

# After how long a client that was told to come back later may do so.
_RETRY_SECONDS = 1
# What the rest of a request that is not read any more would be taken for.
_CLOSE = {"connection": "close"}
_log = logging.getLogger("spectrans.serving")


class Answered(BaseModel):
    """Answers in the order of the sequences, each in the terms of the model's task."""

    answers: list[dict[str, Any]]


class Problem(BaseModel):
    """Why there is no answer."""

    error: str = Field(description="One sentence.")


class Health(BaseModel):
    """How the server does."""

    status: str
    requests: int = Field(description="Answered since the start.")
    waiting: int = Field(description="Requests that wait or are being answered.")
    version: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    408: {"model": Problem, "description": "The request arrived too slowly."},
    413: {"model": Problem, "description": "The request is too large."},
    415: {"model": Problem, "description": "The request is not declared as JSON."},
    422: {"model": Problem, "description": "The request cannot be answered as it is."},
    500: {"model": Problem, "description": "The model failed."},
    503: {"model": Problem, "description": "Too many requests wait: come back later."},
    504: {"model": Problem, "description": "No answer came in time."},
}


class Desk:
    """Takes requests to the model and brings the answers back.

    Parameters
    ----------
    run
        Whose model answers.
    limits
        What is taken on.
    answer
        Answers the rows of a batch, in a thread of its own; None takes the run's model.
    """

    def __init__(self, run: Run, limits: Limits, answer: Answer | None = None) -> None:
        self.data = run.record.data
        self.limits = limits
        self.tokenizer = None if run.tokenizer is None else Tokenizer(run.tokenizer)
        self.batches = Batches(answer or partial(_answer, run, speaker(run)), limits)
        self.waiting = self.answered = 0

    async def predict(self, request: Request) -> list[dict[str, Any]]:
        """Answer a request, or refuse it."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusalError(415, "the content type must be application/json")
        body = await read_body(request, self.limits)
        if self.waiting >= self.limits.queue:
            raise RefusalError(503, f"{self.waiting:,} requests wait already: try again later")
        self.waiting += 1
        try:
            async with asyncio.timeout(self.limits.seconds):
                found = await self._answers(body)
        except TimeoutError:
            reason = f"no answer came within {self.limits.seconds:g} seconds"
            raise RefusalError(504, reason) from None
        finally:
            self.waiting -= 1
        self.answered += 1
        return found

    async def _answers(self, body: bytes) -> list[dict[str, Any]]:
        asked = parse(body, self.limits)
        # A thread: long texts take their time to be cut.
        inputs = await asyncio.to_thread(read_rows, asked, self.data, self.tokenizer)
        try:
            return await self.batches.ask(inputs, asked.top)
        except ModelError as error:
            _log.error("%s", error, exc_info=error)
            raise RefusalError(500, str(error)) from None


def _answer(
    run: Run,
    speak: Callable[[Input, Any, int], dict[str, Any]],
    batch: Sequence[tuple[Input, int]],
) -> list[dict[str, Any]]:
    """Answer the rows of a batch by a model."""
    data = run.record.data
    tokens = [given.tokens for given, _ in batch]
    rows = answers(run.model, data.task, data.encoding, tokens, batch_size=len(batch))
    return [speak(given, row, top) for (given, top), row in zip(batch, rows, strict=True)]


def application(
    run: Run, limits: Limits, examples: Sequence[Example] = (), answer: Answer | None = None
) -> FastAPI:
    """Make the application that a server runs.

    Parameters
    ----------
    run
        Whose model answers.
    limits
        What is taken on.
    examples
        Sequences to try, for the page.
    answer
        Answers the rows of a batch, in the place of the run's model.

    Returns
    -------
    FastAPI
        With `/`, `/predict`, `/health` and `/openapi.json`. Nothing is fetched from elsewhere.
    """
    desk = Desk(run, limits, answer)
    page = Page(describe(run.record.data), examples, run.record.spec.plan)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with desk.batches:
            yield

    app = FastAPI(
        title="spectrans",
        version=__version__,
        description=f"Answers of a model that was trained on {run.record.data.name}.",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    _refuse_in_one_sentence(app)

    @app.get("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        return HTMLResponse(page.html, headers=page.headers)

    @app.get("/health")
    async def health() -> Health:
        """Say that the server is there, and how busy it is."""
        return Health(
            status="ok", requests=desk.answered, waiting=desk.waiting, version=__version__
        )

    schema = {"content": {"application/json": {"schema": Asked.model_json_schema()}}}

    @app.post(
        "/predict",
        response_model=Answered,
        responses=_PROBLEMS,
        openapi_extra={"requestBody": {**schema, "required": True}},
    )
    async def predict(request: Request) -> Response:
        """Answer one sequence or several."""
        return JSONResponse({"answers": await desk.predict(request)})

    return app


def _refuse_in_one_sentence(app: FastAPI) -> None:
    """Have whatever goes wrong said as `{"error": sentence}`, with no traceback to clients."""

    @app.exception_handler(RefusalError)
    async def refused(request: Request, error: RefusalError) -> Response:
        headers = _CLOSE if error.status in (408, 413, 415) else {}
        if error.status == 503:
            headers = {"retry-after": str(_RETRY_SECONDS)}
        return JSONResponse({"error": error.reason}, error.status, headers)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        reason = f"{request.method} {request.url.path}: {error.detail.lower()}"
        return JSONResponse({"error": reason}, error.status_code, error.headers)

    @app.exception_handler(500)
    async def failed(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": "the server failed on this request"}, 500)
