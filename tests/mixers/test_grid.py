"""Rows that are grids: what the two-dimensional mixers add to the contract."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from spectrans import HybridEncoder
from spectrans.mixers import AFNO, Dims, GFNet, GFNetGridMixer, resolve
from spectrans.transforms import routes
from spectrans.transforms.grid import grid_signal, grid_spectrum
from tests.cases import DIMS, GRIDS, Case, ids
from tests.transforms.test_routes import moved

every_grid = pytest.mark.parametrize("case", GRIDS, ids=ids)


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (5, 4), (7, 1), (1, 6)])
@pytest.mark.parametrize("route", ["fft", "matmul"])
def test_the_signal_of_a_spectrum_is_the_grid(grid: tuple[int, int], route: Any) -> None:
    x = torch.randn(2, *grid, 3, dtype=torch.float64)
    with routes.using(route):
        pairs = grid_spectrum(x)
        torch.testing.assert_close(grid_signal(pairs, grid[1]), x)
    torch.testing.assert_close(
        torch.view_as_complex(pairs), torch.fft.rfft2(x, dim=(1, 2), norm="ortho")
    )


@every_grid
def test_matrices_give_the_values_and_gradients_of_the_fft_on_grids(case: Case) -> None:
    n = case.tokens(0)
    torch.manual_seed(0)
    expected = moved(case, n, "fft")
    torch.manual_seed(0)
    torch.testing.assert_close(moved(case, n, "matmul"), expected, rtol=1e-10, atol=1e-10)


def test_a_filter_on_a_grid_is_a_circular_convolution_in_two_dimensions() -> None:
    layer = GFNet(grid=(4, 5)).build(Dims(hidden_dim=3, max_sequence_length=20)).double()
    assert isinstance(layer, GFNetGridMixer)
    kernel = torch.fft.irfft2(torch.view_as_complex(layer.filter.detach()), s=(4, 5), dim=(0, 1))
    x = torch.randn(2, 20, 3, dtype=torch.float64)
    wrapped = F.pad(x.view(2, 4, 5, 3).permute(0, 3, 1, 2), (4, 0, 3, 0), mode="circular")
    y = F.conv2d(wrapped, kernel.flip(0, 1).permute(2, 0, 1)[:, None], groups=3)
    torch.testing.assert_close(layer(x), y.permute(0, 2, 3, 1).reshape(2, 20, 3))


def test_a_shifted_grid_gives_a_shifted_answer() -> None:
    layer = GFNet(grid=(4, 5)).build(Dims(hidden_dim=12, max_sequence_length=20)).double()
    x = torch.randn(2, 4, 5, 12, dtype=torch.float64)
    y = layer(x.flatten(1, 2)).view_as(x)
    shifted = layer(x.roll((1, 2), (1, 2)).flatten(1, 2)).view_as(x)
    torch.testing.assert_close(shifted, y.roll((1, 2), (1, 2)))


def test_frequencies_above_the_limit_are_dropped_on_both_axes() -> None:
    layer = AFNO(grid=(8, 10), num_blocks=2, modes_seq=3).build(
        Dims(hidden_dim=4, max_sequence_length=80)
    )
    y = layer.double()(torch.randn(1, 80, 4, dtype=torch.float64)).view(1, 8, 10, 4)
    power = torch.fft.rfft2(y, dim=(1, 2)).abs().amax((0, 3))
    kept = torch.zeros(8, 6, dtype=torch.bool)
    kept[[0, 1, 2, 6, 7], :3] = True
    assert power[~kept].max() < 1e-12
    assert power[kept].min() > 1e-3


@every_grid
def test_rows_of_another_length_are_refused(case: Case) -> None:
    n = case.tokens(0)
    with pytest.raises(
        ValueError, match=f"the tokens of a row must be {n} for grid=.*, got {n + 1}"
    ):
        case.build()(torch.randn(1, n + 1, DIMS.hidden_dim, dtype=torch.float64))
    with pytest.raises(ValueError, match=f"max_sequence_length must be {n} for grid="):
        case.build(dims=DIMS)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"type": "gfnet", "grid": (2, 2), "resample": "modes"}, "resample must be left out when"),
        ({"type": "afno", "grid": (2, 2), "modes_hidden": 2}, "modes_hidden must be left out when"),
        ({"type": "gfnet", "grid": (0, 2)}, "must be greater than 0"),
        ({"type": "gfnet", "grid": (2, 2, 2)}, "grid"),
        ({"type": "afno", "grid": 4}, "grid must be a valid tuple"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        resolve(options)


@pytest.mark.parametrize("name", ["gfnet", "afno"])
def test_a_model_of_grids_saves_loads_and_summarises(name: str, tmp_path: Any) -> None:
    model = HybridEncoder(
        hidden_dim=16, num_layers=2, max_sequence_length=12, num_heads=4, spectral_type=name,
        spectral_config={"grid": (3, 4)},
    ).eval()  # fmt: skip
    model.save_pretrained(tmp_path)
    again = HybridEncoder.from_pretrained(tmp_path)
    assert again.config.plan() == model.config.plan()
    x = torch.randn(2, 12, 16)
    assert torch.equal(again(inputs_embeds=x), model(inputs_embeds=x))
    assert model.summary().layers[0].mixer_flops > 0
    padded, mask = torch.cat([x, torch.randn(2, 3, 16)], 1), torch.ones(2, 15)
    mask[:, 12:] = 0
    found = model(inputs_embeds=padded, attention_mask=mask)[:, :12]
    torch.testing.assert_close(found, model(inputs_embeds=x))


@every_grid
@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from torch's own compiler
def test_a_mixer_of_grids_compiles_to_one_graph(case: Case) -> None:
    mixer = case.build(torch.float32)
    x = torch.randn(2, case.tokens(0), DIMS.hidden_dim)
    torch._dynamo.reset()
    torch.testing.assert_close(
        torch.compile(mixer, fullgraph=True, backend="aot_eager")(x), mixer(x)
    )
