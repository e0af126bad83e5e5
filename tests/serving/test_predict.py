"""Answers over HTTP, and what is refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from spectrans.training.inputs import read_line
from spectrans.training.predict import answer_all
from spectrans.training.record import Run
from tests.made_runs import made_run
from tests.serving.client import Place, serving

ROWS, BODY = 8, 4096


@pytest.fixture(scope="module")
def place(run: Run) -> Iterator[Place]:
    with serving(run, rows=ROWS, body=BODY) as found:
        yield found


def expected(run: Run, texts: list[str], top: int = 3) -> list[dict[str, Any]]:
    return answer_all(run, [read_line("text", text, run.record.data) for text in texts], top)


def test_one_text_is_answered_as_predict_does(run: Run, place: Place) -> None:
    found = place.ask({"input": "abc red"})
    assert found.status == 200
    assert found.body == {"answers": expected(run, ["abc red"])}


def test_several_texts_are_answered_in_their_order(run: Run, place: Place) -> None:
    texts = ["blue", "a much longer text about red", "x", "abc green"]
    found = place.ask({"inputs": texts, "top": 1}).body["answers"]
    wanted = expected(run, texts, 1)
    assert [row["label"] for row in found] == [row["label"] for row in wanted]
    np.testing.assert_allclose(
        [row["probability"] for row in found], [row["probability"] for row in wanted], atol=1e-6
    )
    assert {len(row["top"]) for row in found} == {1}


def test_answers_do_not_depend_on_who_else_asks(run: Run, place: Place) -> None:
    random = np.random.RandomState(0)
    texts = ["".join(random.choice(list("abc xyz"), n)) + "." for n in random.randint(1, 60, 200)]
    with ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(lambda text: place.ask({"input": text}), texts))
    assert {reply.status for reply in replies} == {200}
    shares = [[*reply.body["answers"][0]["top"].values()] for reply in replies]
    alone = [[*expected(run, [text])[0]["top"].values()] for text in texts]
    # Batches of other sizes add up in another order: float32 keeps seven digits.
    np.testing.assert_allclose(shares, alone, rtol=0, atol=1e-6)


REFUSED: list[tuple[Any, int, str]] = [
    (b"", 422, "the request must be JSON: "),
    (b"{", 422, "the request must be JSON: "),
    (b"\xff\xfe", 422, "the request must be JSON: "),
    (b"[" * 2000, 422, "the request must be JSON: "),
    ([], 422, "the request must be "),
    ({}, 422, "the request must give input or inputs, got neither"),
    ({"input": "a", "inputs": ["a"]}, 422, "the request must give input or inputs, got both"),
    ({"text": "a"}, 422, "unknown field 'text' (available: input, inputs, top, truncate)"),
    ({"input": 3}, 422, "input must be a text, got 3"),
    ({"input": ""}, 422, "input must not be empty, got ''"),
    ({"input": ["a"]}, 422, 'input must be a text, got ["a"]'),
    ({"inputs": ["a", None]}, 422, "inputs[1] must be a text, got null"),
    ({"inputs": "a"}, 422, "inputs must be a valid"),
    ({"inputs": []}, 422, f"inputs must hold 1 to {ROWS} sequences, got 0"),
    ({"inputs": ["a"] * 9}, 422, f"inputs must hold 1 to {ROWS} sequences, got 9"),
    ({"input": "a", "top": 0}, 422, "top must be greater than or equal to 1, got 0"),
    ({"input": "a", "top": "3"}, 422, "top must be a valid integer, got '3'"),
    ({"input": 2000 * "a"}, 422, "input must have at most 98 tokens, or truncate must be true"),
    ({"input": 5000 * "a"}, 413, f"the request must have at most {BODY:,} bytes"),
    ({"input": 500_000 * "a"}, 413, f"the request must have at most {BODY:,} bytes"),
]


@pytest.mark.parametrize(("body", "status", "sentence"), REFUSED, ids=lambda v: str(v)[:30])
def test_a_request_that_cannot_be_answered_gets_one_sentence(
    place: Place, body: Any, status: int, sentence: str
) -> None:
    found = place.ask(body)
    assert found.status == status
    assert found.body.keys() == {"error"}
    assert found.body["error"].startswith(sentence)
    assert len(found.body["error"]) <= 300


def test_long_texts_are_cut_only_where_that_was_asked_for(run: Run, place: Place) -> None:
    found = place.ask({"input": 2000 * "a", "truncate": True})
    assert (found.status, found.body["answers"]) == (200, expected(run, [98 * "a"]))


def test_other_kinds_of_content_and_other_addresses_are_refused(place: Place) -> None:
    form = place.ask({"input": "a"}, kind="text/plain")
    assert (form.status, form.body) == (
        415,
        {"error": "the content type must be application/json"},
    )
    lost = place.get("/nowhere")
    assert (lost.status, lost.body) == (404, {"error": "GET /nowhere: not found"})
    wrong = place.get("/predict")
    assert (wrong.status, wrong.body) == (405, {"error": "GET /predict: method not allowed"})


def test_the_schema_says_what_is_asked_and_answered_and_health_how_it_goes(place: Place) -> None:
    schema = place.get("/openapi.json").body
    asked = schema["paths"]["/predict"]["post"]
    fields = asked["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert fields.keys() == {"input", "inputs", "top", "truncate"}
    assert asked["responses"].keys() == {"200", "408", "413", "415", "422", "500", "503", "504"}
    health = place.get("/health").body
    assert (health["status"], health["waiting"]) == ("ok", 0)


@pytest.mark.parametrize(
    ("source", "value"),
    [("digits", [0] * 144), ("digits", ",".join(["16"] * 144)), ("vectors", [[1.5, 0.5]] * 3)],
    ids=["pixels", "pixels in a line", "vectors"],
)
def test_numbers_are_answered_too(source: str, value: Any, tmp_path: Any) -> None:
    rows = [{"sequence": [[n % 2 + n / 99, 1]] * 4, "label": n % 2} for n in range(40)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = made_run({"vectors": tmp_path / "a.jsonl"}.get(source, source))
    with serving(run) as place:
        found = place.ask({"input": value})
        assert found.status == 200
        assert found.body["answers"][0].keys() == {"label", "probability", "top"}
        refused = place.ask({"input": [True, "x"]})
    assert refused.status == 422
    assert refused.body["error"].startswith("input must ")
