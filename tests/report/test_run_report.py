"""The report of one run."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import DataSpec
from spectrans.report.facts import facts, read_facts
from spectrans.report.run import write_run_report
from spectrans.tasks import Classification
from spectrans.training import RunSpec, load_run, save_run, train
from spectrans.training.evidence import Bin, Evidence, examine, read_evidence
from spectrans.training.sensitivity import save_sensitivity, sensitivity
from tests.browser import browsing
from tests.training.made import order_task

# Names that a page, a terminal and a figure each would take for something else.
EVIL = ("<script>document.title='owned'</script>", "\x1b[31m$\\frac{<b>&'\"")
SHARED = RunSpec(
    data=DataSpec(source="order"), plan="fourier,attention", steps=2, num_layers=2, hidden_dim=8,
    num_heads=2, batch_size=8,
)  # fmt: skip
TASK = replace(order_task(32, shortest=6), task=Classification(labels=EVIL), licence="<b>none</b>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("run")
    save_run(train(SHARED, TASK), home)
    write_run_report(home, TASK)
    return home


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")


def test_a_report_is_one_file_that_asks_for_nothing(page: str) -> None:
    assert re.findall(r"https?://", page) == []
    assert re.findall(r"<(?:script|link|img|iframe|object)\b|\b(?:src|on\w+)=", page) == []
    # Parts of a picture that are used twice, and pixels.
    assert set(re.findall(r'href="(#|data:image/png;|.*)', page)) == {"#", "data:image/png;"}


def test_names_from_files_are_text_and_nothing_else(page: str) -> None:
    assert "&lt;script&gt;document.title=&#x27;owned&#x27;&lt;/script&gt;" in page
    assert "&lt;b&gt;none&lt;/b&gt;" in page
    assert "\x1b" not in page
    assert "�[31m$\\frac{&lt;b&gt;&amp;&#x27;&quot;" in page


def test_every_element_is_closed(page: str) -> None:
    open_now: list[str] = []
    wrong: list[str] = []
    void = {"meta", "path", "use", "rect", "line", "image", "stop", "br"}

    # A page of nothing but whole elements nests like brackets.
    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            open_now.extend([tag] * (tag not in void))

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            wrong.extend([tag] * (tag not in void and open_now.pop() != tag))

    Reader().feed(page)
    assert (open_now, wrong) == ([], [])


def test_a_browser_shows_it_by_day_and_by_night(folder: Path) -> None:
    with browsing() as browser:
        browser.scheme("dark")
        browser.open((folder / "report.html").as_uri())
        shown = browser.evaluate("document.body.innerText")
        dark = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = browser.evaluate(
            "getComputedStyle([...document.querySelectorAll('svg text')]"
            ".find(t => t.textContent == 'optimiser steps')).fill"
        )
        browser.scheme("light")
        light = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert browser.evaluate("document.title").startswith("order: fourier,attention")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        asked = [url for url in browser.requests()[1:] if not url.startswith("data:image/png;")]
        assert (asked, browser.complaints()) == ([], [])
    assert (dark, ink, light) == ("rgb(22, 25, 29)", "rgb(230, 233, 237)", "rgb(255, 255, 255)")
    assert "<script>document.title" in shown


def test_figures_are_files_too(folder: Path) -> None:
    names = {path.name for path in (folder / "figures").iterdir()}
    stems = ("learning-curve", "confusion", "calibration", "plans")
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    assert "<script>" not in (folder / "figures" / "confusion.svg").read_text("utf-8")


def test_a_report_is_made_again_without_the_data(folder: Path, page: str) -> None:
    model = folder / "model.safetensors"
    kept = model.read_bytes()
    model.unlink()
    write_run_report(folder)
    model.write_bytes(kept)
    assert (folder / "report.html").read_text("utf-8") == page


def test_a_report_that_is_made_again_shows_which_layers_matter(folder: Path, page: str) -> None:
    found = sensitivity(load_run(folder).model, TASK)
    save_sensitivity(found, folder)
    write_run_report(folder)
    shown = (folder / "report.html").read_text("utf-8")
    (table,) = re.findall(r"<h2>Layers</h2>.*?<tbody>(.*?)</tbody>", shown, re.S)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.splitlines()]
    percent = [f"{100 * layer.without:.1f} %" for layer in found.layers]
    assert [row[:3] for row in cells] == [
        ["0", "fourier", percent[0]],
        ["1", "attention", percent[1]],
    ]
    assert cells[0][3] == "-"
    assert (folder / "figures" / "sensitivity.svg").is_file()
    (folder / "sensitivity.json").unlink()
    (folder / "figures" / "sensitivity.svg").unlink()
    (folder / "figures" / "sensitivity.png").unlink()
    write_run_report(folder)
    assert (folder / "report.html").read_text("utf-8") == page


def test_evidence_says_what_the_metrics_say(folder: Path) -> None:
    evidence = read_evidence(folder)
    assert evidence is not None
    record = load_run(folder).record
    right = sum(n for true, found, n in evidence.confusion if true == found)
    assert right / len(TASK.test) == pytest.approx(record.metrics.test["accuracy"])
    assert evidence.right.count("1") == right
    assert sum(part.right for part in evidence.reliability) == right
    assert sum(part.count for part in evidence.reliability) == len(evidence.right) == 16


def test_rows_keep_their_place_whatever_the_batches(folder: Path) -> None:
    model, backwards = load_run(folder).model, np.arange(len(TASK.test))[::-1]
    turned = type(TASK.test)([TASK.test.tokens[k] for k in backwards], TASK.test.labels[backwards])
    assert examine(model, TASK, turned).right[::-1] == examine(model, TASK).right


def test_a_perfect_match_of_probabilities_has_no_error() -> None:
    bins = (Bin(count=10, probability=8.0, right=8), Bin(count=10, probability=3.0, right=5))
    assert Evidence(reliability=bins[:1]).calibration_error == 0
    assert Evidence(reliability=bins).calibration_error == pytest.approx(0.1)
    assert Evidence().calibration_error is None


def test_facts_count_rows_lengths_and_classes(folder: Path) -> None:
    found = facts(TASK)
    assert read_facts(folder) == found
    train_rows = found.splits[0]
    assert (train_rows.rows, train_rows.classes) == (32, (16, 16))
    assert (train_rows.lengths[0], train_rows.lengths[-1]) == (6, 12)
    assert [b.name for b in found.baselines] == ["majority class", "linear"]
