"""What the documents show works: their programs run, and their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# What makes an example short.
ARGUMENTS = {"masked_language_model.py": ["20"]}
FENCE = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def programs(document: Path) -> list[str]:
    return FENCE.findall(document.read_text("utf-8"))


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if programs(d)], ids=lambda p: p.name)
def test_the_programs_of_a_document_run_one_after_the_other(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec("\n".join(programs(document)), {"__name__": "document"})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-W", "error", str(example), *ARGUMENTS.get(example.name, [])]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_to_files_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
