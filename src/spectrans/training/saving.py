"""A finished run becomes a folder."""

import io
import json
from pathlib import Path

import numpy as np

from spectrans.training.card import CARD, card
from spectrans.training.folders import write_whole
from spectrans.training.record import HISTORY, RECORD, SPLITS, Run


def save_run(run: Run, directory: str | Path) -> None:
    """Write a run into a folder: model, tokenizer, metrics, splits, card, and last `run.json`.

    Parameters
    ----------
    run
        A finished run.
    directory
        Folder, made if missing. It holds a whole run once `run.json` is there.
    """
    folder = Path(directory)
    # Only what saves a run needs transformers, and only when it does.
    from spectrans.training.shipped import write_model

    write_model(run.model, run.record.data, folder, run.tokenizer)
    lines = [json.dumps(entry) + "\n" for entry in run.history]
    write_whole(folder / HISTORY, "".join(lines))
    if run.split is not None:
        packed = io.BytesIO()
        np.savez_compressed(packed, split=run.split)
        write_whole(folder / SPLITS, packed.getvalue())
    write_whole(folder / CARD, card(run.record, str(run.model.summary())))
    written = run.record.model_dump(mode="json")
    write_whole(folder / RECORD, json.dumps(written, indent=2, ensure_ascii=False) + "\n")
