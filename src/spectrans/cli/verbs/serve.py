"""Answer over HTTP with a trained model."""

import json
import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import typer

from spectrans.cli.sentences import Failed, failing, refusing
from spectrans.cli.terminal import talk
from spectrans.serving.limits import Limits
from spectrans.training.compare import best_run
from spectrans.training.record import load_run

_LIBRARIES = ("fastapi", "uvicorn")
# oneDNN keeps the code that it wrote for a shape, of up to 1,024 shapes, and texts come in ever new
# ones: for a model of four layers memory grew by 117 MiB in ten minutes. Read at its first use.
_KEPT_SHAPES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def run(
    folder: Path,
    host: str,
    port: int,
    settings: dict[str, Any],
    threads: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Load a model, listen, say where, and answer until the process is told to end."""
    say = talk(quiet)
    os.environ.setdefault(*_KEPT_SHAPES)
    with failing():
        _require_libraries()
    from spectrans.serving.app import application
    from spectrans.serving.examples import examples
    from spectrans.serving.page import curl
    from spectrans.serving.server import address, is_loopback, listen, server

    with refusing():
        limits = Limits(**settings)
        chosen = best_run(folder)
        done = load_run(chosen)
    torch.set_num_threads(threads)
    shown = examples(done.record)
    try:
        bound = listen(host, port)
    except OSError as error:
        # Of a name that nobody knows the number is not the system's.
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else str(error.strerror or error)
        raise Failed(f"cannot listen on {host} port {port}: {why.lower()}") from None
    app = application(done, limits, shown)
    place = address(bound)

    def ready() -> None:
        if not is_loopback(bound):
            say.print(
                "warning: whoever can reach this address can use the model: there is no password "
                "and no encryption",
                style="yellow",
            )
        if as_json:
            addresses = {name: f"{place}/{name}" for name in ("predict", "health", "openapi.json")}
            typer.echo(json.dumps({"run": str(chosen), "page": f"{place}/", **addresses}))
        else:
            kind = done.record.data.encoding.kind
            typer.echo(f"{chosen} at {place}/")
            typer.echo(curl(place, kind, shown))
        reached = "this machine alone can reach it; " if is_loopback(bound) else ""
        say.print(f"{reached}Ctrl-C ends it", style="dim")

    serving = server(app, limits, ready)
    # Requests that a second signal cuts off are no faults of anybody.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not serving.force_exit)
    with failing():
        serving.run([bound])
    hurried = "at once, and what was under way is not answered"
    told = hurried if serving.force_exit else "what had come in is answered"
    say.print(f"ended: {told}", style="dim")


def _require_libraries() -> None:
    """Refuse to go on without what speaks HTTP."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'serving needs {" and ".join(missing)}: pip install "spectrans-hybrid[serve]"',
            name=missing[0],
        )
