"""Numbers in a file are those that were in memory."""

import numpy as np
import pytest

from spectrans import spill
from spectrans.data.equal import first_of_equal, groups
from spectrans.data.splits import shuffled
from spectrans.spill import Growing, chosen, gathered, room

KINDS = [np.int32, np.int64, np.uint64, np.float64]


@pytest.fixture(params=[1, 3, 100], ids="{} in memory".format)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "FEW", request.param)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 31])
def test_what_is_taken_is_given(kind: type[np.generic], count: int) -> None:
    numbers = np.random.RandomState(0).randint(0, 2**31 - 1, 3 * count).astype(kind)
    taken = Growing(kind)
    for number in numbers[:count].tolist():
        taken.append(number)
    taken.extend(numbers[count : 2 * count])
    taken.extend(numbers[2 * count :].tolist())
    assert len(taken) == 3 * count
    assert taken.finish().dtype == kind
    assert taken.finish().tolist() == numbers.tolist()


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 31])
def test_rows_are_chosen_and_gathered_as_numpy_does(count: int) -> None:
    random = np.random.RandomState(0)
    table = random.randint(0, 9, (count, 2))
    mask = table[:, 0] > 4
    assert chosen(mask).tolist() == np.flatnonzero(mask).tolist()
    rows = random.randint(0, max(1, count), 2 * count)
    assert gathered(table, rows).tolist() == table[rows].tolist()


@pytest.mark.usefixtures("few")
def test_rows_are_put_in_the_order_that_numpy_puts_them_in() -> None:
    rows = room(31, np.int64)
    rows[:] = np.arange(31)
    wanted = np.random.RandomState(3).permutation(np.arange(31))
    assert shuffled(rows, np.random.RandomState(3)).tolist() == wanted.tolist()


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("values", [1, 2, 7, 2**62])
def test_equal_rows_come_together_and_the_first_is_found(values: int) -> None:
    prints = np.random.RandomState(0).randint(0, values, 200).astype(np.uint64)
    # Spread evenly, as fingerprints are.
    prints *= np.uint64(0x9E3779B97F4A7C15)
    together = [rows.tolist() for rows in groups(prints)]
    assert sorted(row for rows in together for row in rows) == list(range(200))
    apart = [set(prints[rows].tolist()) for rows in together]
    assert sum(map(len, apart)) == len(set(prints.tolist()))
    first = [prints.tolist().index(value) for value in prints.tolist()]
    assert first_of_equal(prints).tolist() == first
