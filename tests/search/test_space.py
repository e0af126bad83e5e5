"""Which plans a search can try."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from spectrans.layout import canonical
from spectrans.plan import spatial_layers, tiled
from spectrans.search.space import OPTIONS, PLACES, Space, positions
from tests.search.made import asked


class Chance:
    """Chooses by chance, and notes what it was asked."""

    def __init__(self, seed: int, **fixed: Any) -> None:
        self.random, self.fixed = np.random.RandomState(seed), fixed
        self.names: list[str] = []

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.names.append(name)
        return self.fixed.get(name, int(self.random.randint(low, high + 1)))

    def suggest_float(self, name: str, low: float, high: float) -> float:
        self.names.append(name)
        return self.fixed.get(name, float(self.random.uniform(low, high)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.names.append(name)
        return self.fixed.get(name, choices[self.random.randint(len(choices))])


def drawn(count: int = 300, **settings: Any) -> list[str]:
    space = Space(asked(**settings), 32)
    return [space.suggest(Chance(seed)) for seed in range(count)]


def names(plan: str, depth: int = 4) -> list[str]:
    return [options.name for options in tiled(plan, depth)]


def test_plans_are_of_the_mixers_that_were_asked_for_and_canonical() -> None:
    plans = drawn(mixers="fourier,wavelet(levels=2)", attention="attention")
    assert {name for plan in plans for name in names(plan)} == {"fourier", "wavelet", "attention"}
    assert all(canonical(plan) == plan for plan in plans)


def test_an_option_that_is_written_down_is_not_searched() -> None:
    plans = drawn(mixers="wavelet(levels=3)", max_attention=0)
    levels = {options.levels for plan in plans for options in tiled(plan, 4)}  # type: ignore[attr-defined]
    modes = {options.mixing_mode for plan in plans for options in tiled(plan, 4)}  # type: ignore[attr-defined]
    assert levels == {3}
    assert modes == set(OPTIONS["wavelet"]["mixing_mode"])


@pytest.mark.parametrize("most", [0, 1, 3])
def test_there_is_never_more_attention_than_was_asked_for(most: int) -> None:
    counts = {
        names(plan).count("attention") for plan in drawn(attention="attention", max_attention=most)
    }
    assert counts == set(range(most + 1))


def test_attention_anywhere_finds_every_place() -> None:
    plans = drawn(600, mixers="fourier", attention="attention", anywhere=True)
    found = {
        tuple(k for k, name in enumerate(names(plan)) if name == "attention") for plan in plans
    }
    assert found == {some for count in range(5) for some in combinations(range(4), count)}


@pytest.mark.parametrize("depth", [1, 2, 4, 6, 7, 12])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_has_as_many_layers_as_it_should(place: str, depth: int) -> None:
    for count in range(1, depth + 1):
        found = positions(place, count, depth)
        assert len(found) == count
        assert found <= set(range(depth))


@pytest.mark.parametrize("place", ["top", "middle", "bottom", "mixed"])
def test_places_are_the_published_ones_where_the_count_divides_the_depth(place: str) -> None:
    for count in (1, 2, 3, 4, 6):
        pattern = spatial_layers(f"{place}:{count}", 12)
        assert positions(place, count, 12) == {layer for layer, here in enumerate(pattern) if here}


def test_even_is_every_second_layer_where_half_is_attention() -> None:
    assert positions("even", 3, 6) == {1, 3, 5}


def test_values_that_do_not_fit_the_size_are_left_out() -> None:
    # 8 blocks do not divide 12 channels.
    shared = asked().shared.model_copy(update={"hidden_dim": 12, "num_heads": 2})
    assert Space(asked(shared=shared), 32).options["afno"]["num_blocks"] == (4, 1)


def test_a_mixer_that_fits_with_no_option_is_refused_by_name() -> None:
    search = asked(mixers="afno(num_blocks=3)")
    with pytest.raises(ValueError, match="afno: num_blocks must divide 16 channels, got 3"):
        Space(search, 32)


def test_a_search_begins_with_attention_alone_and_each_mixer_alone() -> None:
    search = asked(mixers="wavelet,gfnet")
    space = Space(search, 32)
    plans = [space.suggest(Chance(0, **choices)) for choices in space.starts() if choices]
    assert plans == ["attention", "wavelet", "gfnet"]


@pytest.mark.parametrize(
    "settings",
    [{"max_attention": 2}, {"attention": "lst"}, {"attention": "attention(window=8)"}],
    ids=["few", "other kind", "other options"],
)
def test_attention_alone_is_tried_where_the_space_has_it_not(settings: dict[str, Any]) -> None:
    assert Space(asked(**settings), 32).starts()[0] is None


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mixers": "fourier,fourier"}, "mixers and attention must name each mixer once, got 'fourier'"),
        ({"mixers": "lst"}, "mixers and attention must name each mixer once, got 'lst'"),
        ({"mixers": "attention", "attention": "lst"}, "mixers must leave attention to the other list"),
        ({"mixers": "2xfourier"}, "mixers must be mixers without counts, got '2xfourier'"),
        ({"attention": "atention"}, "attention 'atention': unknown mixer 'atention'; did you mean"),
        ({"mixers": "wavelet(level=2)"}, "mixers 'wavelet(level=2)': wavelet: unknown Wavelet option"),
        ({"mixers": ""}, "mixers '': layer_types must be mixer names"),
        ({"max_attention": 5}, "max_attention must be at most num_layers=4, got 5"),
        ({"trials": 0}, "trials must be greater than 0, got 0"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_search_that_cannot_be_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"must|unknown") as refusal:
        asked(**settings)
    assert str(refusal.value).startswith(sentence)


def test_a_time_for_each_trial_is_refused() -> None:
    shared = asked().shared.model_copy(update={"epochs": None, "minutes": 1.0})
    with pytest.raises(ValueError, match="shared must have epochs or steps, by which trials"):
        asked(shared=shared)


def test_twenty_plans_are_tried_unless_something_else_is_said() -> None:
    assert (asked().trials, asked(minutes=1.0).trials, asked(trials=3).trials) == (20, None, 3)
