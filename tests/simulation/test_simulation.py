"""Applies under every fault that the contract allows, by seeded schedules.

A failing schedule prints its seed; `SIMULATION_SEED=17 pytest tests/simulation` replays it alone.
"""

from collections import Counter
from pathlib import Path

import pytest
from playing import EVERY_FAULT, SHARDS, play, seeds

pytestmark = pytest.mark.no_cover  # it would take twice as long

SCHEDULES = 500
COUNTED = 80
"""So many of the schedules are played by the test that counts what happens in them."""
SOAK = 50_000
SOAK_SHARDS = 50
"""A part takes some minutes, so that one that is broken off loses little."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_an_apply(shard: int, template: Path, tmp_path: Path) -> None:
    for seed in seeds(shard, range(COUNTED, SCHEDULES)):
        play(seed, template, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(SOAK_SHARDS))
def test_no_schedule_breaks_an_apply_in_the_long_run(
    shard: int, template: Path, tmp_path: Path
) -> None:
    for seed in seeds(shard, range(SOAK), SOAK_SHARDS):
        play(seed, template, tmp_path)


def test_the_schedules_are_worth_playing(template: Path, tmp_path: Path) -> None:
    """Each fault happens, often enough to matter, and a seed always tells the same story."""
    counts: Counter[str] = Counter()
    for seed in range(COUNTED):
        counts += play(seed, template, tmp_path).schedule.counts
    for fault in (*EVERY_FAULT, "killed", "visit"):
        assert counts[fault] >= 3, fault
    assert play(7, template, tmp_path).schedule.told == play(7, template, tmp_path).schedule.told
