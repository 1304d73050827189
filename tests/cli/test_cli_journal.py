"""One apply at a time, recorded where all can see it: leases, shared journals, what is told."""

import json
import re
import shutil
import signal
import time

import psycopg
import pytest
from sandboxes import ROOT, Desk, Sandbox, ended, running
from sqlalchemy.engine import make_url


@pytest.fixture
def far(tmp_path_factory):
    with running(tmp_path_factory.mktemp("far"), "--latency", "0.15") as sandbox:
        yield sandbox


def pipelines(far: Sandbox, tmp_path_factory, journal: str | None) -> list[Desk]:
    """Two machines with nothing in common but the site and perhaps the journal."""
    desks = []
    for name in ("one", "two"):
        desk = Desk(tmp_path_factory.mktemp(name), far)
        desk.write((ROOT / "examples" / "roles.yaml").read_text(encoding="utf-8"))
        if journal is not None:
            desk.environment["RECONCILER_JOURNAL"] = journal
        desks.append(desk)
    return desks


@pytest.fixture(params=["postgresql", "a shared file"])
def journal(request, tmp_path_factory) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path_factory.mktemp("shared") / "journal.db")


def test_of_two_applies_at_once_one_writes_and_the_other_says_who(far, tmp_path_factory, journal):
    one, two = pipelines(far, tmp_path_factory, journal)
    one.run("plan", "roles.yaml", "--out", "plan.json")
    plan = (one.directory / "plan.json").read_bytes()
    (two.directory / "plan.json").write_bytes(plan)
    both = [desk.start("apply", "plan.json") for desk in (one, two)]
    first, second = sorted((ended(each) for each in both), key=lambda done: done.code)
    assert (first.code, second.code) == (0, 1), (first, second)
    assert "Another apply is writing to the site nordberg-kommune" in second.err
    assert "--wait SECONDS" in second.err
    assert far.writes() == 21
    assert "used before" in two.run("apply", "plan.json", expect=5).err
    assert two.run("history").out == one.run("history").out


def test_who_waits_finds_the_work_done(far, tmp_path_factory, journal):
    one, two = pipelines(far, tmp_path_factory, journal)
    one.run("plan", "roles.yaml", "--out", "plan.json")
    (two.directory / "plan.json").write_bytes((one.directory / "plan.json").read_bytes())
    both = [desk.start("apply", "plan.json", "--wait", "30") for desk in (one, two)]
    codes = sorted(ended(each).code for each in both)
    assert codes == [0, 5]
    assert far.writes() == 21


def test_a_killed_pipeline_frees_the_site_by_itself(far, tmp_path_factory, journal):
    one, two = pipelines(far, tmp_path_factory, journal)
    for desk in (one, two):
        desk.environment["RECONCILER_LEASE_SECONDS"] = "2"
    two.run("plan", "roles.yaml", "--out", "plan.json")
    process = one.start("apply", "roles.yaml", "--yes")
    end = time.monotonic() + 20
    while not far.writes():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    ended(process)
    held = two.run("apply", "plan.json", expect=1)
    assert "Another apply is writing" in held.err
    done = two.run("apply", "roles.yaml", "--yes", "--wait", "20")
    assert "read back and confirmed" in done.out
    statuses = [
        run["status"] for run in two.run("history", "--format", "json").json("history")["runs"]
    ]
    assert statuses == ["done", "killed"]


def test_a_pipeline_with_a_journal_of_its_own_is_warned_in_one_line(desk: Desk, postgres_url: str):
    told = desk.run("apply", "roles.yaml", "--yes", CI="true")
    assert [line for line in told.err.splitlines() if "RECONCILER_JOURNAL" in line] != []
    shared = desk.run("apply", "roles.yaml", "--yes", CI="true", RECONCILER_JOURNAL=postgres_url)
    assert "RECONCILER_JOURNAL" not in shared.err


def test_a_journal_that_cannot_be_reached_stops_the_apply_before_it_begins(desk: Desk, sandbox):
    url = "postgresql://reader:hunter2-secret@127.0.0.1:9/journal"
    told = desk.run("apply", "roles.yaml", "--yes", expect=1, RECONCILER_JOURNAL=url)
    assert "hunter2-secret" not in told.err + told.out
    assert "127.0.0.1:9" in told.err
    assert sandbox.writes() == 0


@pytest.fixture
def two_users(postgres_server):
    """The addresses of a journal for its two users, made by the statements of docs/pipelines.md."""
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"(?ms)^```sql\n(.+?)^```$", page)
    before, _, after = shown.partition("\\connect journal\n")
    for statement in before.strip().splitlines():
        postgres_server.administer(statement)
    with psycopg.connect(postgres_server.url("journal"), autocommit=True) as connection:
        connection.execute(after)
    address = make_url(postgres_server.url("journal"))
    yield {
        user: address.set(username=user, password=password).render_as_string(hide_password=False)
        for user, password in re.findall(r"CREATE ROLE (\w+) LOGIN PASSWORD '(\w+)'", shown)
    }
    postgres_server.administer("DROP DATABASE journal WITH (FORCE)")
    for user in ("roles_reader", "roles_writer"):
        postgres_server.administer(f"DROP ROLE {user}")


