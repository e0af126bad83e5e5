"""Run an exported model where there is no torch: onnxruntime and numpy are all that is loaded.

Run: python examples/onnx_small_machine.py [model.onnx]
Without a file, another process makes a small one first; that one needs torch and the `onnx` extra.
"""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

# Of itself it reports its use to Microsoft, from its import on.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

EXPORT = """
from spectrans import HybridTransformer, export
model = HybridTransformer(
    vocab_size=256, hidden_dim=32, num_layers=2, num_heads=4, max_sequence_length=64,
    num_classes=3, spectral_type="gfnet",
)
print(export.save(model, "small.onnx", route="matmul", overwrite=True))
"""


def answers(session: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Answer a padded batch exactly: rows with equally many real tokens go in together."""
    lengths = mask.sum(1)
    found = {}
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        real = ids[rows][mask[rows] == 1].reshape(len(rows), length)
        (logits,) = session.run(["logits"], {"input_ids": real})
        found.update(zip(rows.tolist(), logits, strict=True))
    return np.stack([found[row] for row in range(len(ids))])


def main() -> None:
    if len(sys.argv) < 2:
        subprocess.run([sys.executable, "-c", EXPORT], check=True)
    session = onnxruntime.InferenceSession(sys.argv[1] if len(sys.argv) > 1 else "small.onnx")
    facts = json.loads(session.get_modelmeta().custom_metadata_map["spectrans"])
    print(f"\n{facts['model_class']} of spectrans {facts['spectrans_version']}")
    print(f"takes {facts['inputs']}, gives {facts['width']} logits per row")

    texts = ["Well made, and a pleasure to use.", "No.", "Fell apart within a week."]
    rows = [np.frombuffer(text.encode(), np.uint8) for text in texts]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1

    logits = answers(session, ids, mask)
    print(np.round(logits, 3))
    (alone,) = session.run(["logits"], {"input_ids": rows[1][None].astype(np.int64)})
    print(f"padding changes the answer by {np.abs(logits[1] - alone[0]).max():.1e}")
    print(f"torch was loaded: {'torch' in sys.modules}")


if __name__ == "__main__":
    main()
