"""Write what this version saves into tests/released/VERSION, once, when the version is released.

Run: python -m tests.released.write

A model, a finished run, a run that was stopped, the rows of both, and what they answered and
measured. Later versions must go on reading these folders, so they are never written anew.
"""

import itertools
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from spectrans import HybridTransformer, __version__
from spectrans.data import DataSpec
from spectrans.training import Progress, Run, RunSpec, Stopped, train
from spectrans.training.inputs import read_line
from spectrans.training.lock import LOCK
from spectrans.training.predict import answer_all

HOME = Path(__file__).parent
ROWS, EXPECTED = "rows.csv", "expected.json"
MODEL, FINISHED, BEGUN = "model", "finished", "begun"
TEXTS = ("abc red", "green abc", "x", "bluered green")
IDS = [[3, 1, 4, 1, 5, 9, 2], [6, 5, 3, 5, 0, 0, 0], [8, 9, 7, 9, 3, 2, 3]]
REAL = [[1] * 7, [1] * 4 + [0] * 3, [1] * 7]
MIXERS: list[Any] = [
    "fourier",
    "wavelet",
    {"type": "afno", "num_blocks": 2},
    "gfnet",
    "attention",
    {"type": "spectral_attention", "num_features": 8},
    "lst",
]
SPEC = RunSpec(
    plan="wavelet,attention",
    data=DataSpec(source=ROWS),
    num_layers=2,
    hidden_dim=8,
    num_heads=2,
    ffn_ratio=1.0,
    batch_size=8,
    steps=12,
    accumulate=2,
    precision="float32",
)


def model_answers(model: Any) -> list[list[float]]:
    """Ask a model."""
    with torch.inference_mode():
        logits = model(torch.tensor(IDS), attention_mask=torch.tensor(REAL))
    return logits.tolist()


def run_answers(run: Run) -> list[dict[str, Any]]:
    """Ask a run."""
    asked = [read_line("text", text, run.record.data) for text in TEXTS]
    return answer_all(run, asked, top=3)


def stop(report: Progress) -> None:
    """Ask for the end within the second epoch."""
    if report.step == 7:
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    folder = HOME / __version__
    folder.mkdir()
    os.chdir(folder)
    colours = itertools.islice(itertools.cycle(("red", "green", "blue")), 60)
    rows = [f"{n * n:04d} {colour},{colour}" for n, colour in enumerate(colours)]
    Path(ROWS).write_text("\n".join(["text,label", *rows, ""]))
    torch.manual_seed(0)
    model = HybridTransformer(
        vocab_size=10, hidden_dim=8, num_layers=7, num_heads=2, num_classes=3,
        max_sequence_length=8, ffn_hidden_dim=8, alternation_pattern="custom", layer_types=MIXERS,
    ).eval()  # fmt: skip
    model.save_pretrained(MODEL)
    run = train(SPEC, folder=FINISHED)
    with suppress(Stopped):
        train(SPEC, watch=stop, folder=BEGUN)
    Path(BEGUN, LOCK).unlink()
    expected = {
        "model": model_answers(model),
        "answers": run_answers(run),
        "history": run.history,
        "test": run.record.metrics.test,
    }
    Path(EXPECTED).write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
