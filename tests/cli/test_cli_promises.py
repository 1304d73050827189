"""The promises of the design's section 8, kept by the real program on a real site.

That no output holds a secret or a learner's name is checked after every run (`Desk.run`); here the
runs are those that would be most likely to tell.
"""

import json
from pathlib import Path

from sandboxes import Desk, Done, Sandbox, example

EVERY_READING = (
    ("validate", "roles.yaml", "--online"),
    ("fmt", "roles.yaml"),
    ("plan", "roles.yaml"),
    ("plan", "roles.yaml", "--format", "json"),
    ("plan", "roles.yaml", "--out", "saved.json"),
    ("drift", "roles.yaml"),
    ("export",),
    ("export", "--state", "live.json"),
    ("export", "--per-school", "schools"),
    ("explain", "t-0412"),
    ("doctor",),
    ("doctor", "--format", "json"),
    ("fleet", "plan", "fleet.yaml"),
    ("fleet", "plan", "fleet.yaml", "--format", "json", "--executor", "processes"),
    ("fleet", "drift", "fleet.yaml", "--format", "json"),
    ("fleet", "review", "fleet.yaml", "--format", "json"),
    ("review",),
    ("review", "roles.yaml", "--format", "json"),
    ("review", "roles.yaml", "--format", "csv"),
    ("review", "--format", "html"),
    ("access", "--unit", "nordberg-kommune"),
    ("access", "--person", "t-0412", "--as-planned", "roles.yaml", "--format", "json"),
)


def write_fleet(desk: Desk) -> None:
    """Make the desk's site the only one of a fleet."""
    desk.write("version: 1\nsites: {nordberg: {manifest: roles.yaml}}\n", "fleet.yaml")
    credentials = ("client_id", "client_secret")
    desk.write(
        f'[environments.nordberg]\nurl = "{desk.environment["RECONCILER_URL"]}"\n'
        + "".join(f'{key} = {{env = "RECONCILER_{key.upper()}"}}\n' for key in credentials),
        "reconciler.toml",
    )


def run_all(desk: Desk, *extra: str) -> list[Done]:
    """Run every reading command; drift may find what it finds."""
    write_fleet(desk)
    done = []
    for command in EVERY_READING:
        expect = 3 if "drift" in command[:2] else 0
        done.append(desk.run(*command, *extra, expect=expect))
    return done


def test_an_auditor_who_may_only_read_can_run_every_reading_command(
    tmp_path: Path, untouched: Sandbox
):
    """And so none of them needs, or can use, the right to write."""
    auditor = Desk(tmp_path, untouched, client="auditor")
    auditor.write(example())
    run_all(auditor)
    assert "scope" in auditor.run("apply", "roles.yaml", "--yes", expect=1).err
    auditor.use_token(untouched.token("auditor"))
    auditor.run("plan", "roles.yaml")
    refused = auditor.run("apply", "roles.yaml", "--yes", expect=1)
    assert "1 failed, 20 skipped" in refused.out
    assert "scope" in refused.out


def test_nothing_tells_a_secret_or_a_name_even_when_it_tells_all(desk: Desk, sandbox: Sandbox):
    told = run_all(desk, "-v")
    told += [
        desk.run("plan", "roles.yaml", "--out", "plan.json", "-v"),
        desk.run("show", "plan.json", "-v"),
        desk.run("apply", "plan.json", "-v"),
        desk.run("plan", "roles.yaml", "-v", expect=1, RECONCILER_CLIENT_SECRET="hunter2"),
    ]
    desk.use_token(sandbox.token())
    told.append(desk.run("apply", "roles.yaml", "--yes", "-v"))
    token = desk.environment["RECONCILER_TOKEN"]
    assert not any(token in done.out + done.err for done in told)
    assert any("DEBUG" in done.err for done in told), "-v tells what is done"
    for done in told:
        assert "hunter2" not in done.err
        assert "Bearer" not in done.out + done.err
        assert "Basic" not in done.out + done.err
    kept = [path for path in desk.directory.rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in kept), "there is a record of the run"
    for path in kept:
        text = path.read_bytes().decode("utf-8", "replace")
        for secret in sandbox.secrets:
            assert secret not in text, path
        # A saved state is the whole site, and so is the cache; docs/privacy.md says so.
        if path.name != "live.json" and "cache" not in path.parts:
            for name in desk.names:
                assert name not in text, path
    assert "Ingrid Solbakken" in (desk.directory / "live.json").read_text()
    assert "names" in desk.run("export", "--help").out


def test_private_files_are_private(desk: Desk):
    desk.run("export", "--state", "live.json")
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "plan.json")
    record = desk.directory / "state" / "journal.db"
    for path in (desk.directory / "live.json", desk.directory / "plan.json", record):
        assert path.stat().st_mode & 0o077 == 0, path
    assert record.parent.stat().st_mode & 0o077 == 0


def test_additions_come_before_removals(applied: Desk, sandbox: Sandbox):
    """Class 8A changes hands; the events of the site tell in which order."""
    mentors = [
        {**entry, "classes": [c for c in entry.get("classes", []) if c != "8a"]}
        for entry in example()["mentors"]
    ]
    mentors.append({"person": "t-0402", "classes": ["8a"]})
    applied.write(example(mentors=mentors))
    before = sandbox.writes()
    applied.run("apply", "roles.yaml", "--yes")
    told = [(event["verb"], event["address"]) for event in sandbox.events()[before:]]
    assert [verb for verb, _ in told] == ["add", "add", "remove"]
    assert told[1][1].rpartition("/")[2] == told[2][1].rpartition("/")[2]


def test_the_same_inputs_give_the_same_bytes(first_desk: Desk):
    for arguments, expect in ((["export"], 0), (["drift", "roles.yaml", "--format", "json"], 3)):
        one = first_desk.run(*arguments, expect=expect, PYTHONHASHSEED="1")
        other = first_desk.run(*arguments, expect=expect, PYTHONHASHSEED="2")
        assert one.out == other.out


def test_saved_states_are_the_same_bytes_and_fit_their_schema(first_desk: Desk):
    first_desk.run("export", "--state", "one.json")
    first_desk.run("export", "--state", "other.json", PYTHONHASHSEED="7")
    one = (first_desk.directory / "one.json").read_bytes()
    assert one == (first_desk.directory / "other.json").read_bytes()
    Done(0, one.decode(), "").json("state")
    first_desk.run("export", "--state", "again.json", "--live", "one.json")
    again = json.loads((first_desk.directory / "again.json").read_text())
    first = json.loads(one)
    for each in (first, again):
        each["site"].pop("capabilities")
    assert again == first
