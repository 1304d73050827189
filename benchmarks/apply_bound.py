"""How close an apply comes to what a far-away site allows.

A sandbox answers each request after 50 ms. 10,000 additions need 20 requests of 500, four of which
may be on their way at once. The bound is what a bare client takes that does nothing but send those
20 requests, four at a time, to a site of the same contents; both are measured in the same run, in
turn, on sites of their own.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from figures import Figure, tell
from served import sandbox

from reconciler.apply.courier import Report
from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.workflows.applying import apply_plan
from reconciler.workflows.loading import load_manifest
from reconciler.workflows.reading import fetch_state, make_plan

LATENCY = 0.05
MENTORS, EACH = 500, 20
BATCH, AT_ONCE = 500, 4
FAR_AWAY = ("--latency", str(LATENCY))
ROUNDS = 3


def seed() -> dict[str, Any]:
    """A site with 500 mentors, who are holders already, and 10,000 learners."""
    learners = [f"l{number:05}" for number in range(MENTORS * EACH)]
    mentors = [f"t{number:03}" for number in range(MENTORS)]
    people = [
        {"id": each, "sync_key": each, "username": each, "email": None, "name": each,
         "profile": "staff" if each[0] == "t" else "student", "active": True}
        for each in (*mentors, *learners)
    ]  # fmt: skip
    return {
        "format": "reconciler.state/1",
        "site": {"id": "bench", "name": "Bench", "revision": 1, "actor": None,
                 "capabilities": ["profiles", "labels", "holders", "assignments", "events"],
                 "ilp": {"enabled": True, "published_templates": 1}},
        "profiles": [{"id": "staff", "name": "Staff", "roles": ["mentor"]},
                     {"id": "student", "name": "Student", "roles": []}],
        "labels": [{"role": role, "tool_name": None, "role_name": None}
                   for role in ("headteacher", "mentor")],
        "people": people,
        "units": [{"id": "u0", "sync_key": "bench", "kind": "organisation", "title": "Bench",
                   "parent": None},
                  {"id": "u1", "sync_key": "school", "kind": "school", "title": "School",
                   "parent": "u0"},
                  {"id": "u2", "sync_key": "8a", "kind": "class", "title": "8A", "parent": "u1"}],
        "memberships": [{"unit": "u2", "person": each, "role": "learner", "primary": True,
                         "begin": None, "end": None} for each in learners],
        "relations": [],
        "holders": [{"role": "mentor", "person": each} for each in mentors],
        "assignments": [],
    }  # fmt: skip


def manifest() -> dict[str, Any]:
    """Twenty learners for every mentor."""
    return {
        "version": 1,
        "site": "bench",
        "mentors": [
            {
                "person": f"t{number:03}",
                "learners": [f"l{number * EACH + each:05}" for each in range(EACH)],
            }
            for number in range(MENTORS)
        ],
    }


@dataclass(frozen=True)
class Measured:
    """Seconds of one apply: as a whole, and from its record's first line to its last answer."""

    whole: float
    sending: float
    writes: int


def bare(ready: dict[str, Any]) -> float:
    """Send the 20 requests and nothing else; return the seconds that it took."""
    answer = requests.post(
        ready["token_url"],
        data={"grant_type": "client_credentials"},
        auth=(ready["client_id"], ready["client_secret"]),
        timeout=30,
    )
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    wanted = [
        (entry["person"], learner)
        for entry in manifest()["mentors"]
        for learner in entry["learners"]
    ]
    bodies = [
        json.dumps(
            {
                "changes": [
                    {
                        "id": str(number),
                        "idempotency_key": f"bare-{person}-{learner}",
                        "address": f"mentor/{person}/learner/{learner}",
                        "verb": "add",
                        "expect": {"present": False},
                    }
                    for number, (person, learner) in enumerate(wanted[start : start + BATCH])
                ]
            }
        )
        for start in range(0, len(wanted), BATCH)
    ]
    with requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        session.headers.update(headers | {"Content-Type": "application/json"})

        def post(body: str) -> int:
            return session.post(f"{ready['url']}/v1/changes", data=body, timeout=60).status_code

        began = time.perf_counter()
        statuses = Counter(pool.map(post, bodies))
        took = time.perf_counter() - began
    if statuses != {200: len(bodies)}:
        raise RuntimeError(f"the bare client was answered {statuses}")
    return took


def applied(ready: dict[str, Any], folder: Path, roles: Path) -> Measured:
    """Apply a plan that was made before, as `apply plan.json` does."""
    connection = Connection(
        ready["url"],
        ready["token_url"],
        client_id=ready["client_id"],
        client_secret=Secret(ready["client_secret"]),
        journal=Secret(str(folder / f"journal-{time.monotonic_ns()}.db")),
    )
    plan = make_plan(load_manifest([roles]), fetch_state(connection))
    told: list[float] = []

    def watch(_report: Report) -> None:
        told.append(time.perf_counter())

    began = time.perf_counter()
    result = apply_plan(plan, connection, max_concurrency=AT_ONCE, watcher=watch)
    whole = time.perf_counter() - began
    if result.exit_code != 0:
        raise RuntimeError(f"the apply ended with {result.exit_code}: {result.note}")
    revision = fetch_state(connection).site.revision
    if revision != plan.revision + len(plan.actions):
        raise RuntimeError(f"{revision} is not one revision for each addition")
    # The last word comes after the read-back; the one before it, after the last answer.
    return Measured(whole, told[-2] - told[0], len(plan.actions))


def figures() -> Iterator[Figure]:
    """Measure both in turn, and take the least of each."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state, roles = folder / "state.json", folder / "roles.yaml"
        state.write_text(json.dumps(seed()))
        roles.write_text(yaml.safe_dump(manifest()))
        for _ in range(ROUNDS):
            with sandbox(folder, state, *FAR_AWAY) as ready:
                bound = bare(ready)
            with sandbox(folder, state, *FAR_AWAY) as ready:
                measured = applied(ready, folder, roles)
            rows.append((measured, bound))
    bound = min(each for _, each in rows)
    sending = min(each.sending for each, _ in rows)
    of = "bare client, wall time"
    yield Figure("apply of 10,000, sending", sending, bound, of, "s")
    whole = min(each.whole for each, _ in rows)
    yield Figure("apply of 10,000, with reading", whole, bound, of, "s")


if __name__ == "__main__":
    sys.exit(tell(figures()))
