"""The models in transformers: importing this makes its Auto classes know them."""

import transformers

from spectrans.hf.card import model_card as model_card
from spectrans.hf.config import MODEL_TYPE
from spectrans.hf.config import SpectransConfig as SpectransConfig
from spectrans.hf.models import SpectransForMaskedLM as SpectransForMaskedLM
from spectrans.hf.models import SpectransForMultipleChoice as SpectransForMultipleChoice
from spectrans.hf.models import SpectransForQuestionAnswering as SpectransForQuestionAnswering
from spectrans.hf.models import (
    SpectransForSequenceClassification as SpectransForSequenceClassification,
)
from spectrans.hf.models import SpectransForTokenClassification as SpectransForTokenClassification
from spectrans.hf.models import SpectransModel as SpectransModel
from spectrans.hf.wrapping import CLASSES
from spectrans.hf.wrapping import wrap as wrap

# A later transformers may bring a model of the same name: ours is meant by who imports this.
transformers.AutoConfig.register(MODEL_TYPE, SpectransConfig, exist_ok=True)
for _model in CLASSES:
    getattr(transformers, _model.auto_class).register(SpectransConfig, _model, exist_ok=True)
