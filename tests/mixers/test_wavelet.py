"""The wavelet mixer: its definition in every mode, and what sets it apart from other mixers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from spectrans.mixers import Dims, Wavelet, WaveletMixer
from spectrans.packing import Rows, pack_rows
from tests.reference.wavelet import wavelet

DIMS = Dims(hidden_dim=6, num_heads=2)
MODES = ["pointwise", "channel", "level", "attention"]
LENGTHS = [1, 2, 3, 7, 16, 31, 64, 101]
EVERY_LENGTH = (1, 2, 3, 4, 5, 8, 9, 31, 64)
FILTERS = {
    "orthogonal": {},
    "odd-half": {"wavelet": "db3", "levels": 5},
    "biorthogonal": {"wavelet": "bior2.2"},
    "learnable": {"learnable": True},
    "symmetric": {"boundary": "symmetric"},
    "zero": {"boundary": "zero", "wavelet": "sym3"},
    "reflect": {"boundary": "reflect", "wavelet": "haar"},
}

every_mode = pytest.mark.parametrize("mode", MODES)
every_filter = pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS.keys())


def shaken(options: Wavelet, dims: Dims = DIMS) -> WaveletMixer:
    """A float64 mixer none of whose parameters is left at a special value."""
    mixer = options.build(dims).double()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return mixer


def tokens(n: int, d: int = 6) -> Tensor:
    return torch.randn(2, n, d, dtype=torch.float64)


def reference(x: Tensor, mixer: WaveletMixer, moved: dict[str, Any] | None = None) -> Any:
    state = {key: value.numpy() for key, value in mixer.state_dict().items()} | (moved or {})
    return wavelet(x.numpy(), state, mixer.options, DIMS)


@every_mode
@every_filter
@pytest.mark.parametrize("n", LENGTHS)
def test_values_equal_the_definition(filters: dict[str, Any], mode: Any, n: int) -> None:
    mixer = shaken(Wavelet(mixing_mode=mode, **filters))
    x = tokens(n)
    with torch.no_grad():
        np.testing.assert_allclose(mixer(x), reference(x, mixer), rtol=0, atol=1e-10)


@every_mode
@every_filter
@pytest.mark.parametrize("n", [1, 7, 16, 31])
def test_every_derivative_equals_the_slope_of_the_definition(
    filters: dict[str, Any], mode: Any, n: int
) -> None:
    mixer = shaken(Wavelet(mixing_mode=mode, **filters))
    x = tokens(n).requires_grad_()
    weight = torch.randn_like(x)
    (mixer(x) * weight).sum().backward()
    used = {key: p for key, p in mixer.named_parameters() if p.grad is not None}
    steps = {key: torch.randn_like(p) for key, p in used.items()}
    step = torch.randn_like(x)

    def value(t: float, key: str) -> float:
        there = {key: (used[key] + t * steps[key]).detach().numpy()} if key else {}
        y = reference((x + t * step if not key else x).detach(), mixer, there)
        return float((y * weight.numpy()).sum())

    assert x.grad is not None
    found = {"": float((x.grad * step).sum())}
    found |= {key: float((p.grad * steps[key]).sum()) for key, p in used.items()}  # type: ignore[operator]
    h = 1e-5
    expected = {key: (value(h, key) - value(-h, key)) / (2 * h) for key in found}
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("mode", ["pointwise", "channel"])
@pytest.mark.parametrize(
    "filters",
    [{}, {"wavelet": "db3", "levels": 5}, {"wavelet": "db20"}, {"learnable": True}],
    ids=["db4", "db3", "db20", "learnable"],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_packed_rows_have_the_values_and_slopes_of_one_call_per_length(
    filters: dict[str, Any], mode: Any, dtype: torch.dtype
) -> None:
    mixer = shaken(Wavelet(mixing_mode=mode, **filters)).to(dtype)
    mask = torch.arange(40) < torch.tensor([9, 31, 1, 2, 9, 3, 40, 5, 16, 4])[:, None]
    rows = pack_rows(mask, mask.shape)
    assert rows is not None
    x = torch.randn(int(mask.sum()), 6, dtype=dtype, requires_grad=True)
    weight = torch.randn_like(x)

    def mixed(call: Callable[[Tensor, Rows], Tensor]) -> list[Tensor]:
        y = call(x, rows)
        return [y, *torch.autograd.grad((y * weight).sum(), (x, *mixer.parameters()))]

    found, expected = mixed(mixer.forward_packed), mixed(lambda x, rows: rows.each(mixer, x))
    bound = 1e-11 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(found, expected, rtol=bound, atol=bound)


@every_mode
def test_rows_of_the_parameters_without_a_level_get_no_gradient(mode: Any) -> None:
    mixer = shaken(Wavelet(mixing_mode=mode, levels=4))
    mixer(tokens(4)).square().sum().backward()
    grads = {
        key: torch.zeros_like(p) if p.grad is None else p.grad
        for key, p in mixer.named_parameters()
    }
    by_row = {
        "pointwise": lambda row: grads["mixing.gain"][row],
        "channel": lambda row: grads["mixing.weight"][row],
        "level": lambda row: grads["mixing.weight"][row],
        "attention": lambda row: grads[f"mixing.heads.{row}.out.weight"],
    }[mode]
    assert [bool(by_row(row).any()) for row in range(5)] == [True, True, True, False, False]


@every_mode
@pytest.mark.parametrize("n", [2, 7, 16])
def test_mixing_that_copies_gives_the_input_back(mode: Any, n: int) -> None:
    mixer = Wavelet(mixing_mode=mode).build(DIMS).double()
    eye = torch.eye(6, dtype=torch.float64)
    with torch.no_grad():
        copies = {
            "gain": torch.ones(4, 6),
            "weight": eye.expand(4, 6, 6) if mode == "channel" else eye[:4, :4, None],
        }
        for key, parameter in mixer.mixing.named_parameters():
            parameter.copy_(copies.get(key, parameter))
    x = tokens(n)
    copied = torch.allclose(mixer(x), x, rtol=0, atol=1e-10)
    assert copied == (mode != "attention")


@pytest.mark.parametrize("mode", ["pointwise", "channel", "level"])
def test_power_is_kept_at_first(mode: Any) -> None:
    mixer = Wavelet(mixing_mode=mode).build(Dims(hidden_dim=64))
    x = torch.randn(4, 128, 64)
    with torch.no_grad():
        gain = mixer(x).square().mean()
    assert 0.5 < gain.item() < 2


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_token_reaches_the_documented_distance_and_no_further(levels: int) -> None:
    options = Wavelet(wavelet="db2", levels=levels)
    mixer = options.build(DIMS).double()
    n, reach = 64, 3 * (2**levels - 1)
    x = torch.zeros(1, n, 6, dtype=torch.float64)
    seen = torch.zeros(n, dtype=torch.bool)
    x[0, 32] = 1
    with torch.no_grad():
        seen = mixer(x)[0].abs().amax(1) > 1e-12
    distance = (torch.arange(n) - 32).abs()
    assert int(distance[seen].max()) <= reach
    assert int(distance[seen].max()) > reach // 2


def test_learned_filters_start_as_the_named_wavelet() -> None:
    x = tokens(31).float()
    torch.manual_seed(3)
    fixed = Wavelet(wavelet="sym4").build(DIMS)
    torch.manual_seed(3)
    learned = Wavelet(wavelet="sym4", learnable=True).build(DIMS)
    torch.testing.assert_close(learned(x), fixed(x), rtol=0, atol=1e-5)


@every_mode
def test_the_size_is_the_documented_one(mode: Any) -> None:
    mixer = Wavelet(mixing_mode=mode, learnable=True).build(DIMS)
    rows, d, half = 4, 6, 4
    expected = {
        "pointwise": rows * d,
        "channel": rows * d**2,
        "level": rows**2 * d,
        "attention": rows * (4 * d**2 + 4 * d),
    }
    assert sum(p.numel() for p in mixer.parameters()) == expected[mode] + half * d


def test_checkpoint_keys_stay_what_they_are() -> None:
    keys = {
        mode: sorted(Wavelet(mixing_mode=mode, levels=1).build(DIMS).state_dict())  # type: ignore[arg-type]
        for mode in MODES
    }
    heads = [
        f"mixing.heads.{row}.{part}.{kind}"
        for row in (0, 1)
        for part in ("out", "qkv")
        for kind in ("bias", "weight")
    ]
    assert keys == {
        "pointwise": ["mixing.gain"],
        "channel": ["mixing.weight"],
        "level": ["mixing.weight"],
        "attention": heads,
    }
    assert "angles" in Wavelet(learnable=True).build(DIMS).state_dict()


def test_own_heads_come_before_the_models() -> None:
    options = Wavelet(mixing_mode="attention", num_heads=3, levels=1)
    torch.manual_seed(1)
    own = options.build(DIMS)
    torch.manual_seed(1)
    models = Wavelet(mixing_mode="attention", levels=1).build(Dims(hidden_dim=6, num_heads=3))
    x = tokens(8).float()
    assert torch.equal(own(x), models(x))


@every_mode
@pytest.mark.parametrize("autocast", [False, True], ids=["bfloat16", "autocast"])
def test_low_precision_trains(mode: Any, autocast: bool) -> None:
    dtype = torch.float32 if autocast else torch.bfloat16
    mixer = Wavelet(mixing_mode=mode, learnable=True).build(DIMS).to(dtype)
    x = tokens(21).to(dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        y = mixer(x)
    y.float().square().sum().backward()
    assert y.dtype == dtype
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in mixer.parameters())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"wavelet": "db44"}, r"unknown wavelet 'db44'; did you mean 'db4'\?"),
        ({"levels": 0}, "levels must be greater than 0, got 0"),
        ({"boundary": "zeros"}, "boundary must be .*'zero'.*, got 'zeros'"),
        ({"num_heads": 2}, "num_heads must be None for mixing_mode='pointwise', .*, got 2"),
        (
            {"learnable": True, "boundary": "zero"},
            "boundary must be 'periodization' when learnable, got 'zero'",
        ),
        ({"learnable": True, "wavelet": "bior2.2"}, "wavelet must be orthogonal.*, got 'bior2.2'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_cannot_act_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Wavelet(**options)


def test_attention_needs_heads_that_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="hidden_dim must be divisible by num_heads, got 6 and 4"):
        Wavelet(mixing_mode="attention", num_heads=4).build(DIMS)


@pytest.mark.parametrize(
    ("mode", "filters"),
    [*((mode, {}) for mode in MODES), ("pointwise", {"learnable": True})],
    ids=[*MODES, "learnable"],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_one_exported_program_serves_every_length(mode: Any, filters: dict[str, Any]) -> None:
    mixer = shaken(Wavelet(wavelet="db2", mixing_mode=mode, **filters)).eval()
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        mixer, (tokens(20),), dynamic_shapes=({0: dynamic, 1: dynamic},)
    ).module()
    inputs = [tokens(n) for n in EVERY_LENGTH]
    found, expected = [program(x) for x in inputs], [mixer(x) for x in inputs]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "filters",
    [{}, pytest.param({"boundary": "symmetric"}, marks=pytest.mark.slow)],
    ids=["wrapped", "symmetric"],
)
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.usefixtures("without_shape_checks")
def test_one_compiled_graph_serves_even_and_odd_lengths(filters: dict[str, Any]) -> None:
    torch._dynamo.reset()
    counters.clear()
    mixer = shaken(Wavelet(wavelet="db2", levels=2, **filters))
    options: dict[str, Any] = {"fullgraph": True, "dynamic": True, "backend": "aot_eager"}
    compiled = torch.compile(mixer, **options)
    inputs = [tokens(n).requires_grad_() for n in (40, 41, 43, 46)]
    grads = {
        call: [torch.autograd.grad(call(x).sin().sum(), x)[0] for x in inputs]
        for call in (compiled, mixer)
    }
    torch.testing.assert_close(grads[compiled], grads[mixer], rtol=0, atol=1e-10)
    assert counters["stats"]["unique_graphs"] == 1
