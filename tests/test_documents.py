"""What the documents show holds: programs run, links lead somewhere, numbers were measured."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import baselines
from spectrans.report import PlanResult, Results

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# What makes an example short.
ARGUMENTS = {
    "images.py": ["1"],
    "long_documents.py": ["4"],
    "masked_language_model.py": ["20"],
    "plan_sweep.py": ["4"],
    "time_series.py": ["4"],
}
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


# Those that train long, or several models, take too long for every day.
TRAINING = {
    "images.py",
    "long_documents.py",
    "masked_language_model.py",
    "onnx_small_machine.py",
    "plan_sweep.py",
    "time_series.py",
}


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(e, id=e.name, marks=[pytest.mark.slow] if e.name in TRAINING else [])
        for e in EXAMPLES
    ],
)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-W", "error", str(example), *ARGUMENTS.get(example.name, [])]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_example_is_listed_by_its_purpose() -> None:
    listed = re.findall(
        r"\| `examples/(\S+)` \|", (ROOT / "docs" / "examples.md").read_text("utf-8")
    )
    assert sorted(listed) == [example.name for example in EXAMPLES]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_to_files_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)", document.read_text("utf-8"))
    # The pages of docs/ are also read as a site of their own, which holds nothing else.
    assert document.parent == ROOT or not [link for link in links if link.startswith("..")]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_table_of_baselines_shows_what_was_measured() -> None:
    page = baselines.PAGE.read_text("utf-8")
    stored = json.loads(baselines.STORED.read_text("utf-8"))
    assert stored.keys() <= {row[0] for row in baselines.ROW.findall(page)}
    assert baselines.filled(page, stored) == page


@pytest.mark.parametrize(
    ("family", "classes"),
    [("FNet", "FNet"), ("BERT", "Bert"), ("RoBERTa", "Roberta"), ("DistilBERT", "DistilBert")],
)
def test_the_errors_of_imported_models_were_measured(family: str, classes: str) -> None:
    stored = (ROOT / "benchmarks" / "results" / "parity.md").read_text("utf-8").splitlines()
    rows = [cells(line) for line in stored if re.match(rf"\| `{classes}(For|Model)", line)]
    error, largest = max((row[-2:] for row in rows), key=lambda pair: float(pair[0]))
    page = (ROOT / "docs" / "pretrained.md").read_text("utf-8")
    assert f"\n| {family} | {len(rows)} | {error} | {largest} |\n" in page


def test_the_time_of_the_demo_was_measured() -> None:
    stored = json.loads((ROOT / "benchmarks" / "results" / "demo.json").read_text("utf-8"))
    runs = [plan.seconds or 0.0 for plan in Results(**stored).plans for _ in plan.test]
    shown = f"({len(runs)} runs of together {sum(runs):.0f} s, two at a time)"
    page = (ROOT / "README.md").read_text("utf-8")
    assert shown in page
    # What is measured at the end comes on top of the two runs at a time.
    minutes = {"three": 3, "four": 4, "five": 5}[re.findall(r"about (\w+) minutes", page)[0]]
    assert 0 <= 60 * minutes - sum(runs) / 2 < 60


@pytest.mark.parametrize("document", ["choose-a-mixer.md", "choose-a-plan.md", "digits.md"])
def test_scores_in_a_sentence_were_measured(document: str) -> None:
    files = [ROOT / "benchmarks" / "results" / name for name in ("demo.json", "digits12.json")]
    found = [Results(**json.loads(file.read_text("utf-8"))) for file in files]
    known = {f"{100 * plan.score:.1f}" for results in found for plan in results.plans if plan.score}
    text = re.sub(r"^\|.*", "", (ROOT / "docs" / document).read_text("utf-8"), flags=re.M)
    shown = re.findall(r"(\d+\.\d)(?=[\d., and]* %)", text)
    assert shown
    assert set(shown) <= known


def measured(row: PlanResult) -> dict[str, str]:
    """A row of results under the headings that the documents give it."""
    assert row.score is not None
    assert row.spread is not None
    assert row.cost is not None
    return {
        "accuracy %": f"{100 * row.score:.1f} ± {100 * row.spread:.1f}",
        "learning rate": f"{row.learning_rate:g}",
        "training ktok/s": f"{row.cost.training_tokens_per_second / 1e3:.1f}",
        "inference ktok/s": f"{row.cost.inference_tokens_per_second / 1e3:.1f}",
        "step memory MiB": f"{row.cost.peak_memory / 2**20:.1f}",
        "parameters": f"{row.cost.parameters:,}",
        "MFLOP/token": f"{row.cost.flops_per_token / 1e6:.3f}",
    }


def cells(line: str) -> list[str]:
    return [cell.strip(" `*") for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(
    ("document", "file"), [("README.md", "demo.json"), ("docs/digits.md", "digits12.json")]
)
def test_a_table_shows_what_was_measured(document: str, file: str) -> None:
    written = json.loads((ROOT / "benchmarks" / "results" / file).read_text("utf-8"))
    results = Results(**written)
    lines = (ROOT / document).read_text("utf-8").splitlines()
    (head,) = (number for number, line in enumerate(lines) if "| accuracy % |" in line)
    plan, *names = cells(lines[head])
    assert plan.startswith("plan")
    rows = [cells(line) for line in lines[head + 2 : head + 2 + len(results.plans)]]
    shown = {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}
    expected = {row.plan: measured(row) for row in results.plans}
    assert shown == {plan: {name: expected[plan][name] for name in names} for plan in expected}
    below = [cells(line)[:2] for line in lines[head + 2 + len(results.plans) :][:2]]
    scores = {b.name: f"{100 * b.value(results.data.task):.1f}" for b in results.baselines}
    assert below == [
        ["linear model", scores["linear"]],
        ["majority class", scores["majority class"]],
    ]
