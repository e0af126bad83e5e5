"""Plans by name."""

import pytest

from spectrans.plan import tiled
from spectrans.training.families import layouts, names


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("attention", "AAAA"),
        ("fnet", "FFFF"),
        ("fnet-top-1", "FFFA"),
        ("fnet-top-3", "FAAA"),
        ("even", "FAFA"),
        ("gfnet-even", "GAGA"),
        ("gfnet-top-2", "GGAA"),
        ("wavelet", "WWWW"),
        ("performer", "SSSS"),
    ],
)
def test_a_name_stands_for_a_plan(name: str, layers: str) -> None:
    (layout,) = layouts(name, 4)
    assert "".join(options.name[0].upper() for options in tiled(layout, 4)) == layers


@pytest.mark.parametrize(("depth", "count"), [(4, 7), (2, 6)])
def test_all_are_the_usual_plans_that_fit_and_differ(depth: int, count: int) -> None:
    found = layouts("all", depth)
    assert len({tiled(layout, depth) for layout in found}) == len(found) == count


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fnett", "unknown family 'fnett'; did you mean 'fnet'"),
        ("attention-even", "unknown family 'attention-even'"),
        ("fnet-top-", "unknown family 'fnet-top-'"),
        (
            "fnet-top-4",
            "family must have from 1 to 3 layers of attention after 'top-', got 'fnet-top-4'",
        ),
        ("fnet-top-0", "family must have from 1 to 3 layers"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        layouts(name, 4)


def test_every_name_is_listed() -> None:
    assert {"all", "attention", "even", "fnet", "fnet-top-K", "gfnet-even"} <= set(names())
