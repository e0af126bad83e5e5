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

AnyTask = Annotated[
    Annotated[Classification, Tag("classification")],
    Discriminator(kind_of),
]
