"""`spectrans predict`: whatever is asked is answered in order, and bad rows are named."""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrans.cli.verbs import inputs
from spectrans.cli.verbs.answers import flat
from spectrans.training import answers, load_run
from tests.cli.command import COMMAND, ENVIRONMENT, Answer, inside, spectrans
from tests.cli.made import write_lines

TEXTS = ["007 red", "a longer one that is blue", "x", "green green green"]
Ask = Callable[..., Answer]


@pytest.fixture
def ask(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Ask:
    """Asks a run of the workplace, from an empty folder."""
    monkeypatch.chdir(tmp_path)

    def asking(run: str, *arguments: str | Path) -> Answer:
        return inside(monkeypatch, capfd, "predict", workplace / "runs" / run, *arguments)

    return asking


def rows(answer: Answer) -> list[dict[str, Any]]:
    assert answer.code == 0, answer.err
    return [json.loads(line) for line in answer.out.splitlines()]


def write(kind: str) -> Path:
    """Write the texts as a file of some kind."""
    file = Path(f"asked.{kind}")
    records = [{"n": n, "said": text} for n, text in enumerate(TEXTS)]
    if kind == "jsonl":
        write_lines(file, records)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), file)
    else:
        mark = "," if kind == "csv" else "\t"
        file.write_text("".join(mark.join(map(str, r)) + "\n" for r in [("n", "said"), *map(dict.values, records)]))  # fmt: skip
    return file


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_column_of_a_table_is_answered_like_its_texts(ask: Ask, kind: str) -> None:
    alone = rows(ask("texts", *TEXTS, "--json", "--quiet"))
    found = rows(ask("texts", "--file", write(kind), "--text", "said", "--json", "--quiet"))
    assert [row.pop("row") for row in found] == (
        [1, 2, 3, 4] if kind in ("jsonl", "parquet") else [2, 3, 4, 5]
    )
    assert [row["label"] for row in found] == [row["label"] for row in alone]
    np.testing.assert_allclose(
        [row["probability"] for row in found], [row["probability"] for row in alone], atol=1e-5
    )


def test_lines_windows_and_batches_change_no_answer(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{'ab' * (n * 7 % 30)} {n}" for n in range(60)]
    Path("lines").write_text("\n".join(lines))
    whole = rows(ask("texts", "-f", "lines", "--json", "--probabilities", "-q"))
    monkeypatch.setattr(inputs, "WINDOW_ROWS", 7)
    small = rows(ask("texts", "-f", "lines", "--json", "--probabilities", "-q", "--batch-size", 3))
    assert [row["row"] for row in whole] == [row["row"] for row in small] == list(range(1, 61))
    shares = [[list(row["classes"].values()) for row in some] for some in (whole, small)]
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-5)
    assert np.std(shares[0], axis=0).max() > 1e-3


def test_an_archive_of_sequences_is_answered(ask: Ask) -> None:
    np.savez("asked.npz", x=np.ones((3, 5, 2)), lengths=np.array([2, 5, 3]))
    found = rows(ask("vectors", "--file", "asked.npz", "--json"))
    assert [row["row"] for row in found] == [0, 1, 2]


