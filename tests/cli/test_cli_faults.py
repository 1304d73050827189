"""The console script at a site that fails in every way a site can, the same way each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandboxes import Desk, Sandbox, ended, example, running

BATCHES = {"methods": ["POST"], "path": "/v1/changes"}


@contextmanager
def failing(directory: Path, *faults: dict[str, Any], seed: int = 1) -> Iterator[Sandbox]:
    """Run a site with faults for the pipeline's client; others, and so the tests, see none."""
    mine = [{"client": "reconciler", **fault} for fault in faults]
    path = directory / "faults.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "seed": seed, "faults": mine}))
    with running(directory, "--faults", str(path)) as site:
        yield site


# One fault for each path: a client that reads several collections at once asks for each of them
# in order, so that it meets the same every time.
BAD_DAY = (
    {"kind": "latency", "seconds": {"from": 0, "to": 0.02}},
    {"kind": "error", "path": "/oauth/token", "times": 1, "retry_after": 0},
    {"kind": "cut", "path": "/oauth/token", "after": 1, "times": 1},
    {"kind": "limit", "requests": 12},
    {"kind": "error", "path": "/v1/profiles", "rate": 0.3, "retry_after": 0},
    {"kind": "error", "path": "/v1/people", "every": 2, "status": 502, "retry_after": 0},
    {"kind": "error", "path": "/v1/units", "every": 3, "status": 500},
    {"kind": "cut", "path": "/v1/labels", "every": 3},
    {"kind": "cut", "path": "/v1/holders", "every": 3, "ending": "reset"},
    {"kind": "truncate", "path": "/v1/assignments", "every": 3},
    {"kind": "truncate", "path": "/v1/memberships", "every": 3, "framing": "chunked"},
    {"kind": "slow", "path": "/v1/relations", "seconds": 0.2},
    {"kind": "stale", "answer": "old_etag", "path": "/v1/site"},
    {"kind": "cut", "times": 1, **BATCHES},
    {"kind": "cut", "when": "after", "after": 1, "times": 1, **BATCHES},
    {"kind": "error", "when": "after", "status": 504, "after": 3, "times": 1, **BATCHES},
    {"kind": "truncate", "after": 5, "times": 1, **BATCHES},
    {"kind": "cut", "when": "after", "ending": "reset", "after": 7, "times": 1, **BATCHES},
)


def test_plan_and_apply_survive_a_bad_day_and_do_nothing_twice(tmp_path):
    with failing(tmp_path, *BAD_DAY) as site:
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


def test_changes_that_fail_alone_are_left_for_the_same_command(tmp_path):
    fault = {"kind": "items", "every": 4, "times": 4, "code": "internal_error"}
    with failing(tmp_path, fault) as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        desk.run("plan", "roles.yaml", "--out", "plan.json")
        first = desk.run("apply", "plan.json", "--format", "json", expect=6).json("apply")
        assert first["counts"]["failed"] == 4
        assert site.writes() == first["counts"]["succeeded"]
        second = desk.run("apply", "plan.json", "--format", "json").json("apply")
        assert second["verified"]
        written = [event["address"] for event in site.events()]
        assert len(written) == len(set(written)) == 21


def test_a_read_back_out_of_a_stale_cache_confirms_nothing(tmp_path):
    with failing(tmp_path, {"kind": "stale", "path": "/v1/assignments"}) as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        done = desk.run("apply", "roles.yaml", "--yes", expect=6)
        assert "10 failed; as read back." in done.out
        assert "the site said yes, but the read-back shows otherwise" in done.out
        assert len(site.assignments()) == 11


RANDOM_DAY = (
    {"kind": "error", "rate": 0.15, "retry_after": 0},
    {"kind": "error", "rate": 0.1, "status": 500, "when": "after"},
    {"kind": "cut", "rate": 0.15},
    {"kind": "cut", "rate": 0.15, "when": "after", "ending": "reset"},
    {"kind": "truncate", "rate": 0.15, "framing": "chunked"},
    {"kind": "items", "rate": 0.15},
)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 7))
def test_on_any_bad_day_the_same_command_gets_there_and_does_nothing_twice(tmp_path, seed):
    with failing(tmp_path, *RANDOM_DAY, seed=seed) as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        for _ in range(20):
            done = ended(desk.start("apply", "roles.yaml", "--yes", "--wait", "5"))
            desk.check_manners(done.out + done.err)
            assert done.code in (0, 1, 6), done.err
            if done.code == 0:
                break
        else:
            raise AssertionError(f"it never got there: {done.out}{done.err}")
        written = [event["address"] for event in site.events()]
        assert len(written) == len(set(written)) == 21
        assert len(site.assignments()) == 11
