"""The signature and help of `spectrans serve`."""

from typing import Annotated

import typer

from spectrans.cli import parameters


def serve(
    folder: parameters.Run,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. The default is reached from this machine only."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes a free one.")
    ] = 8000,
    queue: Annotated[
        int | None,
        typer.Option(
            help="Requests at a time; more get 503 and come back later.", show_default="64"
        ),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(help="Rows of a request, at most.", show_default="64")
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option(help="Bytes of a request, at most.", show_default="1048576"),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="From a whole request to its answer, at most.", show_default="30"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Rows that go through the model together.", show_default="32"),
    ] = None,
    batch_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds that the first row of a batch waits for others.", show_default="0.002"
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Of the model; more than one suits large models alone.")
    ] = 1,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Answer over HTTP with a trained model, and show a page to try it.

    Addresses: / is the page, /predict takes JSON, /health and /openapi.json say how and what.
    Ctrl-C or SIGTERM ends it once what has come in is answered.

    Example: [bold]spectrans serve runs/languages-001 --port 8080[/bold]
    """
    from spectrans.cli.verbs import serve as verb

    settings = parameters.given(
        queue=queue,
        rows=rows,
        body=max_bytes,
        seconds=seconds,
        batch_rows=batch_size,
        batch_wait=batch_wait,
    )
    verb.run(folder, host, port, settings, threads, as_json, quiet)
