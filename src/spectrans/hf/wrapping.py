"""From one of our models to the class that holds it in transformers."""

from typing import Any

from spectrans.errors import must
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


def wrap(
    model: BaseModel,
    model_class: type[SpectransPreTrainedModel] | None = None,
    **settings: Any,
) -> SpectransPreTrainedModel:
    """Give one of our models, of any class, as a model of transformers.

    Parameters
    ----------
    model
        Its head chooses the class: "lm" masked language model, "classification" and "regression"
        sequence classification, "sequence" token classification, otherwise the plain encoder.
    model_class
        The class, for tasks that the head does not tell: `SpectransForQuestionAnswering` for
        "sequence" with two outputs, `SpectransForMultipleChoice` for "classification" with one.
    **settings
        Settings that only transformers has, such as `id2label` or `pad_token_id`.

    Returns
    -------
    SpectransPreTrainedModel
        With a copy of the weights, in their type and on their device. The way back is the
        attribute `model`.

    Raises
    ------
    ValueError
        A class with another head.

    Examples
    --------
    >>> from spectrans import FNet
    >>> type(wrap(FNet(vocab_size=9, hidden_dim=8, num_layers=1, num_classes=3))).__name__
    'SpectransForSequenceClassification'
    """
    head = model.config.output_type
    cls: type[SpectransPreTrainedModel] = SpectransModel
    if model_class is not None:
        cls = model_class
    elif model.output_head is not None:
        cls = {
            "lm": SpectransForMaskedLM,
            "classification": SpectransForSequenceClassification,
            "regression": SpectransForSequenceClassification,
            "sequence": SpectransForTokenClassification,
            "pooled": SpectransModel,
        }[head]
    if head == "regression":
        settings = {"problem_type": "regression", **settings}
        if model.config.num_classes is None and "id2label" not in settings:
            settings["num_labels"] = 1
    wrapped = cls(SpectransConfig.from_spectrans(model.config, **settings))
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    if {name: value.shape for name, value in wrapped.model.state_dict().items()} != shapes:
        rule = f"be one for output_type={head!r} with num_classes={model.config.num_classes}"
        raise ValueError(must("model_class", rule, cls.__name__))
    example = next(model.parameters())
    wrapped.model.to(device=example.device, dtype=example.dtype)
    wrapped.model.load_state_dict(model.state_dict())
    wrapped.train(model.training)
    return wrapped
