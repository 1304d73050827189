"""The school year of a municipality, with random events and faults.

A year that fails prints its seed; `SIMULATION_SEED=17 pytest tests/simulation` replays it.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
from living import EFFECTS, HAPPENING, live_a_year
from playing import SHARDS, seeds

pytestmark = pytest.mark.no_cover  # it would take twice as long

YEARS = 200


def test_a_year_is_lived_through(template: Path, tmp_path: Path) -> None:
    for seed in seeds(0, range(2 * SHARDS)):
        live_a_year(seed, template, tmp_path / str(seed))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_two_hundred_years(shard: int, template: Path, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for seed in seeds(shard, range(YEARS)):
        year = live_a_year(seed, template, tmp_path / str(seed))
        counts.update(year.events)
        counts += year.effects
    if "SIMULATION_SEED" not in os.environ:
        assert {*HAPPENING, *EFFECTS} <= set(counts), "something never happened"
