"""The complex network on every frequency: sizes, limits and refusals."""

from typing import Any

import pytest
import torch

from spectrans.mixers import AFNO, AFNOMixer, Dims
from spectrans.transforms import routes


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


@pytest.mark.parametrize("options", [{}, {"modes_seq": 5}, {"modes_hidden": 8}])
def test_rows_taken_one_by_one_give_what_the_batch_gives(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = mixer(**options), torch.randn(3, 21, 16, dtype=torch.float64)
    batch = layer(x).detach()
    monkeypatch.setattr(routes, "by_rows", lambda *tensors: True)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), batch, rtol=0, atol=1e-12)


def test_rows_are_taken_one_by_one_for_large_rows_on_one_thread_in_inference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = torch.empty(8, 512, 768), torch.empty(64, 64, 768)
    trained = torch.empty(8, 512, 768, requires_grad=True)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert [routes.by_rows(x) for x in (large, small, trained)] == [True, False, False]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not routes.by_rows(large)
