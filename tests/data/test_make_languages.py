"""The script that made the embedded languages."""

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_languages.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_languages", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def page(last: int = 30) -> str:
    articles = "".join(
        f'<article data-number="{n}"><h2>Article {n}</h2><ol>'
        f"<li><p>(1) Right &amp;\n duty {n}a.</p></li><li><p>&amp;2 More.</p></li></ol></article>"
        for n in range(1, last + 1)
    )
    return f"<h1>Title</h1><header><h2>Preamble</h2><p>Whereas</p><p>so</p></header>{articles}"


def test_paragraphs_are_kept_without_headings_markers_and_line_breaks(script: ModuleType) -> None:
    found = script.parts(page())
    assert found[:2] == ["Whereas so", "Right & duty 1a. More."]
    assert len(found) == 31


def test_an_incomplete_declaration_is_refused(script: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"articles 1 to 30, got none for \[29, 30\]$"):
        script.parts(page(last=28))


def test_languages_are_sorted_by_name_and_bytes_repeat(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "declaration").mkdir()
    (tmp_path / "declaration" / "aa.html").write_text(page())
    (tmp_path / "declaration" / "bb.html").write_text(page())
    packed = script.convert(tmp_path, {"aa": "Zulu", "bb": "Greek"})
    assert packed == script.convert(tmp_path, {"bb": "Greek", "aa": "Zulu"})
    lines = gzip.decompress(packed).decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["Greek", "Zulu"]
