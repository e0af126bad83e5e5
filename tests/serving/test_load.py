"""What a server does under load, with slow clients and with nonsense on the wire."""

import select
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spectrans.serving.limits import Limits
from spectrans.training.inputs import Input
from spectrans.training.record import Run
from tests.serving.client import Place, serving

Batch = Sequence[tuple[Input, int]]
HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


class Gate:
    """A model that answers with its batches, and not before it is told to."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, batch: Batch) -> list[dict[str, Any]]:
        self.entered.set()
        assert self.open.wait(60)
        lengths = [len(given.tokens) for given, _ in batch]
        self.batches.append(lengths)
        return [{"batch": lengths} for _ in batch]


def waiting(place: Place, count: int) -> None:
    """Wait until so many requests wait."""
    end = time.monotonic() + 60
    while place.get("/health").body["waiting"] < count:
        assert time.monotonic() < end
        time.sleep(0.01)


def close(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.close()


def test_rows_that_wait_share_batches_with_rows_of_their_length(run: Run) -> None:
    gate = Gate()
    with serving(run, gate, batch_rows=3) as place, ThreadPoolExecutor(8) as clients:
        first = clients.submit(place.ask, {"input": "a" * 5})
        assert gate.entered.wait(60)
        texts = ["a" * n for n in (10, 60, 11, 61, 12, 13)]
        later = clients.submit(place.ask, {"inputs": texts})
        waiting(place, 2)
        gate.open.set()
        assert first.result().body["answers"] == [{"batch": [5]}]
        found = [row["batch"] for row in later.result().body["answers"]]
    assert gate.batches == [[5], [10, 11, 12], [60, 61], [13]]
    assert found == [[10, 11, 12], [60, 61], [10, 11, 12], [60, 61], [10, 11, 12], [13]]


def test_a_batch_has_only_so_many_tokens(run: Run) -> None:
    gate = Gate()
    gate.open.set()
    with serving(run, gate, batch_tokens=100) as place:
        place.ask({"inputs": ["a" * 33] * 7})
    assert gate.batches == [[33] * 3, [33] * 3, [33]]


def test_a_full_queue_says_when_to_come_back_and_then_answers_again(run: Run) -> None:
    gate = Gate()
    with serving(run, gate, queue=2) as place, ThreadPoolExecutor(2) as clients:
        kept = [clients.submit(place.ask, {"input": "abc"}) for _ in range(2)]
        waiting(place, 2)
        refused = place.ask({"input": "abc"})
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.body == {"error": "2 requests wait already: try again later"}
        gate.open.set()
        assert [one.result().status for one in kept] == [200, 200]
        assert place.ask({"input": "abc"}).status == 200


def test_a_request_that_takes_too_long_is_given_up_and_its_rows_are_not_computed(run: Run) -> None:
    gate = Gate()
    with serving(run, gate, seconds=0.3) as place:
        found = [place.ask({"input": "a" * n}) for n in (5, 6)]
        assert [one.status for one in found] == [504, 504]
        assert found[0].body == {"error": "no answer came within 0.3 seconds"}
        gate.open.set()
        assert place.ask({"input": "a" * 7}).status == 200
    assert gate.batches == [[5], [7]]


def test_a_model_that_fails_gives_no_traceback_and_goes_on(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(batch: Batch) -> list[dict[str, Any]]:
        assert len(batch[0][0].tokens) != 3, "three tokens are too much for me"
        return [{"fine": True} for _ in batch]

    with serving(run, answer) as place:
        failed = place.ask({"input": "abc"})
        assert (failed.status, failed.body) == (500, {"error": "the model could not answer"})
        assert place.ask({"input": "abcd"}).body == {"answers": [{"fine": True}]}
    assert "three tokens are too much for me" in caplog.text


def test_what_came_in_before_the_end_is_answered(run: Run) -> None:
    gate = Gate()
    with serving(run, gate) as place, ThreadPoolExecutor(2) as clients:
        kept = [clients.submit(place.ask, {"input": "abc"}) for _ in range(2)]
        waiting(place, 2)
        place.server.should_exit = True
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            place.get("/health")
        gate.open.set()
        assert [one.result().status for one in kept] == [200, 200]


def test_slow_clients_are_given_up_and_keep_nobody_waiting(run: Run) -> None:
    with serving(run, patience=3.0) as place:
        begun = [
            place.raw(b""),
            place.raw(b"POST /predict HT"),
            place.raw(HEAD),
            place.raw(HEAD + b"Content-Length: 30\r\n\r\n{"),
        ]
        assert place.ask({"input": "abc"}).status == 200
        assert select.select(begun, [], [], 0)[0] == []
        ends = [connection.makefile("rb").read() for connection in begun]
        close(begun)
    assert ends[:3] == [b"", b"", b""]
    assert ends[3].startswith(b"HTTP/1.1 408 ")
    assert ends[3].endswith(b'{"error":"the request must arrive within 3 seconds"}')


NONSENSE = {
    "no HTTP": b"\x16\x03\x01\x02\x00 hello\r\n\r\n",
    "no method": b"/predict\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 100_000 * b"y",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "a huge length": HEAD + b"Content-Length: " + 4000 * b"9" + b"\r\n\r\n{}",
    "bad chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "smuggling": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
}


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_on_the_wire_is_refused_and_hurts_nobody(quick: Place, data: bytes) -> None:
    connection = quick.raw(data)
    reply = connection.recv(100_000)
    connection.close()
    assert reply[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 422", b"HTTP/1.1 413", b"HTTP/1.1 408", b"")
    assert b"Traceback" not in reply
    assert quick.ask({"input": "abc"}).status == 200


def test_a_client_that_goes_away_hurts_nobody(quick: Place) -> None:
    begun = (b"POST /pre", HEAD + b"Content-Length: 30\r\n\r\n{", HEAD)
    close([quick.raw(data) for data in begun])
    assert quick.ask({"input": "abc"}).status == 200


@pytest.fixture(scope="module")
def quick(run: Run) -> Any:
    """A server with little patience."""
    with serving(run, patience=0.5) as place:
        yield place


def test_more_connections_than_allowed_are_told_to_wait_and_then_cut_off(run: Run) -> None:
    with serving(run, connections=8, patience=2.0) as place:
        idle = [place.raw(b"") for _ in range(8)]
        time.sleep(0.2)
        assert place.get("/health").status == 503
        idle += [place.raw(b"") for _ in range(8)]
        with pytest.raises(ConnectionError):
            place.get("/health")
        close(idle)
        time.sleep(0.3)
        assert place.get("/health").status == 200


def test_limits_are_checked_and_all_have_a_meaning() -> None:
    with pytest.raises(ValueError, match="queue must be greater than 0, got 0"):
        Limits(queue=0)
    assert Limits().queue * Limits().body <= 64 << 20