def test_answers_go_to_a_table(ask: Ask) -> None:
    done = ask("texts", "-f", write("csv"), "--text", "said", "--out", "out.csv", "--probabilities")
    assert (done.code, done.out) == (0, "")
    assert "4 rows, " in done.err
    with Path("out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["cut", "row", "label", "probability", "p(blue)", "p(green)", "p(red)"]
    assert [row["row"] for row in table] == ["2", "3", "4", "5"]
    chosen = [float(row[f"p({row['label']})"]) for row in table]
    assert chosen == [float(row["probability"]) for row in table]


def test_answers_go_to_lines_of_json(ask: Ask) -> None:
    shown = rows(ask("texts", *TEXTS, "--json"))
    ask("texts", *TEXTS, "--out", "out.jsonl")
    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == shown
    assert list(Path.cwd().iterdir()) == [Path.cwd() / "out.jsonl"]


def test_a_bad_row_leaves_no_half_of_a_file(ask: Ask) -> None:
    Path("asked.csv").write_text("text\nfine\n \n")
    done = ask("texts", "-f", "asked.csv", "--out", "out.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == "spectrans: asked.csv line 3: text must not be empty, got ' '\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["asked.csv"]


def test_rows_that_are_cut_are_marked_and_counted(ask: Ask) -> None:
    done = ask("texts", "short", "a" * 99, "--json")
    assert [row.get("cut", False) for row in rows(done)] == [False, True]
    assert done.err == "1 rows were cut to the 9 tokens of training\n"


def test_thresholds_decide_which_classes_are_answered(ask: Ask) -> None:
    shown = rows(ask("sets", "012", "--json", "--probabilities"))[0]
    assert shown["labels"] == [name for name, p in shown["top"].items() if p >= 0.5]
    low = rows(ask("sets", "012", "--json", "--threshold", "0", "--threshold", "red=1"))[0]
    assert set(low["labels"]) == {"green", "blue"}


def test_words_come_with_their_spans(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = rows(ask("words", "in  New York", "--json", "--probabilities"))
    assert found["words"] == ["in", "New", "York"]
    assert len(found["labels"]) == len(found["probabilities"]) == len(found["classes"]) == 3
    for span in found["spans"]:
        assert found["words"][span["start"] : span["end"]] == span["text"].split()


@pytest.mark.parametrize("run", ["plain", "numbers", "pieces"])
def test_the_other_tasks_answer_too(ask: Ask, run: str) -> None:
    (found,) = rows(ask(run, "the [MASK]at", "--json"))
    wanted = {"plain": "filled", "numbers": "values", "pieces": "label"}
    assert wanted[run] in found


def test_a_gap_is_filled_with_the_likeliest_token(ask: Ask) -> None:
    (found,) = rows(ask("plain", "the [MASK]at", "--json"))
    first = found["hidden"][0]["tokens"][0]
    assert found["filled"].encode() == b"the " + (first.encode() if len(first) == 1 else bytes.fromhex(first[2:])) + b"at"  # fmt: skip


def test_flat_answers_have_a_cell_for_everything() -> None:
    assert flat({"values": {"a": 1.0, "b": 2.0}}) == {"a": 1.0, "b": 2.0}
    assert flat({"labels": ["a", "b"], "top": {"a": 1}}) == {"labels": "a|b"}
    token = {"labels": ["O", "O"], "probabilities": [0.5, 1], "words": ["x", "y"]}
    assert flat(token) == {"labels": "O O", "probabilities": "[0.5, 1]", "words": "x y"}
    assert flat({"hidden": [{"tokens": ["c", "d"]}, {"tokens": [7]}]}) == {"tokens": "c|7"}


def test_lines_are_answered_as_they_arrive(workplace: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "predict", str(workplace / "runs" / "texts"), "--file", "-", "--json", "-q"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    os.write(process.stdin.fileno(), b"one\n\ntwo")
    # The pipe is open: the second line is not whole.
    assert json.loads(process.stdout.readline())["row"] == 1
    os.write(process.stdin.fileno(), b" and more")
    process.stdin.close()
    assert json.loads(process.stdout.readline())["row"] == 3
    process.stdout.close()
    assert process.wait(timeout=60) == 0


def test_objects_come_through_a_pipe(workplace: Path) -> None:
    run = ("predict", workplace / "runs" / "words", "--file", "-", "--text", "said", "--json", "-q")
    found = spectrans(*run, stdin='{"said": ["a", "b"]}\n{"said": "c"}\n')
    assert [row["words"] for row in rows(found)] == [["a", "b"], ["c"]]
    wrong = spectrans(*run, stdin='{"said": "a"}\n{"sad": "c"}\n')
    assert (wrong.code, len(wrong.out.splitlines())) == (2, 0)
    assert wrong.err == "spectrans: standard input line 2 must have the key 'said', got 'sad'\n"


BAD = [
    ("texts", ["-f", "none.csv"], "source must name an existing file, got 'none.csv'"),
    ("texts", ["-f", "."], "source must name a file, not a folder"),
    ("texts", ["-f", "a.csv", "--text", "sad"], "a.csv: unknown column 'sad'; did you mean 'said'"),
    ("texts", ["-f", "a.csv"], "a.csv must have a column with a usual name for the text"),
    ("texts", ["x", "--text", "said"], "--text must be given with --file"),
    ("texts", ["x", "--out", "a.txt"], "--out must end in .jsonl or .csv, got 'a.txt'"),
    ("texts", ["x", "--out", "a.csv"], "--out must name a new file, got 'a.csv'"),
    ("texts", ["x", "--out", "b/a.csv"], "--out must lie in a folder that exists, got 'b/a.csv'"),
    ("texts", ["x", "--threshold", "0.5"], "--threshold must be left out unless rows have several"),
    ("sets", ["x", "--threshold", "2"], "--threshold must be a probability from 0 to 1"),
    ("sets", ["x", "--threshold", "rde=0.1"], "unknown class 'rde'; did you mean 'red'?"),
    ("numbers", ["x", "--probabilities"], "--probabilities must be left out for this task"),
    ("texts", ["x", "--batch-size", "0"], "--batch-size must be greater than or equal to 1"),
    ("texts", [], "nothing to answer: give TEXT, --file or --example"),
    ("vectors", ["x"], "a model of vectors takes --file with rows of vectors, or --example"),
    ("vectors", ["-f", "a.jsonl"], "a.jsonl line 1: x must hold vectors of 2 channels"),
    ("plain", ["no gap"], "text 1 must hold [MASK] where a token is to be found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("run", "arguments", "sentence"), BAD, ids=lambda v: "" if isinstance(v, list) else v
)
def test_bad_input_gets_one_sentence(
    ask: Ask, run: str, arguments: list[str], sentence: str
) -> None:
    Path("a.csv").write_text("n,said\n1,x\n")
    Path("a.jsonl").write_text('{"x": [[1, 2, 3]]}\n')
    found = ask(run, *arguments)
    assert found.err.startswith(f"spectrans: {sentence}")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("bucketed", [True, False])
def test_places_and_limits_of_a_batch_change_nothing(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, bucketed: bool
) -> None:
    run = load_run(workplace / "runs" / "words")
    task, encoding = run.record.data.task, run.record.data.encoding
    rows = [np.arange(65, 65 + n, dtype=np.uint8) for n in (3, 9, 1, 5)]
    places = [np.array([0, n - 1]) for n in map(len, rows)]
    whole = answers(run.model, task, encoding, rows)
    monkeypatch.setattr("spectrans.training.predict.MOST_OUTPUTS", 12)
    some = answers(run.model, task, encoding, rows, places=places, bucketed=bucketed)
    for one, place, asked in zip(whole, places, some, strict=True):
        np.testing.assert_allclose(one[place], asked, atol=1e-5)
