"""The sentences that refuse bad input."""

from spectrans.errors import some


def test_a_few_names_stand_in_order_with_the_verb_that_fits() -> None:
    assert some({"b"}) == "b is"
    assert some(("b", "c", "a")) == "a, b, c are"
    assert some(["d", "b", "e", "c", "a"]) == "a, b, c and 2 more are"
