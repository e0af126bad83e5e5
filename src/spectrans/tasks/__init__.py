"""What models are trained to answer: one file per task, each a value that a run saves."""

from typing import Annotated

from pydantic import Discriminator, Tag

from spectrans.options import kind_of
from spectrans.tasks.base import ClassScore as ClassScore
from spectrans.tasks.base import Meter as Meter
from spectrans.tasks.base import Metric as Metric
from spectrans.tasks.base import Scores as Scores
from spectrans.tasks.base import Task as Task
from spectrans.tasks.classification import Classification as Classification
from spectrans.tasks.masked import MaskedLM as MaskedLM
from spectrans.tasks.multilabel import MultiLabel as MultiLabel
from spectrans.tasks.regression import Regression as Regression
from spectrans.tasks.tokens import TokenClassification as TokenClassification

AnyTask = Annotated[
    Annotated[Classification, Tag("classification")]
    | Annotated[MultiLabel, Tag("multi-label")]
    | Annotated[Regression, Tag("regression")]
    | Annotated[TokenClassification, Tag("token-classification")]
    | Annotated[MaskedLM, Tag("masked-lm")],
    Discriminator(kind_of),
]
