"""A plan in one line: what is read, what is refused, and the one way to write it."""

import string
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrans.layout import canonical, mixers, parts, shortest, written
from spectrans.mixers import (
    AFNO,
    LST,
    MIXERS,
    Attention,
    Fourier,
    GFNet,
    MixerOptions,
    Wavelet,
    resolve,
)
from spectrans.plan import tiled
from spectrans.training import Comparison, RunSpec
from spectrans.training.compare import run_folder
from spectrans.training.folders import plan_slug
from tests.cases import CASES, VARIANTS, ids
from tests.custom import Shift, registered


@pytest.mark.parametrize(
    ("layout", "plan"),
    [
        ("wavelet(levels=5),attention", (Wavelet(levels=5), Attention(), Wavelet(levels=5))),
        ("2x wavelet", None),
        ("lst( form = gated , use_bias = false )", (LST(form="gated", use_bias=False),) * 3),
        ("2xgfnet(grid=[8,4]), fourier", (GFNet(grid=(8, 4)), GFNet(grid=(8, 4)), Fourier())),
        ('wavelet(wavelet="db2")', (Wavelet(wavelet="db2"),) * 3),
        ("afno(sparsity_threshold=1e-3,mlp_ratio=2)", (AFNO(sparsity_threshold=1e-3, mlp_ratio=2.0),) * 3),
        ("attention(position=none)", (Attention(position="none"),) * 3),
        ("attention(position=null)", (Attention(),) * 3),
        ("attention(qk_norm=True,bias=False,window=None)", (Attention(qk_norm=True, bias=False),) * 3),
    ],
)  # fmt: skip
def test_options_are_read_as_their_types(
    layout: str, plan: tuple[MixerOptions, ...] | None
) -> None:
    if plan is None:
        with pytest.raises(ValueError, match="layer_types must be mixer names"):
            tiled(layout, 3)
    else:
        assert tiled(layout, 3) == plan


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ("wavelet(level=5)", "wavelet: unknown Wavelet option 'level'; did you mean 'levels'?"),
        ("spectral_attention(features=128)", "unknown SpectralAttention option 'features'; did you mean 'num_features'?"),
        ("wavelet(levels=high)", "wavelet: levels must be a valid integer, got 'high'"),
        ("wavelet(levels=2.5)", "wavelet: levels must be a valid integer"),
        ("attention(qk_norm=yes)", "attention: qk_norm must be a valid boolean, got 'yes'"),
        ("lst(form=gate)", "lst: form must be 'gated' or 'product', got 'gate'"),
        ("wavelet(levels=5", "layer_types must close the parenthesis behind 'wavelet', got 'wavelet"),
        ("wavelet(levels=5,attention", "layer_types must close the parenthesis behind 'wavelet'"),
        ("wavelet(", "layer_types must close the parenthesis behind 'wavelet'"),
        ("wavelet()", "layer_types must have options as name=value in parentheses, as in"),
        ("wavelet(5)", "layer_types must have options as name=value in parentheses, as in"),
        ("wavelet(levels=)", "layer_types must have options as name=value in parentheses, as in"),
        ("wavelet(levels=5))", "layer_types must have options as name=value in parentheses, as in"),
        ("gfnet(grid=[8,8)", "layer_types must have options as name=value in parentheses, as in"),
        ("wavelet(levels=5,levels=5)", "layer_types must set 'levels' of wavelet once, got"),
        ("wavlet(levels=5", "unknown mixer 'wavlet'; did you mean 'wavelet'?"),
        ("(levels=5)", "layer_types must be mixer names with optional counts"),
        ("wavelet(levels=5)x2", "layer_types must be mixer names with optional counts"),
        ("wavelet(levels=5) lst", "layer_types must be mixer names with optional counts"),
        (f"gfnet(grid={'[' * 100_000})", "layer_types must have options as name=value"),
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_a_bad_option_gets_one_sentence(layout: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"must|unknown") as refusal:
        parts(layout)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("layout", "one_way"),
    [
        (" 3xfourier , attention ", "3xfourier,attention"),
        ("fourier,fourier,lst", "2xfourier,lst"),
        ("2xlst,lst", "3xlst"),
        ("1xlst", "lst"),
        ("wavelet(levels=3)", "wavelet"),
        ("wavelet(boundary=zero,levels=2)", "wavelet(levels=2,boundary=zero)"),
        ("wavelet,wavelet(levels=2)", "wavelet,wavelet(levels=2)"),
        ("wavelet(wavelet=haar)", "wavelet(wavelet=haar)"),
        ("attention(qk_norm=True)", "attention(qk_norm=true)"),
    ],
)
def test_there_is_one_way_to_write_a_layout(layout: str, one_way: str) -> None:
    assert canonical(layout) == one_way
    assert canonical(one_way) == one_way
    assert RunSpec(plan=layout).plan == one_way
    assert Comparison(plans=(layout, "attention")).plans[0] == one_way


@pytest.mark.parametrize("case", CASES + VARIANTS, ids=ids)
def test_options_are_read_back_from_what_is_written(case: object) -> None:
    options = case.options  # type: ignore[attr-defined]
    assert parts(written(options))[0].options == options


class Worded(Shift):
    """A mixer with an option that is any text."""

    name: ClassVar[str] = "worded"

    word: str = "none"


@pytest.mark.parametrize("word", ["True", "False", "None", "true", "null", "1e3", "plain", "a b"])
def test_text_that_looks_like_a_value_stays_text(word: str) -> None:
    with registered(Worded):
        assert parts(written(Worded(word=word)))[0].options == Worded(word=word)


NAMES = st.sampled_from(
    sorted(name for name in MIXERS if MIXERS[name].__module__.startswith("spectrans"))
)
LAYERS = NAMES.map(resolve) | st.builds(Wavelet, levels=st.integers(1, 3)) | st.builds(
    AFNO, sparsity_threshold=st.floats(0, 1e300)
)  # fmt: skip


@given(st.lists(LAYERS, min_size=1, max_size=12))
def test_the_shortest_layout_gives_the_plan_back(plan: list[MixerOptions]) -> None:
    layout = shortest(plan)
    assert tiled(layout, len(plan)) == tuple(plan)
    assert canonical(layout) == layout


@given(st.text(string.ascii_letters + string.digits + '(),=[]"x .-', max_size=30))
def test_any_text_is_a_layout_or_gets_a_sentence(text: str) -> None:
    try:
        layout = canonical(text)
    except ValueError as refusal:
        assert "must" in str(refusal) or "unknown" in str(refusal)  # noqa: PT017
    else:
        assert canonical(layout) == layout


def test_a_plan_with_options_has_a_folder_of_its_own() -> None:
    plans = (
        "afno(sparsity_threshold=1.0)",
        "afno(sparsity_threshold=10)",
        "afno",
        "wavelet(levels=2)",
    )
    folders = {run_folder(Path("x"), RunSpec(plan=plan)) for plan in plans}
    assert len(folders) == len(plans)
    assert plan_slug("3xgfnet,attention") == "3xgfnet-attention"
    assert plan_slug("wavelet(wavelet=db1)") != plan_slug("wavelet-wavelet-db1")
    assert len(plan_slug(",".join(["wavelet(levels=2)", "lst"] * 40))) < 128


def test_the_mixers_of_a_layout_are_named_once() -> None:
    assert mixers("2xwavelet(levels=2),lst,wavelet") == ["wavelet", "lst"]
