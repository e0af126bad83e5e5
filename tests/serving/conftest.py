"""A run that every test of this folder serves."""

import json

import numpy as np
import pytest

from spectrans.training.record import Run
from tests.made_runs import made_run

WORDS = ("red", "green", "blue")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Texts of 8 to 98 bytes whose class is the word that they begin with; not trained."""
    random = np.random.RandomState(0)
    rows = [
        {
            "text": f"{WORDS[n % 3]} {n:03d}" + "".join(random.choice(list("abc "), n)) + ".",
            "label": WORDS[n % 3],
        }
        for n in range(91)
    ]
    path = tmp_path_factory.mktemp("data") / "colours.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made_run(path)
