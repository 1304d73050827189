"""What a database owes to a sandbox: files and PostgreSQL alike, also in `make test`."""

import json
import os
import pty
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path

import psycopg
import pytest
import warm
from browsers import Browser
from sandboxes import PROGRAM, clean_environment

from reconciler.sandbox import tables
from reconciler.sandbox.database import place_of, serving_engine
from reconciler.sandbox.store import open_store

COLLECTIONS = (
    *("profiles", "labels", "people", "units"),
    *("memberships", "relations", "holders", "assignments"),
)


@pytest.fixture(scope="module", params=["file", "postgresql"])
def kept_in(request):
    return request.param


@pytest.fixture
def database(kept_in, new_database):
    """A fresh database that outlives its sandbox."""
    return new_database(kept_in)


@pytest.fixture
def run(tmp_path):
    """Run `reconciler sandbox …` to its end; returns what it printed and said."""

    def run_it(*arguments, code=0):
        process = warm.Process([PROGRAM, "sandbox", *arguments], clean_environment(), tmp_path)
        assert process.wait(60) == code, (process.stdout, process.stderr)
        assert "Traceback" not in process.stderr
        return process.stdout, process.stderr

    return run_it


def ask(database, statement):
    """Run a statement on a database, as another program does; returns its rows."""
    if "://" in database:
        with psycopg.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(statement).fetchall()


def table_names(database):
    if "://" in database:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return {name for (name,) in ask(database, query)}
    return {name for (name,) in ask(database, "SELECT name FROM sqlite_master WHERE type='table'")}


def everything(site):
    return {name: site.items(name) for name in COLLECTIONS}


# Several at once


def test_a_restart_keeps_state_revision_events_and_keys(start, database, refusal):
    first = start("--database", database)
    key = {"Idempotency-Key": "once"}
    assert first.put("profiles", "p-3", "roles", "mentor", headers=key).status_code == 201
    assert first.call("PATCH", "labels/mentor", json={"tool_name": "Mine elever"}).ok
    before = everything(first)
    etags = {name: first.get(name).headers["ETag"] for name in before}
    events, revision = first.events(), first.revision()
    cursor = first.get("people", params={"limit": 10}).json()["next"]
    assert first.stop()[0] == 0

    second = start("--database", database)
    assert everything(second) == before
    assert {name: second.get(name).headers["ETag"] for name in before} == etags
    assert (second.events(), second.revision()) == (events, revision)
    assert second.get("people", params={"cursor": cursor}).status_code == 200
    again = second.put("profiles", "p-3", "roles", "mentor", headers=key)
    assert again.status_code == 201
    assert second.revision() == revision
    second.stop()
    assert "already holds a site" in refusal("--database", database, "--seed", __file__)


def test_two_sandboxes_on_one_database_count_no_revision_twice(start, database):
    sites = [start("--database", database) for _ in range(2)]
    sites[0].put("profiles", "p-3", "roles", "mentor")
    people = [each["id"] for each in sites[0].items("people") if each["profile"] == "p-3"]
    for site in sites:
        site.revision()

    def write(number):
        site = sites[number]
        put = (site.put("holders", "mentor", person) for person in people[number::2])
        return [answer.json()["revision"] for answer in put]

    with ThreadPoolExecutor(2) as pool:
        revisions = [each for own in pool.map(write, range(2)) for each in own]
    assert sorted(revisions) == list(range(3, 3 + len(people)))
    assert [event["revision"] for event in sites[1].events()] == list(range(2, 3 + len(people)))
    assert everything(sites[0]) == everything(sites[1])


def test_two_sandboxes_that_start_at_once_make_one_site(start, database):
    with ThreadPoolExecutor(2) as pool:
        sites = list(pool.map(lambda _: start("--database", database), range(2)))
    etags = {site.get("people").headers["ETag"] for site in sites}
    assert len(etags) == 1


def test_a_sandbox_that_starts_waits_for_the_writer_of_another(tmp_path):
    database = tmp_path / "site.db"
    open_store(str(database)).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    engine = serving_engine(place_of(str(database)))
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            connecting = pool.submit(engine.connect)
            time.sleep(0.3)
            assert not connecting.done()
            writer.execute("COMMIT")
            with connecting.result(20) as connection:
                mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    engine.dispose()
    assert mode == "wal"


