"""A server in this process, and what clients do to it, nice and not."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from spectrans.serving.app import application
from spectrans.serving.batches import Answer
from spectrans.serving.limits import Limits
from spectrans.serving.page import Example
from spectrans.serving.server import listen, server
from spectrans.training.record import Run


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any


class Place:
    """A server in a thread, and its address."""

    def __init__(
        self, run: Run, limits: Limits, answer: Answer | None, examples: Sequence[Example]
    ) -> None:
        self.bound = listen("127.0.0.1", 0)
        self.port: int = self.bound.getsockname()[1]
        ready = threading.Event()
        self.server = server(application(run, limits, examples, answer), limits, ready.set)
        self.thread = threading.Thread(target=self.server.run, args=([self.bound],))
        self.thread.start()
        assert ready.wait(60)

    def ask(self, body: Any, kind: str = "application/json") -> Reply:
        """Send one request to `/predict`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return talk(self.port, "POST", "/predict", data, {"content-type": kind})

    def get(self, path: str) -> Reply:
        """Get a page."""
        return talk(self.port, "GET", path)

    def raw(self, data: bytes) -> socket.socket:
        """Open a connection and write something into it."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(data)
        return connection

    def end(self) -> None:
        """Tell the server to end, and wait for it."""
        self.server.should_exit = True
        self.thread.join(60)
        assert not self.thread.is_alive()


def talk(
    port: int, method: str, path: str, body: bytes | None = None, headers: Any = None
) -> Reply:
    """Send one request and read the reply, as JSON where it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    is_json = found.get("content-type", "").startswith("application/json")
    return Reply(response.status, found, json.loads(data) if is_json else data.decode())


@contextmanager
def serving(
    run: Run,
    answer: Answer | None = None,
    examples: Sequence[Example] = (),
    **limits: Any,
) -> Iterator[Place]:
    """Serve a run meanwhile."""
    place = Place(run, Limits(**limits), answer, examples)
    try:
        yield place
    finally:
        place.end()