def test_who_may_only_read_plans_by_a_roster_once_the_other_user_has_made_the_tables(
    tmp_path, untouched: Sandbox, two_users: dict[str, str]
):
    desk = Desk(tmp_path, untouched)
    desk.write((ROOT / "examples" / "roles.yaml").read_text(encoding="utf-8"))
    shutil.copytree(ROOT / "examples" / "roster", desk.directory / "roster")
    desk.write((ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8"), "rules.yaml")
    reader = {"RECONCILER_JOURNAL": two_users["roles_reader"]}
    writer = {"RECONCILER_JOURNAL": two_users["roles_writer"]}
    assert "lacks a permission" in desk.run("plan", "rules.yaml", expect=1, **reader).err
    desk.run("plan", "roles.yaml", **reader)  # without a roster nothing is asked of the journal
    assert desk.run("history", **writer).out == "No run is recorded.\n"
    desk.run("plan", "rules.yaml", **reader)
    desk.run("history", **reader)
    refused = desk.run("apply", "roles.yaml", "--yes", expect=1, **reader)
    assert "lacks a permission" in refused.err


def test_the_journal_of_an_environment_is_used(desk: Desk, sandbox: Sandbox):
    desk.write(
        f'[environments.test]\nurl = "{sandbox.url}"\njournal = "here.db"\n'
        'client_id = {env = "RECONCILER_CLIENT_ID"}\n'
        'client_secret = {env = "RECONCILER_CLIENT_SECRET"}\n',
        "reconciler.toml",
    )
    desk.run("apply", "-e", "test", "roles.yaml", "--yes")
    assert (desk.directory / "here.db").exists()
    assert "21 succeeded" in desk.run("history", "-e", "test").out
    assert "No run is recorded" in desk.run("history").out


def test_except_leaves_out_and_says_what_cannot_be_left_out(desk: Desk, sandbox: Sandbox):
    desk.run("plan", "roles.yaml", "--except", "label/*", "--out", "plan.json")
    refused = desk.run("apply", "plan.json", "--except", "mentor/t-0412", expect=64)
    assert "must wait for mentor/t-0412, which --except leaves out" in refused.err
    assert sandbox.writes() == 0
    desk.run("apply", "plan.json", "--except", "mentor/t-0412*")
    assert not any(name.startswith("mentor/t-0412") for name in sandbox.assignments())
    assert {each["tool_name"] for each in sandbox.items("labels")} == {None}
    assert (
        "--except nobody/* matches"
        in desk.run("apply", "roles.yaml", "--yes", "--except", "nobody/*", expect=64).err
    )


def test_progress_for_programs_is_json_in_lines_on_standard_error(desk: Desk):
    done = desk.run("apply", "roles.yaml", "--yes", "--format", "json", "--only", "label/*")
    result = done.json("apply")
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert events[0]["settled"] == 0
    assert events[-1]["settled"] == events[-1]["total"] == 4
    assert {event["run"] for event in events} == {result["run"]}


def test_a_plan_is_stale_by_another_run_that_did_the_same_and_says_so(desk: Desk):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "roles.yaml", "--yes")
    told = desk.run("apply", "plan.json", expect=5).err
    assert "change by reconciler (api) at 20" in told


def test_a_stale_plan_says_what_moved_and_who_moved_it(desk: Desk, sandbox: Sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    sandbox.call("PUT", "profiles", profile_id(sandbox, "Staff"), "roles", "mentor")
    told = desk.run("apply", "plan.json", expect=5)
    assert "profile/Staff/mentor: add by other (api) at 20" in told.err


def profile_id(sandbox: Sandbox, name: str) -> str:
    return str(next(each["id"] for each in sandbox.items("profiles") if each["name"] == name))


def test_a_selection_that_leaves_nothing_of_a_saved_plan_is_refused(desk: Desk):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    told = desk.run("apply", "plan.json", "--except", "*", expect=64)
    assert "leave nothing of the plan" in told.err


def test_on_a_site_in_sync_a_fixed_except_is_no_mistake(settled_desk: Desk):
    told = settled_desk.run("apply", "roles.yaml", "--except", "label/*", "--yes")
    assert "leave nothing that would change" in told.out


def test_who_reads_the_progress_may_leave(desk: Desk, sandbox: Sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    with desk.start("apply", "plan.json", "--format", "json") as process:
        assert process.stderr is not None
        process.stderr.close()
        out = process.stdout.read() if process.stdout else b""
    assert process.returncode == 0
    assert json.loads(out)["counts"] == {"succeeded": 21}
    assert sandbox.writes() == 21


def test_a_manifest_whose_site_moved_while_it_waited_is_planned_again(far, tmp_path_factory):
    one, two = pipelines(far, tmp_path_factory, str(tmp_path_factory.mktemp("both") / "journal.db"))
    first = one.start("apply", "roles.yaml", "--yes")
    second = two.start("apply", "roles.yaml", "--yes", "--wait", "60")
    codes = {ended(first).code, ended(second).code}
    assert codes <= {0, 1}, "whoever comes second plans again, or is told who writes"
    assert far.writes() == 21
