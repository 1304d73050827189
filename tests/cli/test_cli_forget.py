"""`history forget`: afterwards nothing in the journal names the person, down to the bytes."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sandboxes import Desk, Sandbox, example
from test_cli_terminal import converse

MENTOR, LEARNER = "t-0412", "s-1020"


def journal_file(desk: Desk) -> Path:
    return desk.directory / "state" / "journal.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    """A desk whose journal is on either database; the example has been applied."""
    if request.param == "postgresql":
        desk.environment["RECONCILER_JOURNAL"] = request.getfixturevalue("postgres_url")
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "plan.json")
    return desk


def content(desk: Desk) -> str:
    """Everything that the tables hold, as text."""
    url = desk.environment.get("RECONCILER_JOURNAL")
    if url:
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "select table_name from information_schema.tables where table_schema = 'public'"
            ).fetchall()
            rows = [
                connection.execute(SQL("select * from {}").format(Identifier(*name))).fetchall()
                for name in tables
            ]
            return str(rows)
    connection = sqlite3.connect(journal_file(desk))
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def bytes_of(desk: Desk) -> bytes:
    """What an SQLite journal leaves on the disk."""
    return b"".join(each.read_bytes() for each in journal_file(desk).parent.glob("journal.db*"))


@contextmanager
def other_reader(desk: Desk, begin: str = "") -> Iterator[None]:
    """Another process that reads the file; in this one, closing the file would let go its locks."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute(sys.argv[2]); c.execute('select * from runs').fetchall(); print(flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, journal_file(desk), begin],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield


