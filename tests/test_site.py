"""The check of the built site finds what is broken."""

from pathlib import Path

import pytest

from scripts.check_site import faults

HEAD = "<link rel=stylesheet href=style.css><h1 id=top>x</h1>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "style.css").write_text("a { background: url(data:image/png;base64,AA) }")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text("<h2 id='a b'>y</h2><a href=../#top>up</a>")
    good = '<a href="sub/#a%20b">x</a><a href=https://example.org>y</a><a href=#top>z</a>'
    (tmp_path / "index.html").write_text(HEAD + good)
    return tmp_path


def test_a_whole_site_has_no_faults(site: Path) -> None:
    assert faults(site) == []


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ("<a href=gone/>x</a>", "index.html: gone/ leads nowhere"),
        ("<a href=sub/#b>x</a>", "index.html: sub/#b has no such place"),
        ("<a href=#b>x</a>", "index.html: #b has no such place"),
        ("<img src=gone.png>", "index.html: gone.png leads nowhere"),
        ("<script src=https://a.example/b.js></script>", "index.html: loads https://a.example/b.js"),
        ("<img src=//a.example/b.png>", "index.html: loads //a.example/b.png"),
        ("<link rel='stylesheet' href=http://a.example/c.css>", "index.html: loads http://a.example/c.css"),
    ],
)  # fmt: skip
def test_what_is_broken_or_loaded_from_elsewhere_is_found(
    site: Path, markup: str, fault: str
) -> None:
    (site / "index.html").write_text(HEAD + markup)
    assert fault in faults(site)


def test_a_style_that_loads_from_elsewhere_is_found(site: Path) -> None:
    (site / "style.css").write_text('@import "https://a.example/d.css";')
    assert len(faults(site)) == 1


def test_an_empty_folder_is_no_site(tmp_path: Path) -> None:
    assert len(faults(tmp_path)) == 1