def test_readers_wait_for_no_writer_and_see_no_half_of_a_write(start, database):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    etag, revision = site.get("holders").headers["ETag"], site.revision()
    held = threading.Event()
    let_go = threading.Event()

    def hold():
        """Write as another sandbox does, and dawdle before the end of it."""
        update = "UPDATE site SET revision = revision + 1"
        insert = "INSERT INTO holders (role, person) VALUES ('mentor', 'x')"
        if "://" in database:
            with psycopg.connect(database) as connection:
                connection.execute(update)
                connection.execute(insert)
                held.set()
                let_go.wait(20)
        else:
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(update)
                connection.execute(insert)
                held.set()
                let_go.wait(20)

    writer = threading.Thread(target=hold)
    writer.start()
    assert held.wait(20)
    started = time.monotonic()
    assert site.get("holders").headers["ETag"] == etag
    assert (site.revision(), len(site.items("holders"))) == (revision, 1)
    assert time.monotonic() < started + 5
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(site.call, "PATCH", "labels/mentor", json={"tool_name": "x"})
        time.sleep(0.3)
        assert not waiting.done()
        let_go.set()
        assert waiting.result(20).ok
    writer.join()
    assert (site.revision(), len(site.items("holders"))) == (revision + 2, 2)


def test_a_site_grows_while_others_read_it_page_by_page(start, database):
    """Each page is one moment: what a cursor pins is either whole, or expired."""
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    people = [each["id"] for each in site.items("people") if each["profile"] == "p-3"]
    done = threading.Event()

    def read(client):
        wholes = 0
        while not done.is_set() or not wholes:
            items, cursor = [], {}
            while cursor is not None:
                answer = site.call("GET", "holders", client, params={"limit": 3, **cursor})
                if answer.status_code == 410:
                    break
                items += answer.json()["items"]
                cursor = {"cursor": answer.json()["next"]} if answer.json()["next"] else None
            else:
                wholes += 1
                mentors = [each["person"] for each in items if each["role"] == "mentor"]
                assert mentors == sorted(people[: len(mentors)])
        return wholes

    for client in ("auditor", "other"):
        site.call("GET", "site", client)
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read, client) for client in ("auditor", "other")]
        for person in people:
            assert site.put("holders", "mentor", person).status_code == 201
        done.set()
        assert all(reader.result(20) for reader in readers)


def test_texts_are_in_the_order_of_their_code_points(start, database, tmp_path):
    ids = [
        "a",
        "B",
        "b",
        "A",
        "ä",
        "z",
        "Z",
        "å",
        "10",
        "9",
        "-",
        "_",
        "王",
        "😀",
        "ﬀ",
        "a b",
        "ab",
    ]
    path = tmp_path / "state.json"
    people = [
        {"id": each, "sync_key": each, "username": "", "email": None, "name": "", "profile": "p",
         "active": True}
        for each in ids
    ]  # fmt: skip
    state = {
        "format": "reconciler.state/1",
        "site": {"id": "s", "name": "S", "ilp": {"enabled": True, "published_templates": 0}},
        "profiles": [{"id": "p", "name": "P", "roles": ["mentor"]}],
        "people": people,
        "units": [
            {"id": "u", "sync_key": None, "kind": "organisation", "title": "U", "parent": None}
        ],
        **{name: [] for name in ("memberships", "relations", "holders", "assignments")},
    }
    path.write_text(json.dumps(state))
    site = start("--database", database, "--seed", path)
    joined, cursor = [], {}
    while cursor is not None:
        page = site.get("people", params={"limit": 2, **cursor}).json()
        joined += [person["id"] for person in page["items"]]
        cursor = {"cursor": page["next"]} if page["next"] else None
    assert joined == sorted(ids)


# Other databases


