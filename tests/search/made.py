"""Small searches and trials of them."""

from typing import Any

from spectrans.search import Search, Tried
from spectrans.training import RunSpec


def asked(depth: int = 4, **settings: Any) -> Search:
    """A search over plans of a few layers."""
    shared = RunSpec(plan="attention", num_layers=depth, hidden_dim=16, num_heads=2)
    return Search(**{"shared": shared, **settings})


def trial(number: int, score: float, latency: float, **settings: Any) -> Tried:
    """A trial that was done."""
    made = {
        "plan": f"wavelet(levels={number})",
        "state": "done",
        "validation": score,
        "latency": latency,
        "parameters": 10,
    }
    return Tried(**{"number": number, **made, **settings})
