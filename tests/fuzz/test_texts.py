"""Configs, plans and requests that are nonsense: read, or refused in one sentence."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from spectrans.config.models import HybridModelConfig
from spectrans.errors import FaultError
from spectrans.plan import pattern_names, spatial_layers, tiled
from spectrans.serving.limits import Limits
from spectrans.serving.requests import RefusalError, parse, read_rows
from spectrans.training import RunSpec
from spectrans.training.families import layouts
from spectrans.training.inputs import read_line
from spectrans.training.record import Run
from tests.faults.tally import Tally
from tests.fuzz.spoilt import NASTY, changed, fuzz, spoilt
from tests.made_runs import made_run

CONFIG = HybridModelConfig(vocab_size=99, num_layers=3, num_classes=2)
PLANNED = HybridModelConfig(
    num_layers=3,
    alternation_pattern="custom",
    layer_types=["fourier", {"type": "afno", "num_blocks": 2}, "attention"],
)
YAML = tuple(config.to_yaml().encode() for config in (CONFIG, PLANNED))
JSON = tuple(config.to_json().encode() for config in (CONFIG, PLANNED))

# Users have none, and what they would say is not ours.
pytestmark = pytest.mark.usefixtures("without_shape_checks")
many = pytest.mark.parametrize(
    "examples", [300, pytest.param(8_000, marks=pytest.mark.slow)], ids=["some", "thousands"]
)


def lossy(content: bytes) -> str:
    return content.decode("utf-8", "replace")


@many
def test_a_spoilt_yaml_config_is_read_or_refused(examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        config = HybridModelConfig.from_yaml(lossy(content))
        assert HybridModelConfig.from_yaml(config.to_yaml()) == config

    fuzz(spoilt(*YAML) | changed(CONFIG.to_dict()), read, tally, examples)


@many
def test_a_spoilt_json_config_is_read_or_refused(examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        config = HybridModelConfig.from_json(lossy(content))
        assert HybridModelConfig.from_json(config.to_json()) == config

    fuzz(spoilt(*JSON) | changed(PLANNED.to_dict()), read, tally, examples)


SPEC = RunSpec().model_dump(mode="json")


@many
def test_spoilt_settings_of_a_run_are_taken_or_refused(examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        RunSpec(**json.loads(content))

    fuzz(changed(SPEC), read, tally, examples)


PLANS = (
    b"3xgfnet,attention",
    b"fourier,attention",
    b"2xlst,2xwavelet,spectral_attention",
    b"afno(num_blocks=2),wavelet(levels=3, wavelet=haar)",
    b"9xafno",
)
PIECES = st.lists(
    st.sampled_from([b"attention", b"lst", b"(", b")", b"=", b"window=8", b"levels", b"gfnet", b"x", b",", b":", b" ", b"2", b"99999999999", b"-", b"top", *NASTY]),
    max_size=8,
).map(b"".join)  # fmt: skip
DEPTH = 7


@many
def test_a_spoilt_plan_fills_the_layers_or_is_refused(examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        assert len(tiled(lossy(content), DEPTH)) == DEPTH

    fuzz(spoilt(*PLANS) | PIECES, read, tally, examples)


PATTERNS = tuple(name.encode() for name in (*pattern_names(), "top:3", "mixed:2"))


@many
def test_a_spoilt_pattern_decides_on_every_layer_or_is_refused(examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        assert len(spatial_layers(lossy(content), DEPTH)) == DEPTH

    fuzz(spoilt(*PATTERNS) | PIECES, read, tally, examples)


@many
def test_a_spoilt_name_of_a_family_stands_for_plans_or_is_refused(
    examples: int, tally: Tally
) -> None:
    def read(content: bytes) -> None:
        for layout in layouts(lossy(content), DEPTH):
            tiled(layout, DEPTH)

    fuzz(spoilt(b"fnet-top-2", b"performer-even", b"all") | PIECES, read, tally, examples)


@pytest.fixture(scope="module", params=["byte", "pixel", "id", "vector"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on rows of a kind."""
    rows: dict[str, list[dict[str, Any]]] = {
        "byte": [{"text": f"{n:02d}", "label": n % 2} for n in range(30)],
        "id": [{"x": [n, 1, 2], "y": n % 2} for n in range(30)],
        "vector": [{"x": [[n + 0.5, 1.0]] * 3, "y": n % 2} for n in range(30)],
    }
    if request.param == "pixel":
        return made_run("digits12")
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[request.param]))
    return made_run(path)


ASKED: dict[str, Any] = {"inputs": ["a text", [1, 2], [[0.5, 1.0]]], "top": 2, "truncate": True}


@pytest.mark.parametrize(
    "examples", [200, pytest.param(2_500, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
def test_a_spoilt_request_is_read_or_refused(run: Run, examples: int, tally: Tally) -> None:
    data, limits = run.record.data, Limits()

    def read(content: bytes) -> None:
        try:
            read_rows(parse(content, limits), data, None)
        except RefusalError as error:
            kind = ValueError if error.status == 422 else AssertionError
            raise kind(error.reason) from None

    whole = json.dumps(ASKED).encode()
    fuzz(spoilt(whole, b'{"input": "0,1,2"}') | changed(ASKED, ["input"]), read, tally, examples)


@pytest.mark.parametrize(
    "examples", [200, pytest.param(2_500, marks=pytest.mark.slow)], ids=["some", "thousands"]
)
def test_a_spoilt_line_is_read_or_refused(run: Run, examples: int, tally: Tally) -> None:
    def read(content: bytes) -> None:
        read_line("line 1", lossy(content), run.record.data)

    lines = (b"a text", b"1,2,3", b"[1, 2]", b"[[0.5, 1], [2, 3]]", b"0 " * 144)
    fuzz(spoilt(*lines), read, tally, examples, (ValueError, FaultError))
