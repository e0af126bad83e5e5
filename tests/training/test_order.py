"""In which order rows are trained on."""

import numpy as np
import pytest

from spectrans.training.order import Draw, Order

RAGGED = np.random.RandomState(0).randint(3, 40, 45)
LENGTHS = {"one length": np.full(45, 7), "ragged": RAGGED}


def rows(order: Order) -> list[Draw]:
    return [draw for batch in order for draw in batch if not draw.filler]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("epoch", [0, 3])
def test_an_epoch_has_every_row_once_and_each_epoch_has_its_own_order(
    lengths: str, epoch: int
) -> None:
    order = Order(LENGTHS[lengths], 8, seed=1)
    order.epoch = epoch
    first = [draw.row for draw in rows(order)]
    assert sorted(first) == list(range(45))
    assert [draw.row for draw in rows(order)] == first
    order.epoch = epoch + 1
    assert [draw.row for draw in rows(order)] != first


@pytest.mark.parametrize(("parts", "processes"), [(1, 2), (3, 1), (2, 3), (4, 4)])
def test_parts_and_processes_share_the_rows_of_every_step(parts: int, processes: int) -> None:
    alone = list(Order(RAGGED, 8, seed=0))
    shares = [list(Order(RAGGED, 8, 0, parts, processes, rank)) for rank in range(processes)]
    assert {len(share) for share in shares} == {parts * len(alone)}
    steps = [
        sorted(
            draw.row
            for share in shares
            for batch in share[parts * step : parts * (step + 1)]
            for draw in batch
            if not draw.filler
        )
        for step in range(len(alone))
    ]
    assert steps == [sorted(draw.row for draw in batch) for batch in alone]
    assert all(batch for share in shares for batch in share)


def test_neighbours_in_length_share_a_batch_and_the_longest_comes_first() -> None:
    lengths = np.random.RandomState(0).randint(3, 400, 4000)
    batches = [[int(lengths[draw.row]) for draw in batch] for batch in Order(lengths, 8, seed=0)]
    assert np.mean([max(batch) - min(batch) for batch in batches]) < 20
    assert batches[0][0] == lengths.max()
