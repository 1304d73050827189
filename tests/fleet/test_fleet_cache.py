"""A fleet keeps a copy of each of its sites, as the commands for one do, and asks what changed."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from many_sites import FleetDesk, Sites, desk_at
from sandboxes import ROOT

from reconciler.fleet.model import Task
from reconciler.fleet.site import plan_site

sys.path.insert(0, str(ROOT / "benchmarks"))

from served import Counted, counting

AS_OF = ("--as-of", "2026-11-24")
COMMANDS = {"plan": 0, "drift": 3, "review": 0}
UNCHANGED_REQUESTS = 9
PENDING = 4
"""So many assignments are due on each of the sites; drift asks who had to do with each."""


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def counting_fleet(tmp_path: Path, few: Sites, counted: Counted) -> Iterator[FleetDesk]:
    """A fleet of the six, whose requests are counted."""
    with counting(few.url, counted) as url:
        yield desk_at(tmp_path, replace(few, url=url))


def ask(desk: FleetDesk, command: str, *options: str, expect: int = 0, **variables: str):
    """Run a command; return what it says of the sites, but for what is new in every run."""
    everything = ("fleet", command, "fleet.yaml", "--format", "json", *AS_OF, *options)
    sites = desk.run(*everything, expect=expect, **variables).json("fleet-result")["sites"]
    for site in sites:
        for key in ("id", "digest", "planned_at"):
            site["result"].pop(key, None)
    return sites


def copies(desk: FleetDesk) -> list[Path]:
    return list((desk.directory / "cache").glob("*/index.json"))


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_an_unchanged_fleet_is_asked_little_and_says_the_same(
    counting_fleet: FleetDesk, counted: Counted, executor: str
):
    where = ("--executor", executor, "--max-parallel", "2")
    for command, code in COMMANDS.items() if executor == "threads" else [("drift", 3)]:
        fresh = ask(counting_fleet, command, *where, "--no-cache", expect=code)
        whole = counted.bytes
        assert command != "plan" or not copies(counting_fleet), "--no-cache keeps nothing"
        ask(counting_fleet, command, *where, expect=code)
        assert len(copies(counting_fleet)) == 6, "each site has a copy of its own"
        counted.reset()
        assert ask(counting_fleet, command, *where, expect=code) == fresh
        assert counted.requests <= 6 * (UNCHANGED_REQUESTS + (PENDING if command == "drift" else 0))
        assert counted.bytes < whole / 3
        counted.reset()


@pytest.mark.parametrize("how", ["option", "variable"])
def test_without_it_everything_is_read_anew_and_what_is_kept_stays(
    counting_fleet: FleetDesk, counted: Counted, how: str
):
    ask(counting_fleet, "plan")
    first, before = counted.requests, {path: path.read_bytes() for path in copies(counting_fleet)}
    counted.reset()
    if how == "option":
        ask(counting_fleet, "plan", "--no-cache")
    else:
        ask(counting_fleet, "plan", RECONCILER_NO_CACHE="1")
    assert counted.requests == first
    assert {path: path.read_bytes() for path in copies(counting_fleet)} == before


def test_what_changed_on_one_site_is_seen_there_alone(fleet: FleetDesk):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    ask(fleet, "drift")
    fleet.sites.reset("s003")
    codes = {site["name"]: site["exit_code"] for site in ask(fleet, "drift", expect=3)}
    assert codes == {**dict.fromkeys(fleet.sites.secrets, 0), "s003": 3}
    assert ask(fleet, "drift", expect=3) == ask(fleet, "drift", "--no-cache", expect=3)
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    assert fleet.sites.assignments("s003") == {
        "mentor/s003-p0/class/u2",
        "mentor/s003-p1/class/u3",
    }


def test_entries_of_one_site_share_its_copy(counting_fleet: FleetDesk, counted: Counted):
    entries = {}
    for name in ("8a", "8b"):
        text = f"version: 1\nsite: s000\nscope: {{within: [{name}]}}\nmentors: []\n"
        counting_fleet.write(text, f"{name}.yaml")
        entries[name] = {"manifest": f"{name}.yaml", "environment": "s000"}
    counting_fleet.write(f'{{"version": 1, "sites": {entries}}}'.replace("'", '"'), "fleet.yaml")
    ask(counting_fleet, "plan", "--max-parallel", "1")
    assert len(copies(counting_fleet)) == 1
    counted.reset()
    ask(counting_fleet, "plan")
    assert counted.requests <= 4 * UNCHANGED_REQUESTS, "their scopes are asked for, too"


def test_a_worker_elsewhere_keeps_copies_only_in_a_folder_of_its_own(
    fleet: FleetDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, secret in fleet.sites.variables.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RECONCILER_CACHE_DIR", raising=False)
    here = Task("s000", (tmp_path / "s000",), "s000", tmp_path / "reconciler.toml", cache=True)
    for task in (here.anywhere("here"), replace(here, cache=False)):
        assert plan_site(task).code == 0
        assert not list(tmp_path.rglob("index.json"))
    monkeypatch.setenv("RECONCILER_CACHE_DIR", str(tmp_path / "own"))
    assert plan_site(replace(here, cache=False).anywhere("here")).code == 0
    assert not (tmp_path / "own").exists()
    assert plan_site(here.anywhere("here")).code == 0
    assert list((tmp_path / "own").glob("*/index.json"))
    monkeypatch.delenv("RECONCILER_CACHE_DIR")
    assert plan_site(here).code == 0
    assert list((tmp_path / "home" / "reconciler").glob("*/index.json"))
