"""The console script at a site that fails in every way a site can, out of a seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandboxes import Desk, Sandbox, example, running

READS = {"methods": ["GET"]}
BATCHES = {"methods": ["POST"], "path": "/v1/changes"}


@contextmanager
def failing(directory: Path, *faults: dict[str, Any], seed: int = 1) -> Iterator[Sandbox]:
    """Run a site with faults for the pipeline's client; others, and so the tests, see none."""
    mine = [{"client": "reconciler", **fault} for fault in faults]
    path = directory / "faults.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "seed": seed, "faults": mine}))
    with running(directory, "--faults", str(path)) as site:
        yield site


BAD_DAY = (
    {"kind": "latency", "seconds": {"from": 0, "to": 0.02}},
    {"kind": "error", "path": "/oauth/token", "times": 1, "retry_after": 0},
    {"kind": "cut", "path": "/oauth/token", "after": 1, "times": 1},
    {"kind": "limit", "requests": 25},
    {"kind": "error", "rate": 0.1, "retry_after": 0, **READS},
    {"kind": "error", "rate": 0.1, "status": 502, **READS},
    {"kind": "cut", "rate": 0.1, **READS},
    {"kind": "truncate", "rate": 0.05, **READS},
    {"kind": "truncate", "rate": 0.05, "framing": "chunked", **READS},
    {"kind": "cut", "times": 1, **BATCHES},
    {"kind": "cut", "when": "after", "after": 1, "times": 1, **BATCHES},
    {"kind": "error", "when": "after", "status": 504, "after": 3, "times": 1, **BATCHES},
    {"kind": "truncate", "after": 5, "times": 1, **BATCHES},
    {"kind": "cut", "when": "after", "ending": "reset", "after": 7, "times": 1, **BATCHES},
)


@pytest.mark.parametrize("seed", [1, 2])
def test_plan_and_apply_survive_a_bad_day_and_do_nothing_twice(tmp_path, seed):
    with failing(tmp_path, *BAD_DAY, seed=seed) as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        desk.run("plan", "roles.yaml", "--out", "plan.json")
        assert site.writes() == 0
        applied = desk.run("apply", "plan.json", "--format", "json").json("apply")
        assert applied["counts"] == {"succeeded": 21}
        assert applied["verified"]
        written = [event["address"] for event in site.events()]
        assert len(written) == len(set(written)) == 21
        assert len(site.assignments()) == 11
        desk.run("plan", "roles.yaml", "--detailed-exitcode")
        assert site.writes() == 21
