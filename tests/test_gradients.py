"""Slopes of slopes, function transforms and repeatability, of every mixer and its options."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.attention import SDPBackend, sdpa_kernel

from spectrans.mixers import AFNO, Dims, GFNet, Mixer
from tests.cases import CASES, GRIDS, VARIANTS, Case, ids
from tests.reference.grid import afno_grid, gfnet_grid

every_case = pytest.mark.parametrize("case", CASES + VARIANTS + GRIDS, ids=ids)

SMALL_GRIDS = (
    Case("gfnet-grid", GFNet(grid=(2, 2)), gfnet_grid),
    Case("afno-grid", AFNO(num_blocks=3, grid=(2, 2)), afno_grid),
)
every_small_case = pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(case, id=case.id) for case in CASES + SMALL_GRIDS),
        *(pytest.param(case, id=case.id, marks=pytest.mark.slow) for case in VARIANTS),
    ],
)


@pytest.fixture
def plain_attention() -> Iterator[None]:
    """Attention by products and a softmax: torch's CPU kernel knows no vmap."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


def small(case: Case) -> tuple[Mixer, Tensor]:
    """A float64 mixer with few weights, none of them at a special value, and two rows for it."""
    n = case.tokens(4)
    dims = Dims(hidden_dim=6, num_heads=3, max_sequence_length=case.tokens(5))
    mixer = case.build(dims=dims)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer, torch.randn(2, n, 6, dtype=torch.float64, requires_grad=True)


@every_case
def test_first_and_second_slopes_are_those_of_finite_differences(case: Case) -> None:
    mixer, x = small(case)
    assert gradcheck(mixer, x, fast_mode=True)
    assert gradgradcheck(mixer, x, fast_mode=True)


@every_case
def test_slopes_by_weights_are_those_of_finite_differences(case: Case) -> None:
    mixer, x = small(case)
    names = [name for name, _ in mixer.named_parameters()]

    def answer(*weights: Tensor) -> Tensor:
        return torch.func.functional_call(mixer, dict(zip(names, weights, strict=True)), x)

    weights = tuple(mixer.parameters()) or (x,)
    function = answer if names else mixer
    assert gradcheck(function, weights, fast_mode=True)
    assert gradgradcheck(function, weights, fast_mode=True)


@every_small_case
def test_every_entry_of_the_first_and_second_slopes_is_that_of_finite_differences(
    case: Case,
) -> None:
    mixer, x = small(case)
    row = x.detach()[:1, :3] if case.grid is None else x.detach()[:1]
    assert gradcheck(mixer, row.requires_grad_())
    assert gradgradcheck(mixer, row)


@pytest.mark.parametrize("case", CASES + SMALL_GRIDS, ids=ids)
def test_every_entry_of_the_slopes_by_weights_is_that_of_finite_differences(case: Case) -> None:
    mixer, x = small(case)
    names = [name for name, _ in mixer.named_parameters()]
    row = x.detach()[:1, :3] if case.grid is None else x.detach()[:1]

    def answer(*weights: Tensor) -> Tensor:
        return torch.func.functional_call(mixer, dict(zip(names, weights, strict=True)), row)

    assert not names or gradcheck(answer, tuple(mixer.parameters()))


@every_case
@pytest.mark.usefixtures("plain_attention")
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_the_slope_of_each_sample_is_that_of_the_sample_alone(case: Case) -> None:
    mixer, x = small(case)
    state = {name: value.detach() for name, value in mixer.named_parameters()}

    def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return torch.func.functional_call(mixer, weights, row[None]).square().sum()

    slope = torch.func.grad(loss, argnums=1)
    together = torch.func.vmap(slope, in_dims=(None, 0))(state, x.detach())
    apart = torch.stack([slope(state, row) for row in x.detach()])
    torch.testing.assert_close(together, apart, rtol=1e-9, atol=1e-9)


def fingerprint() -> str:
    """Of weights, answers and slopes of all mixers, from one seed."""
    torch.manual_seed(3)
    digest = hashlib.sha256()
    for case in CASES:
        mixer = case.build(torch.float32)
        x = torch.randn(2, 21, 12, requires_grad=True)
        y = mixer(x)
        y.square().sum().backward()
        for value in (y, x.grad, *(p.grad for p in mixer.parameters())):
            digest.update(b"" if value is None else value.detach().numpy().tobytes())
    return digest.hexdigest()


def test_one_seed_gives_the_same_bits_in_every_process() -> None:
    program = (
        "import torch; torch.set_num_threads(1); torch.use_deterministic_algorithms(True);"
        "from tests.test_gradients import fingerprint; print(fingerprint())"
    )
    found = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert found[0].stdout == found[1].stdout
    assert len(found[0].stdout) == 65


@pytest.fixture
def threads() -> Iterator[None]:
    """Any number of threads, for the length of a test."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def answered(case: Case, number: int) -> list[Tensor]:
    """What a mixer gives in so many threads: values and all gradients."""
    torch.set_num_threads(number)
    torch.manual_seed(5)
    tokens = case.tokens(160)
    dims = Dims(hidden_dim=48, num_heads=3, max_sequence_length=tokens)
    mixer = case.build(torch.float32, dims)
    x = torch.randn(4, tokens, 48, requires_grad=True)
    y = mixer(x)
    y.square().sum().backward()
    gradients = (value.grad for value in (x, *mixer.parameters()))
    return [y.detach(), *(g for g in gradients if g is not None)]


@pytest.mark.parametrize("case", CASES + SMALL_GRIDS, ids=ids)
@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_the_last_digits_and_its_repetition_no_bit(
    case: Case,
) -> None:
    one, two = answered(case, 1), answered(case, 2)
    for number, first in ((1, one), (2, two)):
        again = answered(case, number)
        assert all(torch.equal(a, b) for a, b in zip(again, first, strict=True))
    for a, b in zip(one, two, strict=True):
        assert float((a - b).abs().max()) <= 1e-5 * float(a.abs().max())
