"""The count of faults that tests of readers keep."""

from tests.faults.conftest import tally as tally
