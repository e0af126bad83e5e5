"""The complex network on every frequency: sizes, limits and refusals."""

from typing import Any

import pytest
import torch

from spectrans.mixers import AFNO, AFNOMixer, Dims


def mixer(hidden_dim: int = 16, length: int = 32, **options: Any) -> AFNOMixer:
    dims = Dims(hidden_dim=hidden_dim, max_sequence_length=length)
    return AFNO(**options).build(dims).double()


@pytest.mark.parametrize("num_blocks", [1, 4, 8])
@pytest.mark.parametrize("mlp_ratio", [1.0, 2.0])
def test_parameters_are_those_of_the_paper_at_any_length(num_blocks: int, mlp_ratio: float) -> None:
    sizes = {
        length: sum(
            p.numel()
            for p in mixer(32, length, num_blocks=num_blocks, mlp_ratio=mlp_ratio).parameters()
        )
        for length in (8, 4096)
    }
    biases = 2 * 32 * (1 + mlp_ratio)
    expected = 4 * 32**2 * mlp_ratio / num_blocks + biases
    assert sizes == {8: expected, 4096: expected}


def test_keeping_all_frequencies_is_the_same_as_no_limit() -> None:
    torch.manual_seed(1)
    limited = mixer(modes_seq=17)
    free = mixer()
    free.load_state_dict(limited.state_dict())
    x = torch.randn(2, 32, 16, dtype=torch.float64)
    torch.testing.assert_close(limited(x), free(x))


@pytest.mark.parametrize("kept", [1, 3, 16])
def test_frequencies_above_the_limit_are_dropped(kept: int) -> None:
    spectrum = torch.fft.rfft(mixer(modes_seq=kept)(torch.randn(2, 32, 16).double()), dim=1)
    assert spectrum[:, kept:].abs().max().item() < 1e-12
    assert spectrum[:, kept - 1].abs().max().item() > 1e-3


def test_channel_frequencies_above_the_limit_are_dropped() -> None:
    y = mixer(modes_hidden=8, num_blocks=2)(torch.randn(2, 32, 16).double())
    spectrum = torch.fft.fft(y, dim=2)
    # Kept: 0 to 3 and -4 to -1; a real row mirrors -4 onto 4.
    assert spectrum[..., 5:12].abs().max().item() < 1e-12


def test_a_large_threshold_leaves_nothing() -> None:
    assert not mixer(sparsity_threshold=1e6)(torch.randn(1, 9, 16).double()).any()


def test_the_limit_has_a_second_name() -> None:
    options: dict[str, Any] = {"n_modes": 5}
    assert AFNO(**options) == AFNO(modes_seq=5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_blocks": 3}, "num_blocks must divide 16 channels, got 3"),
        ({"modes_hidden": 12}, "num_blocks must divide 12 channels, got 8"),
        ({"modes_hidden": 24}, "modes_hidden must be at most hidden_dim=16, got 24"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        mixer(**options)
