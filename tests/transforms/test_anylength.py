"""The form for export: what the plain form gives at every length, with surplus levels empty."""

import pytest
import torch

from spectrans.transforms.anylength import wavedec_at_any_length, waverec_at_any_length
from spectrans.transforms.filterbank import FilterBank
from spectrans.transforms.lattice import orthogonal_bank
from spectrans.transforms.wavelet import filters, max_levels, wavedec

BANKS = {
    "db3": filters("db3"),
    "db4": filters("db4"),
    "bior2.2": filters("bior2.2"),
    "learned": orthogonal_bank(torch.arange(8.0, dtype=torch.float64).view(4, 2)),
}
every_bank = pytest.mark.parametrize("bank", BANKS.values(), ids=BANKS.keys())
every_length = pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 31])


@every_bank
@every_length
def test_levels_that_exist_are_the_plain_ones_and_the_others_are_empty(
    bank: FilterBank, n: int
) -> None:
    x = torch.randn(2, n, 2, dtype=torch.float64)
    found, _ = wavedec_at_any_length(x, bank, 4)
    levels = max_levels(n, len(bank.dec_lo), "periodization", 4)
    approx, *details = (c[:, :-1] for c in found)
    surplus = details[: 4 - levels]
    torch.testing.assert_close([approx, *details[4 - levels :]], wavedec(x, bank, levels))
    assert all(not detail.any() for detail in surplus)


@every_bank
@every_length
def test_the_way_back_is_exact_and_ignores_details_of_a_single_sample(
    bank: FilterBank, n: int
) -> None:
    x = torch.randn(2, n, 2, dtype=torch.float64)
    (approx, *details), lengths = wavedec_at_any_length(x, bank, 4)
    noise = [(length == 1) * torch.randn(2, 2, 2).double() for length in reversed(lengths)]
    noisy = [d + e if d.shape[1] == 2 else d for d, e in zip(details, noise, strict=True)]
    back = waverec_at_any_length([approx, *noisy], bank, lengths)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)