def runs(desk: Desk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = desk.run("history", "--format", "json").json("history")["runs"]
    return found


def shown(desk: Desk, run: object) -> dict[str, object]:
    document: dict[str, object] = desk.run("history", "show", str(run), "--format", "json").json(
        "run"
    )
    return document


def test_a_mentor_and_a_learner_are_forgotten_and_the_counts_stay_true(
    kept: Desk, sandbox: Sandbox
):
    ids = sandbox.ids("people")
    before = runs(kept)
    assert all(f"/{ids[key]}" in content(kept) for key in (MENTOR, LEARNER))
    done = kept.run("history", "forget", MENTOR, "--yes")
    assert done.out == (
        "Forgotten on nordberg-kommune, in 5 rows of 1 run. The person is forgotten-1 there now.\n"
    )
    assert "forgotten-2" in kept.run("history", "forget", ids[LEARNER], "--yes").out
    text = content(kept)
    for key in (MENTOR, LEARNER):
        assert key not in text
        assert not re.search(rf"[/'\"]{ids[key]}\b", text)
    assert runs(kept) == before
    names = kept.run("history", "show", str(before[0]["run"])).out
    assert "mentor/forgotten-1/class/8a" in names
    assert "mentor/forgotten-1/learner/forgotten-2" in names
    assert sandbox.writes() == 21, "the site is left alone"
    again = kept.run("history", "forget", MENTOR, "--yes")
    assert again.out == f"Nothing in the journal names {MENTOR}.\n"
    assert "used before" in kept.run("apply", "plan.json", expect=5).err


def test_not_even_the_bytes_of_the_file_name_a_forgotten_person(recorded: Desk, settled: Sandbox):
    number = settled.ids("people")[MENTOR]
    with other_reader(recorded):  # keeps the log beside the file
        assert number.encode() in bytes_of(recorded)
        recorded.run("history", "forget", MENTOR, "--yes")
        assert journal_file(recorded).with_name("journal.db-wal").exists()
        left = bytes_of(recorded)
        assert b"forgotten-1" in left
        assert MENTOR.encode() not in left
        assert number.encode() not in left


def test_who_was_protected_by_a_policy_is_forgotten_too(recorded: Desk, settled: Sandbox):
    person = settled.ids("people")["t-0007"]
    assert f'"{person}"' in content(recorded)
    recorded.run("history", "forget", "t-0007", "--yes")
    assert f'"{person}"' not in content(recorded)
    assert "t-0007" not in content(recorded)


def test_who_reads_the_file_keeps_it_from_being_cleaned_and_that_is_told(recorded: Desk):
    with other_reader(recorded, "begin"):
        told = recorded.run("history", "forget", MENTOR, "--yes", expect=1)
        assert "cannot be rewritten: another process reads it" in told.err
        assert MENTOR.encode() in bytes_of(recorded)
    recorded.run("history", "forget", MENTOR, "--yes")
    assert MENTOR.encode() not in bytes_of(recorded)


def test_free_texts_that_name_the_person_are_erased_and_no_others(desk: Desk, sandbox: Sandbox):
    desk.run("apply", "roles.yaml", "--yes")
    desk.write(example(mentors=[{"person": "t-0402", "classes": ["8a"]}]))
    lifted = ("--override", "RR501", "--override", "RR502", "--reason")
    desk.run("apply", "roles.yaml", "--yes", *lifted, f"Replaces {MENTOR.upper()}, who has left.")
    desk.run("rollback", str(runs(desk)[0]["run"]), "--yes")
    desk.run("apply", "roles.yaml", "--yes", *lifted, f"it was x-{MENTOR}, not y")
    desk.run("history", "forget", MENTOR, "--yes")
    later, _, earlier, _ = (str(run["overrides"]) for run in runs(desk))
    assert "(erased: it named somebody who has been forgotten)" in earlier
    assert MENTOR.upper() not in content(desk)
    assert f"it was x-{MENTOR}, not y" in later, "that is another key"
    # Texts are full of words: a slip of the keyboard is not to take them out.
    told = desk.run("history", "forget", f"x-{MENTOR}", "--yes", expect=1).err
    assert f"Nobody in the journal is x-{MENTOR}; it stands in a text, such as a reason" in told
    assert "in 1 row of 1 run." in told
    assert "add --word" in told
    assert f"x-{MENTOR}" in content(desk)
    desk.run("history", "forget", f"x-{MENTOR}", "--yes", "--word")
    assert f"x-{MENTOR}" not in content(desk)


def test_what_was_derived_from_the_person_goes_too(recorded: Desk):
    def records() -> tuple[list[tuple[str, str, str]], str]:
        connection = sqlite3.connect(journal_file(recorded))
        try:
            actions = connection.execute("select address, key, cause from actions").fetchall()
            ((header,),) = connection.execute("select header from plans").fetchall()
            return actions, header
        finally:
            connection.close()

    assert all(key for _, key, _ in records()[0])
    assert json.loads(records()[1])["basis"]["digests"] == {}, "ids can be guessed from digests"
    recorded.run("history", "forget", MENTOR, "--yes")
    actions, _header = records()
    for address, key, cause in actions:
        own = "forgotten-1" in address
        assert (key is None) == own, "an id can be guessed from the key"
        assert (json.loads(cause)["line"] is None) == own, "Git tells who stands at a line"


def test_a_rollback_leaves_out_who_was_forgotten_and_says_so(kept: Desk, sandbox: Sandbox):
    run, before = str(runs(kept)[0]["run"]), sandbox.assignments()
    kept.run("history", "forget", MENTOR, "--yes")
    lifted = ("--override", "RR501", "--override", "RR502", "--reason", "start again")
    done = kept.run("rollback", run, "--yes", *lifted)
    told = "RR506: mentor/forgotten-1/class/8a is not rolled back: the person has been forgotten."
    assert told in done.err
    gone = before - sandbox.assignments()
    assert "mentor/t-0407/class/1a" in gone
    assert not any(MENTOR in name for name in gone)


def test_a_plan_that_was_not_finished_cannot_go_on_without_the_person(desk: Desk):
    """What its earlier run did for the person could not be told from what others did."""
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "plan.json")
    edit(
        desk,
        "update actions set outcome = 'skipped', request = null, revision = null"
        " where address like 'label/%'",
        "update runs set end = 'interrupted'",
        "update plans set used = 0",
    )
    said = desk.run("history", "forget", MENTOR, "--yes").out
    assert "1 plan not carried out to the end can be applied no more." in said
    assert "used before" in desk.run("apply", "plan.json", expect=5).err
    assert "Nothing to change" in desk.run("apply", "roles.yaml", "--yes").out


def edit(desk: Desk, *statements: str) -> None:
    connection = sqlite3.connect(journal_file(desk))
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_what_is_in_doubt_is_settled_first(applied: Desk):
    run = str(runs(applied)[0]["run"])
    edit(  # as a kill after the last request leaves it, an hour ago
        applied,
        "update actions set outcome = null, revision = null, answered = 0",
        "update runs set end = null, ended_at = null",
        "update plans set used = 0",
        "update requests set sent_at = datetime(sent_at, '-1 hour')",
    )
    before = content(applied)
    refused = applied.run("history", "forget", MENTOR, "--yes", expect=1).err
    assert f"Nobody knows yet what became of all that was sent about {MENTOR}" in refused
    assert run in refused
    assert "Apply to nordberg-kommune again" in refused
    assert content(applied) == before
    applied.write(example(labels={"mentor": {"tool_name": "Elever"}}))
    applied.run("apply", "roles.yaml", "--yes")
    applied.run("history", "forget", MENTOR, "--yes")
    assert {action["outcome"] for action in shown(applied, run)["actions"]} == {"succeeded"}  # type: ignore[attr-defined]


