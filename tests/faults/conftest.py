"""What tests of faults share: a count of the faults that were tried, kept with the test's result."""

from collections.abc import Iterator

import pytest

from tests.faults.tally import Tally


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts faults, and how many of them did no harm, for docs/trust.md."""
    found = Tally()
    yield found
    request.node.user_properties += [("tried", found.tried), ("held", found.held)]
