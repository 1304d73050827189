"""The cache at the front door: fewer requests, the same words, and nothing where none is wanted."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import ROOT, Desk, Sandbox, ended, example, running

sys.path.insert(0, str(ROOT / "benchmarks"))

from served import Counted, counting

READING = {
    "plan": ("plan", "roles.yaml", "--format", "json"),
    "drift": ("drift", "roles.yaml", "--format", "json"),
    "review": ("review",),
    "export": ("export",),
    "access": ("access", "--unit", "8a"),
    "explain": ("explain", "t-0412"),
    "validate": ("validate", "roles.yaml", "--online"),
}
DAY = {"plan", "drift", "review", "access", "explain"}


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def counting_desk(first_desk: Desk, untouched: Sandbox, counted: Counted) -> Iterator[Desk]:
    """A desk at the untouched site, by way of a proxy that counts."""
    with counting(untouched.url, counted) as url:
        for name in ("RECONCILER_URL", "RECONCILER_TOKEN_URL"):
            old = first_desk.environment[name]
            first_desk.environment[name] = old.replace(untouched.url, url)
        yield first_desk


def cache(desk: Desk) -> Path:
    return desk.directory / "cache"


def kept(desk: Desk) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in cache(desk).rglob("*") if path.is_file()}


def same(plan: str) -> object:
    """A plan as JSON without its random id, and the digest that has it in it."""
    document = json.loads(plan)
    return {key: value for key, value in document.items() if key not in ("id", "digest")}


def test_the_second_plan_asks_little_and_says_the_same(counting_desk: Desk, counted: Counted):
    arguments = ("plan", "roles.yaml", "--as-of", "2026-11-24")
    first = counting_desk.run(*arguments)
    whole = counted.bytes
    assert counted.requests > 10
    counted.reset()
    assert counting_desk.run(*arguments) == first
    assert 0 < counted.requests < 10
    assert counted.bytes < min(1000, whole / 3)
    assert first == counting_desk.run(*arguments, "--no-cache")


@pytest.mark.parametrize("command", READING)
def test_every_reading_command_uses_it_and_says_the_same(
    counting_desk: Desk, counted: Counted, command: str
):
    day = ("--as-of", "2026-11-24") if command in DAY else ()
    expect = 3 if command == "drift" else 0
    arguments = (*READING[command], *day)
    fresh = counting_desk.run(*arguments, "--no-cache", expect=expect)
    assert not cache(counting_desk).exists()
    counting_desk.run(*arguments, expect=expect)
    counted.reset()
    again = counting_desk.run(*arguments, expect=expect)
    assert counted.bytes < 1000 or command == "drift"  # which asks for events, too
    if command == "plan":
        assert same(again.out) == same(fresh.out)
    else:
        assert again == fresh


@pytest.mark.parametrize("how", ["option", "variable"])
def test_without_the_cache_nothing_is_kept_or_used(counting_desk: Desk, counted: Counted, how: str):
    option = ("--no-cache",) if how == "option" else ()
    variables = {"RECONCILER_NO_CACHE": "1"} if how == "variable" else {}
    plan = ("plan", "roles.yaml", *option)
    counting_desk.run(*plan, **variables)
    assert not cache(counting_desk).exists()
    counting_desk.run("plan", "roles.yaml")
    before = kept(counting_desk)
    assert before
    counted.reset()
    counting_desk.run(*plan, **variables)
    assert counted.requests > 10
    assert counted.bytes > 1000
    assert kept(counting_desk) == before


def test_an_empty_variable_names_no_folder_and_forbids_nothing(first_desk: Desk):
    home = first_desk.directory / "home"
    first_desk.run(
        "plan", "roles.yaml", RECONCILER_CACHE_DIR="", RECONCILER_NO_CACHE="",
        XDG_CACHE_HOME=str(home),
    )  # fmt: skip
    assert list((home / "reconciler").glob("*/index.json"))
    assert not cache(first_desk).exists()


def test_what_is_kept_is_its_owner_s_alone(first_desk: Desk):
    first_desk.run("plan", "roles.yaml")
    for path in cache(first_desk).glob("*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in cache(first_desk).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_damaged_cache_is_not_spoken_of(first_desk: Desk):
    arguments = ("plan", "roles.yaml", "--as-of", "2026-11-24")
    first = first_desk.run(*arguments)
    for path in kept(first_desk):
        Path(path).write_bytes(os.urandom(50))
    assert first_desk.run(*arguments) == first
    told = first_desk.run(*arguments, "-v")
    assert told.out == first.out
    assert "checksum" not in told.err  # it was written again
    for path in kept(first_desk):
        Path(path).write_bytes(b"")
    assert "not taken from the cache" in first_desk.run(*arguments, "-v").err


def test_a_cache_in_an_impossible_place_is_none(first_desk: Desk):
    arguments = ("plan", "roles.yaml", "--as-of", "2026-11-24")
    first = first_desk.run(*arguments)
    for place in ("/proc/nowhere", "roles.yaml", "roles.yaml/cache"):
        assert first_desk.run(*arguments, RECONCILER_CACHE_DIR=place) == first


def test_what_was_applied_and_what_others_change_is_seen(desk: Desk, sandbox: Sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "plan.json")
    assert desk.run("plan", "roles.yaml", "--detailed-exitcode").code == 0
    sandbox.unassign("mentor/t-0403/class/8b")
    desk.run("plan", "roles.yaml", "--detailed-exitcode", expect=2)
    assert "removed by other" in desk.run("drift", "roles.yaml", expect=2).out
    desk.run("apply", "roles.yaml", "--yes")
    assert "mentor/t-0403/class/8b" in sandbox.assignments()
    desk.run("drift", "roles.yaml")


def test_a_stale_plan_is_refused_whatever_is_kept(applied: Desk, sandbox: Sandbox):
    sandbox.unassign("mentor/t-0403/class/8b")
    applied.run("plan", "roles.yaml", "--out", "plan.json")
    sandbox.assign("mentor/t-0403/class/8b")
    applied.run("plan", "roles.yaml")
    applied.run("apply", "plan.json", expect=5)


def test_another_site_in_the_same_place_is_read_anew(tmp_path: Path):
    with running(tmp_path) as first:
        desk = Desk(tmp_path, first)
        desk.write(example())
        desk.run("plan", "roles.yaml")
        desk.run("export", "--state", "live.json")
        port = first.url.rpartition(":")[2]
    state = json.loads((tmp_path / "live.json").read_text())
    state["labels"][0]["role_name"] = "Inspektør"
    state["units"] = [
        {**unit, "title": "Other" if unit["sync_key"] == "8a" else unit["title"]}
        for unit in state["units"]
    ]
    (tmp_path / "seed.json").write_text(json.dumps(state), encoding="utf-8")
    with running(tmp_path, "--seed", "seed.json", "--port", port) as second:
        desk.environment |= second.variables()
        desk.sandbox = second
        desk.run("export", "--state", "cached.json")
        desk.run("export", "--state", "fresh.json", "--no-cache")
    fresh = (tmp_path / "fresh.json").read_text()
    assert (tmp_path / "cached.json").read_text() == fresh
    assert "Inspektør" in fresh


def test_commands_at_once_share_it(applied: Desk, sandbox: Sandbox):
    plan = ("plan", "roles.yaml", "--as-of", "2026-11-24")
    for change in (sandbox.unassign, sandbox.assign):
        change("mentor/t-0403/class/8b")
        done = [ended(each) for each in [applied.start(*plan) for _ in range(3)]]
        fresh = applied.run(*plan, "--no-cache")
        assert done == [fresh] * 3
        assert applied.run(*plan) == fresh
