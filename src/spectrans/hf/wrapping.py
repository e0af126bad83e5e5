"""From one of our models to the class that holds it in transformers."""

from typing import Any

from spectrans.hf.base import SpectransPreTrainedModel
from spectrans.hf.config import SpectransConfig
from spectrans.hf.models import (
    SpectransForMaskedLM,
    SpectransForMultipleChoice,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransModel,
)
from spectrans.models import BaseModel

CLASSES: tuple[type[SpectransPreTrainedModel], ...] = (
    SpectransModel,
    SpectransForMaskedLM,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransForQuestionAnswering,
    SpectransForMultipleChoice,
)


def wrap(model: BaseModel, **settings: Any) -> SpectransPreTrainedModel:
    """Give one of our models, of any class, as a model of transformers.

    Parameters
    ----------
    model
        Its head chooses the class: "lm" masked language model, "classification" and "regression"
        sequence classification, "sequence" token classification, otherwise the plain encoder.
    **settings
        Settings that only transformers has, such as `id2label` or `pad_token_id`.

    Returns
    -------
    SpectransPreTrainedModel
        With a copy of the weights, in their type and on their device. The way back is the
        attribute `model`.

    Examples
    --------
    >>> from spectrans import FNet
    >>> type(wrap(FNet(vocab_size=9, hidden_dim=8, num_layers=1, num_classes=3))).__name__
    'SpectransForSequenceClassification'
    """
    head = model.config.output_type
    cls: type[SpectransPreTrainedModel] = SpectransModel
    if model.output_head is not None:
        cls = {
            "lm": SpectransForMaskedLM,
            "classification": SpectransForSequenceClassification,
            "regression": SpectransForSequenceClassification,
            "sequence": SpectransForTokenClassification,
            "pooled": SpectransModel,
        }[head]
    if head == "regression":
        settings = {"problem_type": "regression", "num_labels": 1, **settings}
    wrapped = cls(SpectransConfig.from_spectrans(model.config, **settings))
    example = next(model.parameters())
    wrapped.model.to(device=example.device, dtype=example.dtype)
    wrapped.model.load_state_dict(model.state_dict())
    wrapped.train(model.training)
    return wrapped