def test_the_tables_of_a_version_are_what_they_are():
    """Whoever changes them counts `tables.VERSION` up, and writes the new columns down here."""
    columns = {name: list(table.columns.keys()) for name, table in tables.metadata.tables.items()}
    assert (tables.VERSION, columns) == (
        3,
        {
            "site": [
                *("id", "name", "revision", "ilp_enabled", "ilp_published_templates"),
                "database_id",
            ],
            "collections": ["name", "revision"],
            "profiles": ["id", "name", "roles"],
            "labels": ["role", "tool_name", "role_name"],
            "people": ["id", "sync_key", "username", "email", "name", "profile", "active"],
            "found_by": ["word", "person"],
            "units": ["id", "sync_key", "kind", "title", "parent"],
            "memberships": ["unit", "person", "role", "primary", "begin", "end"],
            "relations": ["person", "learner", "kind"],
            "holders": ["role", "person"],
            "assignments": ["role", "person", "kind", "target"],
            "events": ["revision", "at", "actor", "actor_kind", "address", "verb"],
            "answers": ["client", "idempotency_key", "fingerprint", "answer"],
            "sandbox_schema": ["version", "tables"],
        },
    )


def of_another_version(start, database):
    start("--database", database).stop()
    ask(database, "UPDATE sandbox_schema SET version = 99")
    ask(database, "CREATE TABLE of_tomorrow (id text)")
    names = sorted(table_names(database) - {"sandbox_schema", "sqlite_stat1"})
    ask(database, f"UPDATE sandbox_schema SET tables = '{json.dumps(names)}'")  # noqa: S608 - our own names


def of_the_first_version(start, database):
    start("--database", database).stop()
    ask(database, "DROP TABLE sandbox_schema")
    ask(database, "DROP TABLE found_by")


@pytest.mark.parametrize(("make", "version"), [(of_another_version, 99), (of_the_first_version, 1)])
def test_another_version_is_refused_left_as_it_is_and_can_be_reset(
    start, database, run, make, version
):
    make(start, database)
    before = table_names(database), ask(database, "SELECT * FROM site")
    for command in ([], ["export"]):
        _, said = run(*command, "--database", database, code=1)
        assert f"has the tables of version {version} of the sandbox, and this one reads" in said
        assert "export the site with the program that made it, or begin again with" in said
        assert said.count("\n") == 1
    assert (table_names(database), ask(database, "SELECT * FROM site")) == before
    run("reset", "--database", database, "--yes")
    assert "of_tomorrow" not in table_names(database)
    assert start("--database", database).revision() == 1


def test_another_program_s_database_is_refused_and_left_as_it_is(database, run):
    ask(database, "CREATE TABLE site (id text)")
    for command in ([], ["export"], ["reset", "--yes"]):
        _, said = run(*command, "--database", database, code=1)
        assert said.endswith("is not a sandbox's; name another one\n")
        assert said.count("\n") == 1
    assert table_names(database) == {"site"}


