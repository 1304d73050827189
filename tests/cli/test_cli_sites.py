"""Sites that live on: restarts, seeds from exported states, and exports with awkward keys."""

import json

import pytest
import yaml
from sandboxes import Desk, example, running


def test_a_database_file_keeps_the_site_over_a_restart(tmp_path):
    database = str(tmp_path / "site.db")
    with running(tmp_path, "--database", database) as first:
        desk = Desk(tmp_path, first)
        desk.write(example())
        desk.run("plan", "roles.yaml", "--out", "plan.json")
        desk.run("apply", "plan.json")
        before = first.assignments(), first.revision()
    with running(tmp_path, "--database", database) as second:
        assert (second.assignments(), second.revision()) == before
        desk = Desk(tmp_path, second)
        desk.run("plan", "roles.yaml", "--detailed-exitcode")
        desk.run("apply", "plan.json", expect=5)
        second.unassign("mentor/t-0403/class/8b")
        assert "removed by other" in desk.run("drift", "roles.yaml", expect=2).out


AWKWARD = {
    "t-0401": "0412",
    "t-0403": "no",
    "t-0407": "2026-08-17",
    "t-0408": "~",
    "t-0412": "a: b #c",
    "t-0007": "1_000",
    "s-1020": "'quoted\"",
    "s-1040": "- dash, [list], {map}",
    "9a": "1e3",
    "8a": "on",
    "8b": "0x1F",
    "1a": "=",
    "choir": "🎶 кор|*&!%@`",
}


def reseed(desk: Desk, change) -> str:
    """Save the live state, change it, and return the name of the file."""
    desk.run("export", "--state", "live.json")
    state = json.loads((desk.directory / "live.json").read_text())
    change(state)
    (desk.directory / "seed.json").write_text(json.dumps(state), encoding="utf-8")
    return str(desk.directory / "seed.json")


def rename(state, keys):
    for item in (*state["people"], *state["units"]):
        item["sync_key"] = keys.get(item["sync_key"], item["sync_key"])


def round_trip(desk: Desk) -> dict:
    """Export; the manifest must validate and plan to nothing; return it as data."""
    desk.run("export", "--out", "out.yaml")
    assert (desk.directory / "out.yaml").stat().st_mode & 0o077 == 0
    desk.run("validate", "out.yaml", "--online")
    planned = desk.run("plan", "out.yaml", "--detailed-exitcode", "--format", "json").json("plan")
    assert planned["actions"] == planned["unmanaged"] == planned["warnings"] == []
    desk.run("drift", "out.yaml")
    text = (desk.directory / "out.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - text only


def test_an_exported_state_seeds_the_same_site(settled_desk, settled, tmp_path):
    settled_desk.run("export", "--state", "live.json")
    settled_desk.run("export", "--out", "out.yaml")
    with running(tmp_path, "--seed", str(tmp_path / "live.json")) as twin:
        desk = Desk(tmp_path, twin)
        desk.run("plan", "out.yaml", "--detailed-exitcode")
        desk.run("plan", "roles.yaml", "--detailed-exitcode")
        assert twin.assignments() == settled.assignments()
        for name in ("people", "units", "memberships", "relations", "profiles", "labels"):
            assert twin.items(name) == settled.items(name)
        desk.run("export", "--out", "twin.yaml")
    assert (tmp_path / "twin.yaml").read_bytes() == (tmp_path / "out.yaml").read_bytes()


def test_export_of_a_settled_site_plans_to_nothing(settled_desk):
    exported = round_trip(settled_desk)
    assert exported["settings"]["people"] == "sync_key"
    assert [entry["person"] for entry in exported["mentors"]] == [
        *("t-0401", "t-0403", "t-0407", "t-0408", "t-0412"),
    ]
    assert settled_desk.run("export").out == (settled_desk.directory / "out.yaml").read_text()


@pytest.mark.parametrize("people", ["id", "username", "email"])
def test_export_names_people_and_units_as_asked(settled_desk, people):
    keys = ("--people", people, "--units", "path")
    if people == "email":
        assert "email" in settled_desk.run("export", *keys, expect=1).err  # learners have none
        return
    settled_desk.run("export", *keys, "--out", "out.yaml")
    settled_desk.run("plan", "out.yaml", "--detailed-exitcode")
    assert "Nordberg skole/8A" in (settled_desk.directory / "out.yaml").read_text()


def test_export_survives_keys_that_yaml_would_misread(settled_desk, tmp_path):
    seed = reseed(settled_desk, lambda state: rename(state, AWKWARD))
    with running(tmp_path, "--seed", seed) as site:
        exported = round_trip(Desk(tmp_path, site))
    named = json.dumps(exported, ensure_ascii=False)
    for key in AWKWARD.values():
        assert json.dumps(key, ensure_ascii=False) in named


def test_export_takes_another_key_where_some_have_none(settled_desk, tmp_path):
    def take_keys(state):
        rename(state, {"t-0403": None, "8b": None})

    with running(tmp_path, "--seed", reseed(settled_desk, take_keys)) as site:
        exported = round_trip(Desk(tmp_path, site))
    assert exported["settings"]["people"] == "username"
    # A unit without a key of its own is addressed by its path, whatever the others go by.
    assert ["Nordberg skole/8B"] in [entry.get("classes") for entry in exported["mentors"]]


def test_a_broken_seed_is_refused_in_one_sentence(settled_desk, tmp_path):
    seed = reseed(settled_desk, lambda state: state["memberships"][0].update(unit="u-none"))
    done = Desk(tmp_path).run("sandbox", "--seed", seed, expect=1)
    assert "u-none" in done.err
    assert done.err.count("\n") == 1
