"""The page of a model on the hub: what its layers are, what it was trained on, what it scores."""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from spectrans.printable import plain
from spectrans.version import __version__

if TYPE_CHECKING:
    from spectrans.hf.hub import OnHub

_BODY = """
# {name}

{parameters:,} parameters in {layers} layers; {heading}.

```
{summary}
```

Load it with `spectrans-hybrid` (the package called `spectrans` on the public index is another
library):

```python
import spectrans.hf
from transformers import {auto}

model = {auto}.from_pretrained("...")
```

## Data

{data}

## Metrics

{metrics}

Written by spectrans {version}.
"""


def model_card(
    model: "OnHub",
    *,
    name: str = "",
    data: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> ModelCard:
    """Describe a model: its plan as a table, its data and its metrics.

    Parameters
    ----------
    model
        Any of the models for transformers.
    name
        Title; empty for the name of the class.
    data
        What it was trained and scored on, in words.
    metrics
        Scores, for example what `Trainer.evaluate` gives.

    Returns
    -------
    ModelCard
        Text with the metadata that the hub reads; `str(...)` is the content of `README.md`.
    """
    # A folder may be called anything, and data be described by anyone: no markup of theirs.
    name = _text(name or type(model).__name__)
    data = None if data is None else _text(data)
    summary = model.model.summary()
    mixers = dict.fromkeys(layer.mixer for layer in summary.layers)
    body = _BODY.format(
        name=name,
        parameters=model.num_parameters(),
        layers=model.config.num_layers,
        heading=" and ".join(mixers),
        summary=summary,
        auto=model.auto_class,
        data=data or "Not said.",
        metrics=_table(metrics) if metrics else "Not said.",
        version=__version__,
    )
    tags = ["spectrans", *mixers]
    header = ModelCardData(
        library_name="transformers",
        pipeline_tag=model.pipeline_tag,
        tags=tags,
        model_name=name,
        eval_results=_results(model, data, metrics) if data and metrics else None,
    )
    return ModelCard(f"---\n{header.to_yaml()}\n---\n{body}")


def _text(text: str) -> str:
    return html.escape(plain(" ".join(text.split())), quote=False)


def _table(metrics: Mapping[str, float]) -> str:
    rows = [f"| {_text(name)} | {value:.6g} |" for name, value in metrics.items()]
    return "\n".join(["| metric | value |", "|---|---:|", *rows])


def _results(model: "OnHub", data: str, metrics: Mapping[str, float]) -> list[EvalResult]:
    return [
        EvalResult(
            task_type=model.pipeline_tag,
            dataset_type=data.partition("\n")[0],
            dataset_name=data.partition("\n")[0],
            metric_type=name,
            metric_value=float(value),
        )
        for name, value in metrics.items()
    ]
