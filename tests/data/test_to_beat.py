"""What `data check --baselines` says that a model must beat."""

from spectrans.data import DataSpec
from spectrans.data.check import check
from tests.cli.command import spectrans

FEW = "induction32?vocab=4&train=300&validation=50&test=100"


def test_baselines_are_scored_where_they_are_asked_for() -> None:
    plain, scored = check(DataSpec(source=FEW)), check(DataSpec(source=FEW), scored=True)
    (found,) = [finding for finding in scored if finding not in plain]
    assert found.level == "ok"
    assert found.sentence.startswith("accuracy to beat: majority class 33.0 %")
    assert ", linear " in found.sentence


def test_the_command_line_scores_them_too() -> None:
    answer = spectrans("data", "check", FEW, "--baselines")
    assert answer.code == 0
    assert "accuracy to beat: majority class 33.0 %" in answer.out
