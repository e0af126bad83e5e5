"""The model card of a run: what it is, what it was trained on, what it scores, how to use it."""

import html
import json

from spectrans.data.encoding import Bytes, Subwords
from spectrans.layout import mixers
from spectrans.printable import plain, shortened
from spectrans.tasks import Regression
from spectrans.training.record import RunRecord
from spectrans.version import __version__

CARD = "README.md"
_AUTO = {
    "classification": ("AutoModelForSequenceClassification", "text-classification"),
    "multi-label": ("AutoModelForSequenceClassification", "text-classification"),
    "regression": ("AutoModelForSequenceClassification", "text-classification"),
    "token-classification": ("AutoModelForTokenClassification", "token-classification"),
    "masked-lm": ("AutoModelForMaskedLM", "fill-mask"),
}
LONGEST = 60
MOST = 20


def card(record: RunRecord, summary: str) -> str:
    """Write the card of a run.

    Parameters
    ----------
    record
        Of the run.
    summary
        Of the model, as a table.

    Returns
    -------
    str
        Markdown with the header that the hub reads; whatever comes from the data is shown as text.
    """
    parts = [_header(record), f"# {_safe(record.data.name)}, {_safe(record.spec.plan)}"]
    parts += [
        f"```\n{summary}\n```",
        _data(record),
        _figures(record),
        _use(record),
        _limits(record),
    ]
    return "\n\n".join(parts) + f"\n\nWritten by spectrans {__version__}.\n"


def _header(record: RunRecord) -> str:
    """Give the metadata; JSON is YAML, and needs no quoting of its own."""
    tags = ["spectrans", *sorted(mixers(record.spec.plan))]
    pipeline = _AUTO[record.data.task.kind][1]
    return (
        f"---\nlibrary_name: transformers\npipeline_tag: {pipeline}\ntags: {json.dumps(tags)}\n---"
    )


def _data(record: RunRecord) -> str:
    data = record.data
    lines = [f"## Data\n\n{_safe(data.description)}. Licence: {_safe(data.licence)}."]
    lines.append(
        f"{data.train:,} rows to train on, {data.validation:,} to choose by, {data.test:,} to test"
        f"; longest row {data.max_length:,} tokens; tokens are {_safe(data.encoding.describe())}."
    )
    if data.task.labels:
        shown = ", ".join(_safe(label) for label in data.task.labels[:MOST])
        more = len(data.task.labels) - MOST
        lines.append(f"Answers: {shown}{f' and {more} more' if more > 0 else ''}.")
    return "\n\n".join(lines)


def _figures(record: RunRecord) -> str:
    metrics, task = record.metrics, record.data.task
    rows = [
        f"| {m.title} | {m.show(metrics.validation[m.name])} | {m.show(metrics.test[m.name])} |"
        for m in task.metrics
    ]
    head = ["## Figures", "", "| | validation | test |", "|---|---:|---:|"]
    chosen = (
        f"\n\nThe weights are those of step {metrics.best_step:,} of {metrics.steps:,}, chosen on "
        f"the validation rows; the test rows were looked at once. {metrics.parameters:,} "
        f"parameters, {metrics.seconds:.0f} s of training on {metrics.device} in "
        f"{metrics.precision}."
    )
    return "\n".join(head + rows) + chosen


def _use(record: RunRecord) -> str:
    data = record.data
    auto = _AUTO[data.task.kind][0]
    lines = ["import spectrans.hf", f"from transformers import {auto}, AutoTokenizer"]
    if isinstance(data.encoding, (Bytes, Subwords)):
        lines += ["", 'tokenizer = AutoTokenizer.from_pretrained("FOLDER")']
        lines += [f'model = {auto}.from_pretrained("FOLDER")']
        lines += ['logits = model(**tokenizer(["a text"], return_tensors="pt")).logits']
    else:
        lines[1] = f"from transformers import {auto}"
        lines += ["", f'model = {auto}.from_pretrained("FOLDER")']
    code = "\n".join(lines)
    units = ""
    if isinstance(data.task, Regression):
        units = "\n\nTransformers gives numbers as (value - mean) / scale, see `run.json`."
    return (
        "## Use\n\n```\nspectrans predict FOLDER --example 0\n```\n\n"
        "`spectrans.from_pretrained(FOLDER)` gives the model, and so do the Auto classes, with the "
        "package `spectrans-hybrid` (`spectrans` on the public index is another library):\n\n"
        f"```python\n{code}\n```{units}"
    )


def _limits(record: RunRecord) -> str:
    limit = record.data.max_length
    return (
        "## Limits\n\nIt knows nothing but the data above: rows of another kind, language or "
        f"source get answers all the same. Rows longer than {limit:,} tokens were cut in training. "
        f"The figures are of one run with seed {record.spec.seed}."
    )


def _safe(text: str) -> str:
    """Make text from data harmless in Markdown and HTML."""
    shown = html.escape(shortened(plain(" ".join(text.split())), LONGEST * 3))
    return "".join(f"\\{c}" if c in "\\`*_[]|#!" else c for c in shown)
