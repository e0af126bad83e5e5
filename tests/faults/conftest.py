"""What tests of faults share: a count of the faults that were tried, kept with the test's result."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.tally import Tally


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Iterator[Tally]:
    """Counts faults, and how many of them did no harm, for docs/trust.md."""
    found = Tally()
    yield found
    record_property("tried", found.tried)
    record_property("held", found.held)
