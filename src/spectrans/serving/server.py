"""The server: a socket, patience with slow clients, and an end that loses nothing."""

import asyncio
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from spectrans.serving.limits import Limits

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Beyond the time of a request: for what comes before and after it.
_SPARE_SECONDS = 5


def listen(host: str, port: int) -> socket.socket:
    """Take an address, so that a failure is seen before a model is loaded.

    Parameters
    ----------
    host
        Name or number.
    port
        0 takes a free one.

    Returns
    -------
    socket
        Bound and listening.

    Raises
    ------
    OSError
        The address is taken or not of this machine.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=512)


def is_loopback(bound: socket.socket) -> bool:
    """Say whether only this machine can reach a socket."""
    return ipaddress.ip_address(bound.getsockname()[0]).is_loopback


def address(bound: socket.socket) -> str:
    """Give the address of a socket as a browser takes it."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(app: FastAPI, limits: Limits, ready: Callable[[], None]) -> uvicorn.Server:
    """Make a server, of which `run([socket])` answers requests until it is told to end.

    Then it answers those that came before. In the main thread of a process it is told by signals.

    Parameters
    ----------
    app
        The application.
    limits
        Time for the heads of requests, and number of connections.
    ready
        Called once requests are answered.

    Returns
    -------
    Server
        Of uvicorn; `should_exit = True` tells it to end.
    """
    config = uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        lifespan="on",
        # Without handlers Python writes warnings and errors to standard error, and nothing else.
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=ceil(limits.seconds + limits.patience) + _SPARE_SECONDS,
    )
    return _Server(config, ready)


class _Server(uvicorn.Server):
    """A server that says when it is ready, and for which a signal is no failure."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have the first signal begin the end, and a second one hurry it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._end) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _protocol(limits: Limits) -> type[H11Protocol]:
    """Make a protocol that gives up on clients who do not come to the end of a head."""
    most = limits.connections + limits.connections // 4

    class Patient(H11Protocol):
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            if len(self.connections) >= most:
                transport.abort()
                return
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            if self.transport is None:
                return
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._unwatch()
            if self.transport is not None:
                super().connection_lost(exc)

        def _watch(self) -> None:
            """Start the clock while a head is awaited, and stop it once there is one."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._unwatch()
            elif self.timer is None:
                self.timer = self.loop.call_later(limits.patience, self.transport.abort)

        def _unwatch(self) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

    return Patient
