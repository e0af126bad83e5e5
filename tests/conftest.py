"""What every test shares: seeds, and a way past the shape checks that only tests have."""

import os
from collections.abc import Iterator

import jaxtyping
import pytest
import torch

# What a process that is watched begins with, and no module of the tests.
collect_ignore = ["faults/watching"]
# Tests that import onnxruntime themselves do not want it to report that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs CUDA where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests generate out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRANS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def without_shape_checks() -> Iterator[None]:
    """Turn off jaxtyping's checks: graph capture cannot trace them, and users do not have them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
