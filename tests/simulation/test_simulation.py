"""Applies under every fault that the contract allows, by seeded schedules.

A failing schedule prints its seed; `SIMULATION_SEED=17 pytest tests/simulation` replays it alone.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playing import EVERY_FAULT, play

from reconciler.journal.open import open_journal

pytestmark = pytest.mark.no_cover  # it would take twice as long

SHARDS = 6
SCHEDULES = 200
COUNTED = 80
"""So many of the schedules are played by the test that counts what happens in them."""
SOAK = 50_000


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal without a run in it, in one file."""
    file = tmp_path_factory.mktemp("template") / "journal.db"
    open_journal(file, now=lambda: datetime.now(UTC), who="sim", host="sim").close()
    return file


def seeds(shard: int, schedules: range) -> list[int]:
    chosen = os.environ.get("SIMULATION_SEED")
    if chosen is not None:
        return [int(chosen)] if shard == 0 else []
    return list(schedules[shard::SHARDS])


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_an_apply(shard: int, template: Path, tmp_path: Path) -> None:
    for seed in seeds(shard, range(COUNTED, SCHEDULES)):
        play(seed, template, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_schedule_breaks_an_apply_in_the_long_run(
    shard: int, template: Path, tmp_path: Path
) -> None:
    for seed in seeds(shard, range(SOAK)):
        play(seed, template, tmp_path)


def test_the_schedules_are_worth_playing(template: Path, tmp_path: Path) -> None:
    """Each fault happens, often enough to matter, and a seed always tells the same story."""
    counts: Counter[str] = Counter()
    for seed in range(COUNTED):
        counts += play(seed, template, tmp_path).schedule.counts
    for fault in (*EVERY_FAULT, "killed", "visit"):
        assert counts[fault] >= 3, fault
    assert play(7, template, tmp_path).schedule.told == play(7, template, tmp_path).schedule.told
