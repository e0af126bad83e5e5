"""What goes along with an exported model, and how to run it without this library."""

import json
from pathlib import Path
from typing import Any

from spectrans.data.encoding import ROOM
from spectrans.data.tokenizer import FILE as TOKENIZER
from spectrans.disk import write_whole
from spectrans.errors import must
from spectrans.export import Report
from spectrans.training.record import Run

FACTS = "labels.json"
README = "README.md"

# Lines of Python that make the input, by what tokens are.
_TEXT = "Well made, and cheap"
_GAP = "a \\0 in the text"
_INPUTS = {
    "byte": [
        'ids = list("{text}".encode()[: facts["max_length"]])',
    ],
    "subword": [
        "from tokenizers import Tokenizer",
        'pieces = Tokenizer.from_file("tokenizer.json").encode("{text}", add_special_tokens=False)',
        'ids = pieces.ids[: facts["max_length"]]',
    ],
    "id": ["ids = [1, 0, 1]"],
    "pixel": ['ids = [0] * facts["max_length"]'],
    "vector": [
        'mean, scale = (np.array(facts["encoding"][name]) for name in ("mean", "scale"))',
        "vectors = (np.ones((1, 5, len(mean))) - mean) / scale",
        f"x = np.pad(vectors, ((0, 0), (0, 0), (0, {ROOM}))).astype(np.float32)",
    ],
}
# Lines that read the output, by what is answered.
_ANSWERS = {
    "classification": 'print(facts["task"]["labels"][int(answer[0].argmax())])',
    "multi-label": 'print([x for x, z in zip(facts["task"]["labels"], answer[0]) if z > 0])',
    "regression": 'print(np.array(answer[0]) * facts["task"]["scale"] + facts["task"]["mean"])',
    "token-classification": 'print([facts["task"]["labels"][k] for k in answer[0].argmax(-1)])',
    "masked-lm": "print(answer[0].argmax(-1).tolist())",
}


def write_facts(run: Run, folder: Path) -> list[str]:
    """Write what has to be known to make inputs and read outputs.

    Parameters
    ----------
    run
        A finished run.
    folder
        An existing folder.

    Returns
    -------
    list of str
        Names of the files.
    """
    data = run.record.data
    facts = {
        "task": data.task.model_dump(mode="json"),
        "encoding": data.encoding.model_dump(mode="json"),
        "max_length": data.max_length,
    }
    written = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / FACTS, written)
    if run.tokenizer is None:
        return [FACTS]
    write_whole(folder / TOKENIZER, run.tokenizer)
    return [FACTS, TOKENIZER]


def write_readme(run: Run, reports: list[Report], folder: Path) -> None:
    """Write how to run the files of a folder without this library.

    Parameters
    ----------
    run
        A finished run.
    reports
        Of the files that were exported.
    folder
        An existing folder.
    """
    record, data = run.record, run.record.data
    lines = [
        f"# {_plain(record.spec.plan)}, trained on {_plain(data.name)}",
        "",
        f"Rows {_plain(data.task.describe())}, read as {_plain(data.encoding.describe())}, at most "
        f"{data.max_length:,} tokens. `{FACTS}` says what the outputs stand for.",
    ]
    for report in reports:
        lines += ["", *_section(run, report)]
    lines += [
        "",
        "Each call takes rows of one length, without padding: run rows of different lengths one by "
        "one, or sort them by length.",
        "",
    ]
    write_whole(folder / README, "\n".join(lines))


def _section(run: Run, report: Report) -> list[str]:
    name, speed = report.path.name, report.speed
    about = (
        f"Largest error {report.max_relative_error:.1e} of the largest value over "
        f"{len(report.probes)} probes; {speed.ratio:.2f} times the model's own speed on "
        f"{speed.rows} x {speed.length} tokens where it was exported."
    )
    needs = "onnxruntime" if name.endswith(".onnx") else "torch"
    page = [f"## `{name}`, with {needs}", "", about, "", "```python", *program(run, name), "```"]
    return [*page, "", _REPORTING] if needs == "onnxruntime" else page


# onnxruntime has done so since 1.29, from its import on.
_REPORTING = (
    "Of itself, onnxruntime reports its use to Microsoft: `ORT_DISABLE_TELEMETRY=1` in the "
    "environment keeps it from that."
)


def program(run: Run, name: str) -> list[str]:
    """Give the lines of Python that run an exported file.

    Parameters
    ----------
    run
        A finished run.
    name
        Of the file.

    Returns
    -------
    list of str
        They print one answer.
    """
    data = run.record.data
    kind = data.encoding.kind
    text = _GAP if data.task.kind == "masked-lm" else _TEXT
    if kind == "subword" and data.task.kind == "masked-lm":
        text = "a [MASK] in the text"
    inputs = [line.replace("{text}", text) for line in _INPUTS[kind]]
    head = ["import json", "import numpy as np", f'facts = json.load(open("{FACTS}"))', *inputs]
    given = "inputs_embeds" if kind == "vector" else "input_ids"
    value = "x" if kind == "vector" else "np.array([ids])"
    if name.endswith(".onnx"):
        call = [
            "import onnxruntime",
            f'session = onnxruntime.InferenceSession("{name}")',
            f'(answer,) = session.run(None, {{"{given}": {value}}})',
        ]
    else:
        call = [
            "import torch",
            f'model = torch.export.load("{name}").module(check_guards=False)',
            f"answer = model({given}=torch.from_numpy({value})).detach().numpy()",
        ]
    return [*head, *call, _ANSWERS[data.task.kind]]


def _plain(text: Any) -> str:
    """Make text safe to stand in Markdown: it may come from a file name."""
    return "".join(c if c.isalnum() or c in " ,.:-%()" else "_" for c in str(text))


def check_folder(out: Path) -> None:
    """Refuse a folder that holds something.

    Parameters
    ----------
    out
        Where an export is to go.

    Raises
    ------
    ValueError
        A file, or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(must("--out", "name a new or empty folder", str(out)))