def test_what_stays_in_doubt_can_be_forgotten_when_that_is_meant(applied: Desk):
    run = str(runs(applied)[0]["run"])
    edit(applied, "update actions set outcome = 'unknown', revision = null, key = 'k'")
    applied.run("history", "forget", MENTOR, "--yes", expect=1)
    applied.run("history", "forget", MENTOR, "--yes", "--in-doubt")
    lifted = ("--override", "RR501", "--override", "RR502", "--reason", "start again")
    told = applied.run("rollback", run, "--out", "back.json", *lifted).out
    assert "mentor/forgotten-1/class/8a is not rolled back: the person has been forgotten" in told
    applied.write(example(labels={"mentor": {"tool_name": "Elever"}}))
    applied.run("apply", "roles.yaml", "--yes")
    outcomes = {
        ("forgotten-1" in str(action["name"]), action["outcome"])
        for action in shown(applied, run)["actions"]  # type: ignore[attr-defined]
    }
    assert outcomes == {(True, "unknown"), (False, "succeeded")}


@pytest.fixture
def leased(recorded: Desk) -> Iterator[Desk]:
    """A journal in which somebody's apply is under way."""
    edit(
        recorded,
        "insert into leases values ('nordberg-kommune', 'x', 'anna@office, pid 7',"
        " '2026-11-24 03:03:03', '2999-11-24 03:03:03')",
    )
    return recorded


def test_while_an_apply_runs_nobody_is_forgotten(leased: Desk):
    before = content(leased)
    told = leased.run("history", "forget", MENTOR, "--yes", expect=1).err
    assert "Another apply is writing to the site nordberg-kommune: anna@office" in told
    assert "Run it again when that apply has ended." in told
    assert "--wait" not in told
    assert content(leased) == before


def test_who_ran_it_can_be_forgotten(leased: Desk):
    edit(
        leased,
        "update runs set who = 'anna', host = 'anna'",
        "update leases set expires = '2026-11-24 03:03:33'",
    )
    done = leased.run("history", "forget", "anna", "--yes")
    assert done.out == "Forgotten on nordberg-kommune, in 2 rows of 1 run.\n"
    assert b"anna" not in bytes_of(leased)
    assert runs(leased)[0]["who"] == "forgotten-1"


ASKED = "Forget this person for good? [y/N]:"


def test_on_a_terminal_it_asks(recorded: Desk):
    before = content(recorded)
    code, said = converse(recorded, ["history", "forget", MENTOR], ASKED, "n\n")
    assert code == 1
    assert f"{MENTOR} is named in 5 rows of 1 run on nordberg-kommune." in said
    assert "Not forgotten: the answer was no. Nothing was changed." in said
    assert content(recorded) == before
    code, said = converse(recorded, ["history", "forget", MENTOR], ASKED, "y\n")
    assert code == 0, said
    assert "forgotten-1" in said


def test_what_is_not_clear_is_refused(recorded: Desk):
    told = recorded.run("history", "forget", MENTOR, expect=64).err
    assert "There is no terminal to ask on." in told
    assert MENTOR in content(recorded)
    recorded.run("history", "forget", expect=64)
    recorded.run("history", "forget", "", "--yes", expect=64)
    told = recorded.run("history", "--site", "other", "forget", MENTOR, "--yes", expect=64).err
    assert "--site stands before forget, which does not hear of it." in told
    told = recorded.run("history", "forget", MENTOR, "--site", "other", "--yes").out
    assert told == f"Nothing in the journal names {MENTOR}.\n"


def test_without_a_journal_there_is_nobody_to_forget(tmp_path: Path):
    told = Desk(tmp_path).run("history", "forget", MENTOR, "--yes")
    assert told.out == f"Nothing in the journal names {MENTOR}.\n"


def test_whom_only_a_policy_names_is_found_by_id(desk: Desk, sandbox: Sandbox):
    """Nothing was done to the person, but the plan had to keep to what protects them."""
    desk.write(example(policy={"protected": {"people": ["t-0405"]}}))
    desk.run("apply", "roles.yaml", "--yes")
    number = sandbox.ids("people")["t-0405"]
    assert number in content(desk)
    by_key = desk.run("history", "forget", "t-0405", "--yes")
    assert "stands in it by id" in by_key.err
    desk.run("history", "forget", number, "--yes")
    assert number not in content(desk)


def test_while_an_apply_runs_nobody_is_told_that_they_are_not_named(leased: Desk):
    """It may be about to write their name."""
    told = leased.run("history", "forget", "t-9999", "--yes", expect=1).err
    assert "Another apply is writing to the site nordberg-kommune" in told
    assert "Run it again when that apply has ended." in told
