"""Every error of a database, a driver or a disk becomes one clear `JournalError`."""

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from stories import SITE, Opener, plan_of

from reconciler.errors import JournalError
from reconciler.journal.failures import Place, explain, mapped

PLAN = plan_of()


def refused(attempt: Callable[[], object]) -> str:
    """Return everything that the user would read."""
    with pytest.raises(JournalError) as error:
        attempt()
    assert error.value.advice
    return f"{error.value} {error.value.advice}"


def test_a_directory_that_may_not_be_written(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write everywhere, so the system's answer is played.
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    said = refused(lambda: opener(tmp_path / "a" / "journal.db"))
    assert said.startswith(f"The journal {tmp_path}/a/journal.db cannot be opened: Permission den")
    assert "permissions" in said


def test_a_directory_that_is_a_file(tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "file").touch()
    assert "cannot be opened: " in refused(lambda: opener(tmp_path / "file" / "journal.db"))
    assert "cannot be opened: Is a directory" in refused(lambda: opener(tmp_path))


def test_a_file_that_may_only_be_read(tmp_path: Path, opener: Opener) -> None:
    journal = opener(tmp_path / "journal.db")
    event.listen(journal.database.engine, "begin", _only_read)
    assert "it may only be read" in refused(lambda: journal.begin(PLAN, PLAN.actions, []))


def _only_read(connection: Any) -> None:
    connection.exec_driver_sql("PRAGMA query_only = ON")


def test_a_full_disk(tmp_path: Path, opener: Opener) -> None:
    journal = opener(tmp_path / "journal.db")
    event.listen(journal.database.engine, "begin", _full)
    many = plan_of(people=4).actions
    said = refused(lambda: [journal.begin(PLAN, many, []) for _ in range(100)])
    assert "cannot be written: the disk is full." in said
    assert "Free some space" in said


def _full(connection: Any) -> None:
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_keeps_the_journal_whole(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "journal.db"
    journal = opener(path)
    event.listen(journal.database.engine, "begin", _full)
    refused(lambda: [journal.begin(PLAN, PLAN.actions, []) for _ in range(100)])
    with opener(path).database.reading() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


def test_a_file_that_is_no_database(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"apply: done\n" * 1000)
    assert "the file is not a database" in refused(lambda: opener(path))
    assert path.read_bytes() == b"apply: done\n" * 1000


def test_a_damaged_file(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "journal.db"
    opener(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + b"\xff" * (len(whole) - 200))
    said = refused(lambda: opener(path))
    assert "the file is damaged" in said
    assert "backup" in said


def test_a_file_that_another_process_keeps_locked(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.journal.open._BUSY_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    journal = opener(path)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    said = refused(lambda: journal.begin(PLAN, PLAN.actions, []))
    assert "another process keeps it locked" in said
    assert journal.earlier(PLAN).sent == frozenset()  # a reader waits for nobody
    other.close()


def test_new_files_are_the_users_own(tmp_path: Path, opener: Opener) -> None:
    journal = opener(tmp_path / "state" / "journal.db")
    with journal.lease(SITE):
        journal.begin(PLAN, PLAN.actions, [])
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()}
    assert modes == dict.fromkeys(["journal.db", "journal.db-wal", "journal.db-shm"], 0o600)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_postgresql_that_cannot_be_reached(opener: Opener) -> None:
    said = refused(lambda: opener("postgresql://anna:s3cret@127.0.0.1:1/journal"))
    assert "postgresql+psycopg://anna:***@127.0.0.1:1/journal cannot be read" in said
    assert "cannot be reached" in said
    assert "s3cret" not in said


def test_postgresql_that_refuses_the_password(postgres_url: str, opener: Opener) -> None:
    url = make_url(postgres_url).set(password="wr@ng/one").render_as_string(hide_password=False)
    said = refused(lambda: opener(url))
    assert "refused the user or the password" in said
    assert "wr@ng" not in said
    assert "wr%40ng" not in said


def test_postgresql_without_that_database(postgres_url: str, opener: Opener) -> None:
    url = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "there is no such database" in refused(lambda: opener(url))


def test_postgresql_that_closes_the_connection(postgres_url: str, opener: Opener) -> None:
    journal = opener(postgres_url)
    with pytest.raises(JournalError, match="closed the connection"):  # noqa: SIM117 - the inner one
        with journal.database.writing() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert journal.earlier(PLAN).sent == frozenset()  # the next one is a new connection


def test_postgresql_on_which_the_user_may_do_nothing(postgres_url: str, opener: Opener) -> None:
    journal = opener(postgres_url)
    with journal.database.writing() as connection:
        connection.execute(text("CREATE ROLE guest LOGIN PASSWORD 'guest'"))
    try:
        url = make_url(postgres_url).set(username="guest", password="guest")
        said = refused(lambda: opener(url.render_as_string(hide_password=False)))
        assert "the user lacks a permission" in said
    finally:
        with journal.database.writing() as connection:
            connection.execute(text("DROP ROLE guest"))


def test_postgresql_without_its_driver(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    said = refused(lambda: opener("postgresql://anna:s3cret@127.0.0.1/journal"))
    assert "pip install 'psycopg[binary]'" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:s3@cret@host/journal",
        "postgresql://anna:s3/cret@host/journal",
        "postgresql://anna:s3cret@host:port/journal",
        "postgresql://anna:s3cret@[host/journal",
        "mysql://anna:s3cret@host/journal",
        "postgresql:/anna:s3cret@host/journal",
        "host=db.example user=anna password=s3cret dbname=journal",
        "postgresql://anna@127.0.0.1:1/journal?password=s3cret",
    ],
)
def test_a_password_appears_nowhere(url: str, opener: Opener) -> None:
    said = refused(lambda: opener(url))
    assert "cret" not in said
    assert "s3" not in said


class DriverError(Exception):
    """What a driver raises."""

    def __init__(self, said: str, sqlstate: str | None) -> None:
        super().__init__(said)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "said", "expected"),
    [
        ("53100", "could not extend file", "the disk is full"),
        ("53300", "sorry, too many clients already", "short of resources"),
        ("55P03", "canceling statement due to lock timeout", "keeps it locked"),
        ("25006", "cannot execute INSERT in a read-only transaction", "only be read"),
        ("28P01", "password authentication failed", "user or the password"),
        ("57P01", "terminating connection", "closed the connection"),
        ("XX000", "a page is broken\nDETAIL: block 7", "refused it (a page is broken)"),
        ("XX000", "s3cret is broken", "the database refused it"),
        (None, "consuming input failed: server closed the connection", "closed the connection"),
        (None, "fe_sendauth: no password supplied", "user or the password"),
        (None, "", "the database refused it"),
    ],
)
def test_what_postgresql_says_is_explained(sqlstate: str | None, said: str, expected: str) -> None:
    error = OperationalError("INSERT", {}, DriverError(said, sqlstate))
    reason, advice = explain(error, ["s3cret"])
    assert expected in reason
    assert advice
    assert "s3cret" not in reason
    assert "block 7" not in reason


def test_what_sqlite_says_is_explained() -> None:
    assert explain(sqlite3.OperationalError("odd"))[0] == "SQLite refused it (odd)"
    assert "Unicode" in explain(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"))[0]


def test_a_defect_of_ours_is_not_called_a_journals() -> None:
    with pytest.raises(ZeroDivisionError), mapped(Place("x"), "read"):
        raise ZeroDivisionError
