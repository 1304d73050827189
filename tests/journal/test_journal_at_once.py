"""A fresh journal that several open at the same moment, as the sites of a fleet do."""

import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.errors import JournalError
from reconciler.journal.open import open_journal
from reconciler.journal.record import SqlJournal


def test_who_opens_a_fresh_journal_waits_for_who_is_making_it(tmp_path: Path):
    path = tmp_path / "journal.db"
    maker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.5, maker.rollback)
    done.start()
    with open_journal(path, now=lambda: datetime.now(UTC), who="anna", host="office") as journal:
        assert not done.is_alive()
        with journal.lease("nord"):
            pass
    done.join()
    maker.close()


ALONE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0)
try:
    connection.execute("PRAGMA journal_mode = DELETE")
except sqlite3.OperationalError as error:
    sys.exit(error.sqlite_errorname)
"""
"""Leaves the log, which SQLite allows only to one who has the file alone."""


def opened(path: Path) -> SqlJournal:
    return open_journal(path, now=lambda: datetime.now(UTC), who="anna", host="office")


def test_who_opens_a_journal_takes_no_lock_from_another_thread_of_the_process(tmp_path: Path):
    """A lock belongs to a process: to close a file gives back those of all its connections."""
    path = tmp_path / "journal.db"
    with opened(path) as first, first.lease("nord"):
        with opened(path):
            pass
        other = subprocess.run(
            [sys.executable, "-c", ALONE, path], capture_output=True, text=True, check=False
        )
        assert other.stderr.strip() == "SQLITE_BUSY"


def open_often(path: Path) -> None:
    """Take leases in several threads; end with how many of them found the journal unusable."""
    failures: list[JournalError] = []

    def work(number: int) -> None:
        for each in range(10):
            try:
                with opened(path) as journal, journal.lease(f"{os.getpid()}-{number}-{each}"):
                    pass
            except JournalError as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(len(failures))


def test_processes_with_several_threads_share_a_fresh_journal(tmp_path: Path):
    path = tmp_path / "journal.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=open_often, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_that_a_link_names_is_made_private_where_it_lies(tmp_path: Path):
    link, path = tmp_path / "journal.db", tmp_path / "real.db"
    link.symlink_to(path)
    with opened(link):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_that_may_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened(tmp_path / "journal.db").close()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everything
    with pytest.raises(JournalError, match="cannot be opened: Permission denied"):
        opened(tmp_path / "journal.db")
