"""Training runs and comparisons; only what trains imports transformers, and only when it does."""

from spectrans.training.compare import compare as compare
from spectrans.training.comparison import Comparison as Comparison
from spectrans.training.comparison import Outcomes as Outcomes
from spectrans.training.predict import answers as answers
from spectrans.training.progress import Progress as Progress
from spectrans.training.progress import TrainingError as TrainingError
from spectrans.training.record import Run as Run
from spectrans.training.record import RunRecord as RunRecord
from spectrans.training.record import load_run as load_run
from spectrans.training.run import train as train
from spectrans.training.saving import save_run as save_run
from spectrans.training.signals import Stopped as Stopped
from spectrans.training.spec import RunSpec as RunSpec
from spectrans.training.speed import Cost as Cost
from spectrans.training.speed import LengthCost as LengthCost
from spectrans.training.speed import measure as measure
from spectrans.training.speed import measure_lengths as measure_lengths
