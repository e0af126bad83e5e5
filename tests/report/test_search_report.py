"""The report of a search: its table, its words, its picture and its page."""

from pathlib import Path

import pytest

from spectrans.report.search import cells, picture, said, write_search_report
from spectrans.search import Found, Tried
from spectrans.search.folder import without_test
from spectrans.search.tried import save
from tests.search.made import asked, trial
from tests.training.made import order_task

TRIED = (
    trial(1, 0.5, 1.0, plan="attention"),
    trial(2, 0.75, 0.5, plan="gfnet,attention"),
    trial(3, 0.25, 0.4, plan="wavelet(levels=2)"),
    trial(4, 0.1, 0.9, plan="lst", state="stopped", steps=30),
    Tried(number=5, plan="afno", state="failed", reason="memory <b>was</b> too small"),
)


def made(**changes: object) -> Found:
    """A search that tried five plans."""
    found = Found.begun(asked(), without_test(order_task(rows=8, length=6)))
    ended = {"tried": TRIED, "finalists": ("gfnet,attention",), "ended": "5 plans were tried"}
    return found.model_copy(update={**ended, **changes})


def test_the_best_comes_first_and_what_failed_last() -> None:
    rows = cells(made())
    assert [row[0] for row in rows] == ["2", "1", "3", "4", "5"]
    assert rows[0] == ("2", "gfnet,attention", "75.0 %", "0.50", "10", "Pareto, finalist")
    assert [row[5] for row in rows[1:]] == [
        "", "Pareto", "stopped after step 30", "failed: memory <b>was</b> too small",
    ]  # fmt: skip
    assert rows[4][2:5] == ("-", "-", "-")


def test_the_words_say_the_best_attention_and_what_was_chosen() -> None:
    words = said(made())
    assert "5 plans tried, of which 2 plans are beaten by no other" in words
    assert "The best on validation is gfnet,attention: accuracy 75.0 % at 0.50 times" in words
    assert "attention alone reached 50.0 %." in words
    assert "Chosen on the 4 validation rows to be tested: gfnet,attention." in words


def test_the_words_say_no_more_than_there_is() -> None:
    words = said(made(tried=TRIED[:1], finalists=()))
    assert words == (
        "1 plan tried, of which 1 plan is beaten by no other in both score and latency. The best "
        "on validation is attention: accuracy 50.0 % at 1.00 times the latency of attention."
    )


def test_the_picture_names_the_front_and_crosses_what_was_stopped(tmp_path: Path) -> None:
    drawn = picture(made())
    assert "2: gfnet,attention" in drawn.says
    assert "lst" not in drawn.says
    axes = drawn.figure().axes[0]
    texts = {text.get_text() for text in axes.texts}
    # Numbers, and a letter for each of the four layers.
    assert {"2  GAGA", "3  WWWW", "attention"} <= texts
    points = {
        line.get_marker(): list(line.get_xdata()) for line in axes.lines if len(line.get_xdata())
    }
    assert points["x"] == [0.9]
    assert points["D"] == [0.5]
    assert axes.get_xlabel() == "latency of inference (times that of attention)"


def test_a_page_is_safe_and_says_the_settings(tmp_path: Path) -> None:
    save(made(), tmp_path)
    page = write_search_report(tmp_path).read_text("utf-8")
    assert "memory &lt;b&gt;was&lt;/b&gt; too small" in page
    assert "<script" not in page
    assert "5 plans were tried" in page
    assert "Finalists on the test rows" not in page


def test_a_folder_without_a_search_or_a_whole_trial_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the folder of a search must hold search\.json"):
        write_search_report(tmp_path)
    save(made(tried=TRIED[3:]), tmp_path)
    with pytest.raises(ValueError, match="a search must have a trial that was done"):
        write_search_report(tmp_path)
