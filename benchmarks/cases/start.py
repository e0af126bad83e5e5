"""What a user waits for first: the import, and a fresh process up to its first answer."""

import subprocess
import sys

from benchmarks.case import Case, NoResult, Result, Work

_OURS = """
import torch
from spectrans import HybridTransformer
model = HybridTransformer(vocab_size={vocab}, hidden_dim={d}, num_layers={layers}, num_heads=12,
                          max_sequence_length={n}, output_type="none").eval()
"""
_THEIRS = """
import torch
from transformers import BertConfig, BertModel
model = BertModel(BertConfig(vocab_size={vocab}, hidden_size={d}, num_hidden_layers={layers},
                             max_position_embeddings={n})).eval()
"""
_ANSWER = """
with torch.inference_mode():
    model(torch.randint({vocab}, ({b}, {n})))
"""


def process(code: str) -> Work:
    """Give the work of running code in a fresh interpreter, which has its own environment."""

    def work() -> Result:
        subprocess.run([sys.executable, "-c", code], check=True)
        return ()

    return work


CASES = [
    Case(
        name="import",
        family="start",
        sizes={},
        ours=lambda: process("from spectrans import HybridTransformer"),
        peer=lambda: process("import torch"),
        against="import torch",
        check=NoResult("nothing is computed"),
        target=1 / 1.5,
        one_thread=True,
        elsewhere=True,
        short=True,
    ),
    Case(
        name="import, build, first forward",
        family="start",
        sizes={"b": 1, "n": 512, "d": 768, "layers": 12, "vocab": 30522},
        ours=lambda **sizes: process((_OURS + _ANSWER).format(**sizes)),
        peer=lambda **sizes: process((_THEIRS + _ANSWER).format(**sizes)),
        against="transformers BERT",
        check=NoResult("each draws its own weights"),
        one_thread=True,
        elsewhere=True,
        target=1.0,
    ),
]
