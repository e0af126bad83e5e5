"""Which optional packages are installed, by what the distribution itself says that it needs."""

import re
from collections.abc import Iterable
from importlib import metadata
from typing import NamedTuple

DISTRIBUTION = "spectrans-hybrid"
# What each extra is for. Those of people who work on the library itself are not looked for.
PURPOSES = {
    "hf": "training, trained tokenizers and the models of transformers",
    "arrow": "Parquet files and folders that datasets saved",
    "onnx": "export to ONNX",
    "search": "finding a plan with optuna",
    "serve": "answers over HTTP",
    "track": "curves for TensorBoard",
    "sentence-transformers": "models for sentence-transformers",
}
_OWN = {"dev", "docs", "bench"}
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?(?:>=([\w.]+))?.*?extra == ['\"]([\w-]+)['\"]")


class Package(NamedTuple):
    """A package that an extra asks for."""

    name: str
    wanted: str
    version: str | None

    @property
    def fits(self) -> bool:
        """Whether it is there, and new enough."""
        return self.version is not None and _numbers(self.version) >= _numbers(self.wanted)

    def __str__(self) -> str:
        if self.version is None:
            return f"{self.name} is missing"
        return f"{self.name} {self.version}{'' if self.fits else f' is older than {self.wanted}'}"


class Extra(NamedTuple):
    """An extra of the distribution."""

    name: str
    packages: tuple[Package, ...]

    @property
    def fits(self) -> bool:
        """Whether all of it can be used."""
        return all(package.fits for package in self.packages)

    @property
    def install(self) -> str:
        """The line that installs it."""
        return f'pip install "{DISTRIBUTION}[{self.name}]"'


def extras(requirements: Iterable[str] | None = None) -> list[Extra]:
    """Give the extras for users, with what is installed of each.

    Parameters
    ----------
    requirements
        As metadata writes them; None asks the installed distribution.

    Returns
    -------
    list of Extra
        In the order of their names; none where the package runs without being installed.
    """
    if requirements is None:
        try:
            requirements = metadata.requires(DISTRIBUTION) or ()
        except metadata.PackageNotFoundError:
            requirements = ()
    found: dict[str, list[Package]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match and match[3] not in _OWN:
            package = Package(match[1], match[2] or "0", installed(match[1]))
            found.setdefault(match[3], []).append(package)
    return [Extra(name, tuple(packages)) for name, packages in sorted(found.items())]


def installed(name: str) -> str | None:
    """Give the version of a distribution, None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Give the leading numbers of a version, to compare it with another."""
    numbers = [re.match(r"\d+", part) for part in version.split(".")]
    kept = tuple(int(number[0]) for number in numbers if number)
    return kept + (0,) * (4 - len(kept))
