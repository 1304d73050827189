"""What became of runs, in every format: as apply and rollback tell it, and as history does."""

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from doubles import MemorySite, apply_to
from judges import commands, every, junit, lines, rendered, table, written
from junitparser import JUnitXml, Skipped
from sandboxes import PROGRAM, Desk, example, running
from small import plan, small_site, wanting

from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.errors import Unreachable
from reconciler.provider import Verb
from reconciler.redact import Redaction
from reconciler.reports import formats, outcomes
from reconciler.reports.outcomes import Applied
from reconciler.state import Person

NAMES = tuple(each for each in formats.names("apply") if each != "text")
FAULT = {
    "client": "reconciler",
    "kind": "items",
    "every": 4,
    "times": 4,
    "code": "internal_error",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk at which a run did a part, and another one the rest; each told in every format."""
    directory = tmp_path_factory.mktemp("runs")
    faults = directory / "faults.yaml"
    faults.write_text(yaml.safe_dump({"version": 1, "seed": 1, "faults": [FAULT]}))
    with running(directory, "--faults", str(faults)) as site:
        desk = Desk(directory, site)
        desk.write(example())
        desk.run("apply", "roles.yaml", "--yes", *every(NAMES), expect=6)
        keep(desk, "part")
        desk.run("apply", "roles.yaml", "--yes", *every(NAMES))
        desk.run("apply", "roles.yaml", "--yes", *every(NAMES))  # replaces them: nothing is done
        keep(desk, "none")
        yield desk


def keep(desk: Desk, called: str) -> None:
    for name in NAMES:
        shutil.move(desk.directory / f"found.{name}", desk.directory / f"{called}.{name}")


def told(desk: Desk, name: str = "part") -> list[dict[str, Any]]:
    """The outcomes in the document of the run that did a part."""
    found: list[dict[str, Any]] = json.loads(written(desk, f"{name}.json"))["outcomes"]
    return found


def test_each_outcome_is_a_line_and_a_row(ran: Desk):
    found = lines(written(ran, "part.jsonl"))
    expected = [(each["outcome"], each["verb"], each["name"], each["detail"]) for each in told(ran)]
    assert {"failed", "succeeded"} <= {outcome for outcome, *_ in expected}
    assert [
        (each["outcome"], each["verb"], each["name"], each["detail"])
        for each in found
        if each["type"] == "outcome"
    ] == expected
    assert [
        (row["outcome"], row["verb"], row["name"], row["detail"] or None)
        for row in table(written(ran, "part.csv"))
    ] == expected


def test_each_action_is_a_test_and_so_is_the_run(ran: Desk):
    path = ran.directory / "part.junit"
    (run, *actions) = junit(path)
    assert run == ("the run", True)
    assert len({name for name, _ in actions}) == len(actions)
    suite = next(iter(JUnitXml.fromfile(str(path))))
    skipped = [isinstance(case.result[0], Skipped) if case.result else False for case in suite]
    assert suite.skipped == sum(skipped)
    assert [
        (name, passed, left) for (name, passed), left in zip(actions, skipped[1:], strict=True)
    ] == [
        (
            f"{each['verb']} {each['name']}",
            each["outcome"] in ("succeeded", "already"),
            each["outcome"] == "skipped",
        )
        for each in told(ran)
    ]


def test_what_failed_is_annotated_at_its_line(ran: Desk):
    failed = [each for each in told(ran) if each["outcome"] == "failed"]
    found = commands(written(ran, "part.annotations"))
    assert len(found) == len(failed) == 4
    for (severity, named, message), each in zip(found, failed, strict=True):
        assert (severity, named["title"][:5], named["file"]) == ("error", "RR811", "roles.yaml")
        assert f"at {named['file']}:{named['line']}:{named['col']}" in each["cause"]
        assert each["name"] in message


def test_a_summary_folds_what_is_left_first_and_names_no_learner(ran: Desk):
    found = rendered(written(ran, "part.markdown"))
    counts = {each["outcome"]: 0 for each in told(ran)}
    for each in told(ran):
        counts[each["outcome"]] += 1
    for outcome, number in counts.items():
        assert f"{outcome}: {number}" in found.said
    assert found.said.index("failed: 4") < found.said.index("succeeded: ")
    assert "says why" in found.said
    assert "internal_error" not in found.said
    assert not re.search(r"\bs-\d{4}\b", found.said)


def test_nothing_to_do_is_told_in_every_format(ran: Desk):
    assert told(ran, "none") == []
    assert junit(ran.directory / "none.junit") == [("the run", True)]
    assert written(ran, "none.annotations") == written(ran, "none.jsonl") == ""
    assert table(written(ran, "none.csv")) == []
    assert "Nothing to change" in rendered(written(ran, "none.markdown")).said
    assert "Nothing to change" in written(ran, "none.html")


def test_history_tells_of_a_run_what_apply_told(ran: Desk):
    runs = ran.run("history", "--format", "json").json("history")["runs"]
    part = runs[-1]["run"]
    assert part == json.loads(written(ran, "part.json"))["run"]
    for _ in range(2):
        ran.run("history", "show", part, *every(NAMES))
    assert table(written(ran, "found.csv")) == table(written(ran, "part.csv"))
    assert lines(written(ran, "found.jsonl")) == lines(written(ran, "part.jsonl"))
    assert junit(ran.directory / "found.junit") == junit(ran.directory / "part.junit")
    assert written(ran, "found.annotations") == written(ran, "part.annotations")
    assert "partial: " in rendered(written(ran, "found.markdown")).said
    assert part in written(ran, "found.html")


def test_runs_are_listed_in_every_format(ran: Desk):
    names = ("jsonl", "csv", "markdown")
    for _ in range(2):
        listed = ran.run("history", *every(names), "--format", "json").json("history")["runs"]
    assert [each["run"] for each in lines(written(ran, "found.jsonl"))] == [
        each["run"] for each in listed
    ]
    for row, each in zip(table(written(ran, "found.csv")), listed, strict=True):
        assert (row["run"], row["status"]) == (each["run"], each["status"])
        assert {name: int(row[name]) for name in each["counts"]} == each["counts"]
    said = rendered(written(ran, "found.markdown")).said
    assert all(each["run"][:8] in said and each["status"] in said for each in listed)
    assert "there is no html" in ran.run("history", "--format", "html", expect=64).err


def test_pseudonyms_stand_for_people_in_every_format_of_a_run(ran: Desk):
    key = {"RECONCILER_REDACT_KEY": "0123456789abcdef0123456789abcdef"}
    part = json.loads(written(ran, "part.json"))["run"]
    ran.run("history", "show", part, "--redact", *every(NAMES), **key)
    for name in NAMES:
        assert not re.search(r"\b[ts]-\d{4}\b", written(ran, f"found.{name}"))


def test_a_rollback_is_told_in_every_format_and_so_is_its_plan(applied: Desk):
    desk = applied
    more = [*example()["mentors"], {"person": "t-0402", "classes": ["8a"]}]
    desk.run("apply", desk.write(example(mentors=more)), "--yes")
    run = desk.run("history", "--format", "json").json("history")["runs"][0]["run"]
    both = ("--format", "json=back.json", "--format", "csv=back.csv")
    desk.run("rollback", run, "--out", "plan.json", *both)
    plan = json.loads(written(desk, "back.json"))
    assert [row["name"] for row in table(written(desk, "back.csv"))] == [
        each["name"] for each in plan["actions"]
    ]
    refused = desk.run("rollback", run, "--yes", *both, expect=64)  # it can be applied
    assert "back.json exists and is not a document of this command" in refused.err
    assert json.loads(written(desk, "back.json")) == plan
    (desk.directory / "back.json").unlink()
    done = desk.run("rollback", run, "--yes", *both, "--format", "jsonl")
    result = json.loads(written(desk, "back.json"))
    assert {row["outcome"] for row in table(written(desk, "back.csv"))} == {"succeeded"}
    assert len(lines(done.out)) == len(result["outcomes"]) == len(plan["actions"])
    for _ in range(2):  # the plan of nothing, which is replaced by the next one
        desk.run("rollback", run, "--yes", *both)
        assert json.loads(written(desk, "back.json"))["actions"] == []


def test_files_are_looked_at_before_anything_is_applied(first_desk: Desk):
    def refused(*words: str, expect: int = 64) -> str:
        return first_desk.run("apply", "roles.yaml", "--yes", *words, expect=expect).err

    first_desk.write("mine\n", "notes.txt")
    assert "is not a report in junit" in refused("--format", "junit=notes.txt")
    assert "is what the command reads" in refused("--format", "csv=roles.yaml")
    assert "There is no folder nowhere" in refused("--format", "csv=nowhere/x.csv", expect=1)
    assert "there is no sarif" in refused("--format", "sarif")
    assert "only one of csv and json" in refused("--format", "csv", "--format", "json")
    metrics = ("--metrics", "x.prom", "--format", "csv=x.prom")
    assert "--metrics and --format both name x.prom" in refused(*metrics)
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    plan = first_desk.run("apply", "plan.json", "--format", "json=plan.json", expect=64)
    assert "is what the command reads" in plan.err
    reviewed = ("--reviewed", "plan.json", "--format", "json=plan.json")
    assert "is what the command reads" in refused(*reviewed)
    assert (first_desk.directory / "notes.txt").read_text() == "mine\n"


def test_a_report_that_cannot_be_written_does_not_hide_what_was_done(desk: Desk):
    """The folder goes while the run signs in, long after it was looked at."""
    (desk.directory / "out").mkdir()
    gone = "import os, shutil; shutil.rmtree('out'); print(os.environ['RECONCILER_CLIENT_SECRET'])"
    variables = desk.sandbox.variables() if desk.sandbox else {}
    desk.write(
        f'[environments.town]\nurl = "{variables["RECONCILER_URL"]}"\n'
        f'token_url = "{variables["RECONCILER_TOKEN_URL"]}"\n'
        f'client_id = {{env = "RECONCILER_CLIENT_ID"}}\n'
        f"client_secret = {{command = {json.dumps([sys.executable, '-c', gone])}}}\n",
        "reconciler.toml",
    )
    asked = ("--format", "junit=out/apply.xml", "--format", "csv=apply.csv")
    done = desk.run("apply", "roles.yaml", "--yes", "-e", "town", *asked)
    run = desk.run("history", "--format", "json").json("history")["runs"][0]
    assert "warning: out/apply.xml could not be written: " in done.err
    assert f"`reconciler history show {run['run'][:8]}` tells the same." in done.err
    assert "21 succeeded; read back and confirmed." in done.out
    assert len(table(written(desk, "apply.csv"))) == 21
    assert run["status"] == "done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="is a device of Linux")
def test_an_output_that_cannot_be_written_does_not_hide_what_was_done(desk: Desk):
    for words, told in (((), "tells the same."), (("--format", "json"), "nothing to do.")):
        command = [PROGRAM, "apply", "roles.yaml", "--yes", "--metrics", "apply.prom", *words]
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command,
                cwd=desk.directory,
                env=desk.environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        said = "warning: standard output could not be written: No space left on device."
        assert said in done.stderr
        assert told in done.stderr.splitlines()[-1]
        assert done.returncode == 0
        measured = (desk.directory / "apply.prom").read_text()
        assert re.search(r"reconciler_last_run_exit_code\{[^}]*\} 0\b", measured)
    (run,) = desk.run("history", "--format", "json").json("history")["runs"]
    assert (run["status"], run["counts"]["succeeded"]) == ("done", 21)


def test_mistakes_are_told_in_place_of_a_run(first_desk: Desk):
    first_desk.write("version: 1\nsite: nordberg-kommune\nmentors: [{person: t-0412, colour: x}]\n")
    names = ("junit", "annotations", "jsonl", "csv", "markdown", "json", "html")
    first_desk.run("apply", "roles.yaml", "--yes", *every(names), expect=1)
    (found,) = commands(written(first_desk, "found.annotations"))
    assert (found[1]["file"], found[1]["line"]) == ("roles.yaml", "3")
    assert [passed for _, passed in junit(first_desk.directory / "found.junit")] == [False]
    assert len(table(written(first_desk, "found.csv"))) == 1
    assert not (first_desk.directory / "found.html").exists()


def test_a_runbook_is_told_in_its_own_formats(tmp_path: Path):
    from reconciler.providers.saved import write_state  # noqa: PLC0415 - of this test alone

    desk = Desk(tmp_path, names=["T 1"])
    desk.write(
        '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n', "reconciler.toml"
    )
    desk.write("version: 1\nsite: nord\nmentors:\n  - {person: t-1, classes: [8a]}\n")
    (tmp_path / "town.json").write_bytes(write_state(small_site()))
    for name in ("town.runbook.json", "./town.runbook.json"):
        lost = desk.run("apply", "roles.yaml", "--format", f"json={name}", expect=64)
        assert "is the snapshot or the runbook of an environment" in lost.err
    refused = desk.run("apply", "roles.yaml", "--format", "junit=apply.xml", expect=64)
    assert "a runbook is not told as junit" in refused.err
    assert not (tmp_path / "town.runbook.json").exists()
    asked = ("--format", "json=steps.json", "--format", "html=steps.html")
    made = desk.run("apply", "roles.yaml", *asked)
    assert made.out == f"1 step to be done by hand: {tmp_path / 'town.runbook.json'}.\n"
    first = written(desk, "steps.json")
    shown = desk.run("runbook", "show", *asked, "--format", "json")
    assert shown.out == written(desk, "steps.json") == first
    shown.json("runbook")
    kept = desk.run("runbook", "show", "--format", "json=town.runbook.json", expect=64)
    assert "is the snapshot or the runbook of an environment" in kept.err


HOSTILE = ("<img src=x onerror=alert(1)>", "]]></failure>\x1b[31m&\x00", "=1+1", "a,b\n::error::x")


def hostile() -> Applied:
    """A run of which each action has another outcome, about people with odd keys."""
    people = tuple(
        Person(f"1{n}", key, f"t{n}", None, "T", "p0", active=True) for n, key in enumerate(HOSTILE)
    )
    made = plan(
        small_site(people=people, memberships=()), wanting(*((key, "8a") for key in HOSTILE))
    )
    actions = [each for each in made.actions if each.verb is Verb.ADD]
    ends = [*Outcome, *Outcome]
    ended = tuple(
        ActionOutcome(each, outcome, f"409 {HOSTILE[n % len(HOSTILE)]}")
        for n, (each, outcome) in enumerate(zip(actions, ends, strict=False))
    )
    assert {each.outcome for each in ended} == set(Outcome)
    return Applied(
        ApplyResult("run-1", "plan-1", "nord", ended, verified=False, note="<b>it broke"), made
    )


def of_run(name: str, run: Applied) -> str:
    return "".join(formats.render("apply", name, run, "roles.yaml"))


def test_whatever_a_key_or_a_site_says_every_format_stays_whole(tmp_path: Path):
    run = hostile()
    path = tmp_path / "run.xml"
    path.write_text(of_run("junit", run))
    ended = [each.outcome for each in run.result.outcomes]
    failed = [each in (Outcome.FAILED, Outcome.UNKNOWN) for each in ended]
    cases = list(next(iter(JUnitXml.fromfile(str(path)))))
    assert [bool(case.result) for case in cases[1:]] == [not each.holds for each in ended]
    assert [case.result[0].type in ("failed", "unknown") for case in cases if case.result][1:] == [
        bad for bad, each in zip(failed, ended, strict=True) if not each.holds
    ]
    rendered(of_run("markdown", run))
    assert len(lines(of_run("jsonl", run))) == len(ended) + 1
    assert len(commands(of_run("annotations", run))) == sum(failed) + 1
    rows = table(of_run("csv", run))
    assert {row["outcome"] for row in rows} == set(Outcome)
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]
    assert "<img" not in of_run("html", run)


@pytest.mark.parametrize(("ends", "why"), [
    ("well", ""),
    ("unread", "The result could not be read back. Nobody answers."),
    ("stopped", "It was asked to stop."),
])  # fmt: skip
def test_a_run_that_did_not_end_well_is_no_test_that_passed(tmp_path: Path, ends: str, why: str):
    made, site = plan(small_site(), wanting(("t-0", "8a"))), MemorySite(small_site())

    def unreachable() -> None:
        if site.sent:
            raise Unreachable("Nobody answers.")

    if ends == "unread":
        site.before_fetch = unreachable
    run = Applied(apply_to(made, site, stopping=lambda: ends == "stopped"), made)
    assert outcomes.of_applied(run).broken == why
    path = tmp_path / "run.xml"
    path.write_text(of_run("junit", run))
    assert junit(path)[0] == ("the run", not why)


def test_each_action_is_a_test_of_its_own_also_where_people_are_withheld(tmp_path: Path):
    made = plan(small_site(), wanting(("t-0", "8a"), ("t-1", "8a"), ("t-2", "8a")))
    result = apply_to(made, MemorySite(small_site()))
    hidden = Redaction(withheld=frozenset({"t-0", "t-1", "t-2"}))
    path = tmp_path / "run.xml"
    path.write_text(of_run("junit", Applied(hidden.result(result), hidden.plan(made))))
    names = [name for name, _ in junit(path)]
    assert len(set(names)) == len(names) == len(made.actions) + 1
    assert "add mentor/withheld (3)" in names


def test_reports_are_for_their_owner_alone(ran: Desk):
    for path in ran.directory.glob("part.*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_report_of_an_earlier_run_does_not_stand_for_one_that_was_not_made(tmp_path: Path):
    with running(tmp_path) as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        told = ("--format", "html=run.html", "--format", "json=run.json")
        desk.run("apply", "roles.yaml", "--yes", *told)
        (tmp_path / "mine.txt").write_text("mine")
        desk.run("apply", "roles.yaml", "--yes", *told, "--format", "csv=mine.txt", expect=64)
        assert {"run.html", "run.json", "mine.txt"} <= {each.name for each in tmp_path.iterdir()}
        desk.write({**example(), "mentors": []})
        desk.run("apply", "roles.yaml", "--yes", *told, expect=4)
        assert not {"run.html", "run.json"} & {each.name for each in tmp_path.iterdir()}


def test_a_plan_that_may_be_waiting_stays_where_the_next_one_is_not_made(first_desk: Desk):
    desk = first_desk
    approved = ("plan", "roles.yaml", "--format", "json=approved.json", "--format", "csv=plan.csv")
    desk.run(*approved)
    plan = (desk.directory / "approved.json").read_bytes()
    desk.run(*approved, RECONCILER_URL="http://127.0.0.1:1", expect=1)
    assert (desk.directory / "approved.json").read_bytes() == plan
    assert not (desk.directory / "plan.csv").exists()
    (desk.directory / "beside").symlink_to(".")
    both = ("--out", "new.json", "--format", "json=beside/new.json")
    assert "both name" in desk.run("plan", "roles.yaml", *both, expect=64).err
