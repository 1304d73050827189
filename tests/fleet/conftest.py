"""A server of small sites, and a desk at which a fleet of them lies."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from many_sites import FleetDesk, Sites, desk_at, many_sites


@pytest.fixture(scope="session")
def _few() -> Iterator[Sites]:
    with many_sites(6) as running:
        yield running


@pytest.fixture
def few(_few: Sites) -> Sites:
    """Six sites as they are at first."""
    _few.reset(*_few.secrets)
    return _few


@pytest.fixture
def fleet(tmp_path: Path, few: Sites) -> FleetDesk:
    """A desk with a fleet of the six."""
    return desk_at(tmp_path, few)
