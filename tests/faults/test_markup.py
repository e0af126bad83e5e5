"""Names and texts that hold markup: shown as they are, in every page that is written."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spectrans.hf import SpectransModel, model_card
from spectrans.report.run import write_run_report
from spectrans.serving.examples import examples
from spectrans.serving.page import Page
from spectrans.serving.requests import describe
from spectrans.training import load_run
from tests.cli.made import make_run, write_lines
from tests.hf.made import build

EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m<b>"
FILE = "<img src=x onerror=alert(2)>.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose file, texts and labels all hold markup."""
    home = tmp_path_factory.mktemp("markup")
    rows = ({"text": f"{n:03d} {EVIL}", "label": f"{EVIL}{n % 2}"} for n in range(40))
    make_run(home / "run", source=str(write_lines(home / FILE, rows)))
    write_run_report(home / "run")
    return home / "run"


class Tags(HTMLParser):
    """The elements of a page, and the attributes that run something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs if name.startswith("on"))}


def tags(page: str) -> set[str]:
    reader = Tags()
    reader.feed(page)
    return reader.seen


def test_markup_in_names_and_texts_is_no_part_of_a_report(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert not tags(page) & {"script", "img", "b", "onerror"}
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    assert "\x1b" not in page


def test_markup_in_names_and_texts_is_no_part_of_a_model_card(folder: Path) -> None:
    page = (folder / "README.md").read_text("utf-8")
    assert tags(page) == set()
    assert "&lt;img src=x onerror=alert" in page
    assert "\x1b" not in page


def test_markup_in_names_and_texts_is_no_part_of_the_page_of_a_server(folder: Path) -> None:
    run = load_run(folder)
    page = Page(describe(run.record.data), examples(run.record), run.record.spec.plan)
    assert not tags(page.html) & {"img", "b", "onerror"}
    assert page.html.count("<script") == page.html.count("</script>") == 2
    # What the page shows is all there, for JavaScript to put in as text.
    told = page.html.partition('id="model">')[2].partition("</script>")[0]
    assert json.loads(told)["labels"][0].startswith(EVIL)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_markup_in_a_description_is_no_part_of_a_card_for_the_hub() -> None:
    card = str(model_card(build(SpectransModel), name=EVIL, data=EVIL, metrics={EVIL: 0.5}))
    body = card.split("---\n", 2)[2]
    assert tags(body) == set()
    assert "\x1b" not in card
