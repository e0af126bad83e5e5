"""Real time series that the package `aeon` carries, where it is installed."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from spectrans.data.builtin.base import Builtin
from spectrans.data.dataset import Dataset
from spectrans.data.read import read
from spectrans.data.spec import DataSpec
from spectrans.errors import unknown

LICENCE = (
    "of the UCR and UEA archives, https://www.timeseriesclassification.com, which ask to be cited: "
    "H. A. Dau et al. 2018, arXiv:1810.07758, and A. Bagnall et al. 2018, arXiv:1811.00075"
)


class Series(Builtin):
    """Settings of the time series.

    Parameters
    ----------
    set
        Name of a set that the package carries.
    """

    family: ClassVar[str] = "series"
    number: ClassVar[str] = ""

    set: str = "GunPoint"

    def describe(self) -> str:
        """Say in one line what the task is."""
        return f"real time series: {self.set} of the UCR and UEA archives, from the package aeon"

    def build(self, seed: int) -> Dataset:
        """Read the set, which comes in training and test rows; validation rows are drawn."""
        root = folder()
        known = sorted(p.name for p in root.iterdir() if list(p.glob(f"{p.name}_TRAIN.ts")))
        if self.set not in known:
            raise ValueError(unknown("set of series", self.set, known))
        dataset = read(DataSpec(source=str(root / self.set), seed=seed))
        return replace(dataset, name=self.name, licence=LICENCE)


def folder() -> Path:
    """Find the data of the package, without importing it.

    Returns
    -------
    Path
        A folder with a folder for each set.

    Raises
    ------
    ValueError
        The package is not installed.
    """
    found = find_spec("aeon")
    places = [] if found is None else found.submodule_search_locations or []
    for place in places:
        if (Path(place) / "datasets" / "data").is_dir():
            return Path(place) / "datasets" / "data"
    # Its files alone are read: what it depends on is not needed.
    raise ValueError("series needs aeon: pip install --no-deps aeon")