@pytest.mark.parametrize("damage", ["another file", "half", "overwritten"])
@pytest.mark.parametrize("kept_in", ["file"], indirect=True, scope="module")
def test_a_file_that_is_damaged_or_none_of_sqlite_is_refused_by_all_alike(
    start, database, run, damage
):
    file = Path(database)
    start("--database", database).stop()
    whole = file.read_bytes()
    damaged = {
        "another file": b'{"this": "is no database"}',
        "half": whole[: len(whole) // 2],
        "overwritten": whole[:4096] + b"\xff" * (60_000 - 4096) + whole[60_000:],
    }[damage]
    file.write_bytes(damaged)
    for command in ([], ["export"], ["reset", "--yes"]):
        out, said = run(*command, "--database", database, code=1)
        assert out == ""
        assert said.startswith(f"Error: the database {database} cannot be used: "), said
        assert said.endswith("; delete the file, or name another one\n")
        assert said.count("\n") == 1
    # The first bytes say whether there is a log, which a reset leaves.
    assert file.read_bytes()[100:] == damaged[100:]


@pytest.mark.parametrize("command", ["export", "reset"])
def test_where_there_is_no_sandbox_there_is_nothing_to_do(command, run, tmp_path, postgres_url):
    more = ["--yes"] if command == "reset" else []
    missing = tmp_path / "missing.db"
    told = run(command, "--database", missing, *more, code=1)[1]
    assert f"there is no database {missing}" in told
    assert f"reconciler sandbox --database {missing}" in told
    assert not missing.exists()
    (tmp_path / "empty.db").touch()
    for empty in (tmp_path / "empty.db", postgres_url):
        assert "holds no sandbox" in run(command, "--database", empty, *more, code=1)[1]
    assert not table_names(postgres_url)
    assert "in memory" in run(command, "--database", ":memory:", *more, code=1)[1]


def test_no_message_tells_a_password(run, postgres_server):
    right = postgres_server.url("postgres")
    secret = "hunter2-hunter2"
    commands = cycle(([], ["export"], ["reset", "--yes"]))
    wrong = right.replace(postgres_server.password, secret)
    for url, reason in (
        (wrong, "password authentication failed"),
        (right.replace("/postgres", "/missing"), 'database "missing" does not exist'),
        (wrong.replace(f":{postgres_server.port}/", ":1/"), "cannot be used"),
        (wrong.replace(secret, f"{secret}@x"), "cannot be"),
        (wrong.replace(secret, f"{secret}/x"), "cannot be"),
        (f"{wrong}?sslpassword={secret}&nonsense={secret}", "cannot be used"),
        (wrong.replace("postgresql", "postgres"), "cannot be at a postgres:// URL"),
        (wrong.replace("postgresql", "mysql"), "cannot be at a mysql:// URL"),
        (f"postgresql://x:{secret}@[::1", "cannot be read"),
    ):
        out, said = run(*next(commands), "--database", url, code=1)
        assert reason in said
        assert secret not in out + said
        assert postgres_server.password not in out + said
        assert said.count("\n") == 1, said


# Reset and export


def test_a_reset_begins_again_with_a_seed(start, database, run, tmp_path):
    first = start("--database", database)
    first.put("profiles", "p-3", "roles", "mentor")
    etag = first.get("people").headers["ETag"]
    first.stop()
    out, said = run("reset", "--database", database, "--yes")
    assert (out, said) == ("", "The database holds Nordberg kommune now, at its beginning.\n")
    is_file = "://" not in database
    second = start("--database", database)
    assert (second.revision(), second.events()) == (1, [])
    assert second.get("people").headers["ETag"] != etag
    path = tmp_path / "table.csv"
    path.write_text("Klasse;Lærer\n8a;t-1\n8b;t-2\n", encoding="utf-8")
    columns = ("--seed-column", "unit=Klasse", "--seed-column", "person=Lærer")
    name = second.items("people")[0]["name"].encode() if is_file else b""
    second.stop()
    assert not is_file or name in Path(database).read_bytes()
    run("reset", "--database", database, "--yes", "--seed", path, *columns)
    assert not is_file or name not in Path(database).read_bytes()
    assert [each["sync_key"] for each in start("--database", database).items("people")] == [
        *("t-1", "t-2")
    ]


def test_a_reset_that_is_refused_changes_nothing(start, database, run, tmp_path):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    before = everything(site)
    _, said = run("reset", "--database", database, "--yes", code=1)
    assert "a sandbox serves the database" in said
    assert everything(site) == before
    site.stop()
    broken = tmp_path / "broken.json"
    broken.write_text('{"people": [')
    _, said = run("reset", "--database", database, "--yes", "--seed", broken, code=1)
    assert "is not valid" in said
    _, said = run("reset", "--database", database, code=64)
    assert "agree with --yes" in said
    again = start("--database", database)
    assert everything(again) == before
    assert again.revision() == 2


def test_an_update_renews_the_directory_and_leaves_the_roles(start, database, run, tmp_path):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    ids = {each["sync_key"]: each["id"] for each in site.items("people")}
    units = {each["sync_key"]: each["id"] for each in site.items("units")}
    site.put("holders", "mentor", ids["t-0412"])
    site.put("assignments", "mentor", ids["t-0412"], "class", units["8a"])
    before, events = everything(site), site.events()
    etags = {name: site.get(name).headers["ETag"] for name in COLLECTIONS}
    run("export", "--database", database, "--out", tmp_path / "newer.json")
    newer = json.loads((tmp_path / "newer.json").read_text())
    # The school system has ids of its own, another name, a new class, and one person less.
    for unit in newer["units"]:
        unit["id"] = f"x-{unit['id']}"
        unit["parent"] = unit["parent"] and f"x-{unit['parent']}"
    for each in newer["memberships"]:
        each["unit"] = f"x-{each['unit']}"
    newer["units"].append(
        {"id": "u-11", "sync_key": "8c", "kind": "class", "title": "8C", "parent": "x-u-10"}
    )
    gone = ids["t-0406"]
    newer["people"] = [each for each in newer["people"] if each["id"] != gone]
    newer["memberships"] = [each for each in newer["memberships"] if each["person"] != gone]
    renamed = next(each for each in newer["people"] if each["id"] == ids["t-0412"])
    renamed |= {"name": "Marit Ny", "profile": "p-2"}
    newer["memberships"].append(
        {"unit": "u-11", "person": ids["s-1001"], "role": "learner", "primary": False,
         "begin": None, "end": None}
    )  # fmt: skip
    newer["holders"] = newer["assignments"] = []
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    out, said = run("update", "--database", database, "--seed", tmp_path / "newer.json")
    assert (out, said.partition(" has ")[0]) == ("", "Nordberg kommune")
    after = everything(site)
    for name in ("profiles", "labels", "holders", "assignments"):
        assert after[name] == before[name]
        assert site.get(name).headers["ETag"] == etags[name]
    for name in ("people", "units", "memberships"):
        assert site.get(name).headers["ETag"] != etags[name]
    assert site.events() == events
    people = {each["id"]: each for each in after["people"]}
    assert people.keys() == set(ids.values())
    assert not people[gone]["active"]
    assert people[ids["t-0412"]]["name"] == "Marit Ny"
    assert people[ids["t-0412"]]["profile"] == "p-3", "the platform's own affair"
    found = {each["sync_key"]: each for each in after["units"]}
    assert {key: each["id"] for key, each in found.items() if key != "8c"} == units
    assert found["8c"]["id"] not in units.values()
    assert found["8c"]["parent"] == units["nordberg-skole"]
    in_8c = [each["person"] for each in after["memberships"] if each["unit"] == found["8c"]["id"]]
    assert in_8c == [ids["s-1001"]]


def test_an_update_that_is_refused_changes_nothing(start, database, run, tmp_path):
    site = start("--database", database)
    before = everything(site)
    run("export", "--database", database, "--out", tmp_path / "newer.json")
    newer = json.loads((tmp_path / "newer.json").read_text())
    newer["people"].append(newer["people"][0])
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    _, said = run(
        *("update", "--database", database, "--seed", tmp_path / "newer.json"), code=1
    )  # fmt: skip
    assert "stands there twice" in said
    assert everything(site) == before
    _, said = run("update", "--database", database, code=64)
    assert "--seed" in said


@pytest.mark.parametrize("kept_in", ["file"], indirect=True, scope="module")
@pytest.mark.parametrize(("answer", "code", "revision"), [("n", 1, 2), ("y", 0, 1)])
def test_a_reset_asks_on_a_terminal(start, database, answer, code, revision):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    site.stop()
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [PROGRAM, "sandbox", "reset", "--database", database]
    run = subprocess.run(command, stdin=theirs, stderr=theirs, timeout=60, check=False)
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert run.returncode == code, said
    assert "Throw away Nordberg kommune in " in said
    assert ("nothing was changed" in said) is (code == 1)
    assert start("--database", database).revision() == revision


def test_an_export_is_what_the_site_is_and_always_the_same(start, database, run, tmp_path):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    site.call("PATCH", "labels/mentor", json={"tool_name": "Elever 王"})
    path = tmp_path / "live.json"
    out, said = run("export", "--database", database, "--out", path)
    assert (out, said) == ("", f"Saved the state to {path}.\n")
    assert path.stat().st_mode & 0o777 == 0o600
    state = json.loads(path.read_text(encoding="utf-8"))
    assert {name: state[name] for name in COLLECTIONS} == everything(site)
    assert state["site"]["revision"] == site.revision()
    site.stop()
    served = path.read_bytes()
    out, _ = run("export", "--database", database)
    assert out.encode() == served
    run("export", "--database", database, "-o", path)
    assert path.read_bytes() == served
    copy = start("--seed", path, "--database", f"{tmp_path}/copy.db")
    assert everything(copy) == {name: state[name] for name in COLLECTIONS}


def test_an_export_is_utf_8_whatever_standard_output_is_said_to_be(start, database, tmp_path):
    start("--database", database).stop()
    environment = {**clean_environment(), "PYTHONIOENCODING": "ascii"}
    command = [PROGRAM, "sandbox", "export", "--database", database]
    run = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    names = {each["name"] for each in json.loads(run.stdout.decode("utf-8"))["people"]}
    assert "Marit Løken" in names


def test_an_export_does_not_wait_for_who_writes(start, database, run):
    start("--database", database)
    write = "UPDATE site SET name = 'not yet'"
    with ExitStack() as stack:
        if "://" in database:
            stack.enter_context(psycopg.connect(database)).execute(write)
        else:
            other = sqlite3.connect(database)
            stack.callback(other.close)
            other.execute(write)
        began = time.monotonic()
        out, _ = run("export", "--database", database)
        assert time.monotonic() - began < 10
    assert "not yet" not in out


def test_an_export_is_the_client_s_saved_state_line_by_line(start, database, run, tmp_path):
    site = start("--database", database)
    run("export", "--database", database, "-o", tmp_path / "server.json")
    variables = {
        "RECONCILER_URL": site.url,
        "RECONCILER_CLIENT_ID": site.ready["client_id"],
        "RECONCILER_CLIENT_SECRET": site.ready["client_secret"],
        "RECONCILER_NO_CACHE": "1",
    }
    command = [PROGRAM, "export", "--state", "client.json"]
    process = warm.Process(command, {**clean_environment(), **variables}, tmp_path)
    assert process.wait(30) == 0, process.stderr
    server, client = (
        (tmp_path / f"{name}.json").read_text(encoding="utf-8").splitlines()
        for name in ("server", "client")
    )
    who = '"actor": null'
    assert [line.replace('"actor": "reconciler"', who) for line in client] == server
    command = [PROGRAM, "export", "--live", tmp_path / "server.json"]
    process = warm.Process(command, clean_environment(), tmp_path)
    assert process.wait(30) == 0, process.stderr


def test_an_export_replaces_nothing_but_a_saved_state(start, database, run, tmp_path):
    start("--database", database).stop()
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for out in (mine, pipe, tmp_path / "no" / "such.json", tmp_path / ("x" * 300)):
        _, said = run("export", "--database", database, "--out", out, code=1)
        assert str(out) in said
        assert said.count("\n") == 1
    assert mine.read_text() == "mine"
    assert not list(tmp_path.glob(".mine*"))


def test_options_before_a_subcommand_are_refused(run):
    for option in (("--database", "x.db"), ("--seed", __file__), ("--port", "1")):
        _, said = run(*option, "reset", "--database", "y.db", code=64)
        assert f"{option[0]} stands before reset, which does not hear of it" in said


# A server that goes away


@pytest.mark.parametrize("kept_in", ["postgresql"], indirect=True, scope="module")
def test_connections_that_were_lost_are_made_again(start, database):
    site = start("--database", database)
    site.put("profiles", "p-3", "roles", "mentor")
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert ask(database, f"SELECT pg_terminate_backend(pid) {others}")
    assert site.revision() == 2
    assert site.put("profiles", "p-3", "roles", "headteacher").status_code == 201
    assert ask(database, f"SELECT count(*) {others}") > [(0,)]


@pytest.mark.parametrize("kept_in", ["postgresql"], indirect=True, scope="module")
def test_a_database_that_is_gone_is_503(start, database, postgres_server):
    site = start("--database", database)
    site.token()
    postgres_server.administer(f"DROP DATABASE {database.rpartition('/')[2]} WITH (FORCE)")
    answer = site.get("site")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    said = site.stop()[2]
    assert "Traceback" not in said
    assert postgres_server.password not in said


def test_a_character_that_cannot_be_stored_is_refused_or_means_nothing(start, database):
    site = start("--database", database)
    statuses = {
        "a parameter of a page": Browser(site).get("/people?q=%00").status_code,
        "a parameter": site.get("events", params={"address": "holder/mentor/%00"}).status_code,
        "an address": site.put("holders", "mentor", "\0").status_code,
    }
    assert statuses == {"a parameter of a page": 422, "a parameter": 422, "an address": 422}
