"""The table."""

import re
from io import StringIO

import pytest
from rich.console import Console

from spectrans.report import markdown, rich_table
from spectrans.report.table import caption, rows
from tests.report.made import made_results, plan_result

RESULTS = made_results(
    plan_result("3xgfnet,attention", 0.9321, 116_397.4), plan_result("fourier", 0.1, 2e5, None)
)


def test_a_row_reads_as_a_person_would_write_it() -> None:
    assert rows(RESULTS)[0][:7] == (
        "3xgfnet,attention",
        "93.2 ± 2.0",
        "38.8",
        "116.4",
        "30.0",
        "12,345",
        "0.250",
    )
    assert rows(RESULTS)[1][1] == "10.0"


def test_baselines_stand_under_the_plans() -> None:
    assert [row[:2] for row in rows(RESULTS)[2:]] == [
        ("majority class", "10.0"),
        ("linear", "34.4"),
    ]


def test_a_plan_without_a_finished_run_has_dashes() -> None:
    failed = plan_result("fourier", 0.1, 1.0).model_copy(update={"score": None, "cost": None})
    row = rows(made_results(failed))[0]
    assert set(row[2:7]) == {"-"}


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_every_plan_and_number(width: int) -> None:
    console = Console(file=StringIO(), width=width)
    console.print(rich_table(RESULTS))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    numbers = ("3xgfnet,attention", "93.2 ± 2.0", "38.8", "116.4", "12,345", "linear")
    assert [number for number in numbers if number not in shown] == []
    assert max(map(len, shown.splitlines())) <= width


def test_markdown_is_one_table_with_equal_rows() -> None:
    lines = [line for line in markdown(RESULTS).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 4
    assert {line.count("|") for line in lines} == {9}


def test_the_caption_states_budget_data_and_uncertainty() -> None:
    text = " ".join(caption(RESULTS))
    assert "3 epochs of batches of 16 for every plan" in text
    assert "standard deviation over 3 seeds, on 4 test rows" in text
    assert "best on 4 validation rows, learning rate 0.004" in text
    # Two binomial standard errors of the widest: 2 sqrt(0.1 * 0.9 / 4).
    assert re.search(r"moves it by up to ±30\.0", text)


def test_the_caption_names_the_learning_rate_of_each_plan_after_a_sweep() -> None:
    swept = RESULTS.comparison.model_copy(update={"learning_rates": (1e-3, 2e-3)})
    text = " ".join(caption(RESULTS.model_copy(update={"comparison": swept})))
    assert "from 0.001, 0.002: 3xgfnet,attention 0.001, fourier 0.001" in text
