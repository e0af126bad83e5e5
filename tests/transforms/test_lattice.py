"""Rotation angles: any of them make an invertible bank, and named wavelets are among them."""

import pytest
import torch

from spectrans import HybridTransformer
from spectrans.mixers import Wavelet
from spectrans.transforms.lattice import orthogonal_bank, wavelet_angles
from spectrans.transforms.wavelet import dwt, filters, wavedec, waverec

ORTHOGONAL = [
    *(f"db{i}" for i in range(1, 14)),
    *(f"sym{i}" for i in range(2, 21)),
    "coif1",
    "coif10",
]


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_a_named_wavelet_is_rebuilt_from_its_angles(name: str) -> None:
    found = torch.stack([torch.as_tensor(taps) for taps in orthogonal_bank(wavelet_angles(name))])
    expected = torch.tensor(filters(name), dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("half", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 31])
def test_any_angles_give_an_exact_inverse(half: int, n: int) -> None:
    bank = orthogonal_bank(4 * torch.randn(half, 3, dtype=torch.float64))
    x = torch.randn(2, n, 3, dtype=torch.float64)
    back = waverec(wavedec(x, bank, 3), bank, n)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("half", [1, 2, 3, 4, 8])
def test_any_angles_keep_the_energy_of_every_channel(half: int) -> None:
    bank = orthogonal_bank(4 * torch.randn(half, 3, dtype=torch.float64))
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    a, d = dwt(x, bank)
    torch.testing.assert_close(a.square().sum(1) + d.square().sum(1), x.square().sum(1))


def test_every_channel_has_its_own_filters() -> None:
    angles = torch.randn(4, 3, dtype=torch.float64)
    x = torch.randn(2, 12, 3, dtype=torch.float64)
    together = dwt(x, orthogonal_bank(angles))[0]
    alone = dwt(x[..., 1:2], orthogonal_bank(angles[:, 1]))[0]
    torch.testing.assert_close(together[..., 1:2], alone)


@pytest.mark.parametrize("name", ["bior2.2", "dmey", "db20", "coif17"])
def test_a_wavelet_that_angles_cannot_rebuild_is_refused(name: str) -> None:
    rule = "wavelet must be orthogonal, and rebuilt by its angles to 1e-10, to be learnable"
    with pytest.raises(ValueError, match=f"{rule}, got '{name}'"):
        wavelet_angles(name)


def test_angles_are_found_where_a_model_is_built_without_numbers() -> None:
    with torch.device("meta"):
        found = wavelet_angles("db2")
        model = HybridTransformer(
            hidden_dim=8,
            num_layers=1,
            alternation_pattern="custom",
            layer_types=[Wavelet(learnable=True)],
        )
    assert (found.device.type, found.shape) == ("meta", wavelet_angles("db2").shape)
    assert {weight.device.type for weight in model.parameters()} == {"meta"}
