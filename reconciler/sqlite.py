"""What every SQLite database of ours needs: a private file, own transactions, and the log."""

import errno
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

READING: Final = "sqlite_reading"
"""The execution option of a connection that only reads: it waits for no writer."""

_AGAIN_SECONDS: Final = 0.02
_MAKING: Final = threading.Lock()


def make_private(path: Path) -> None:
    """Make a database's file, readable by its owner only, where there is none.

    A file that is there is not opened: POSIX counts locks by process, so that to close it would let
    go of those of every other thread, and whoever writes then damages what these read
    (https://www.sqlite.org/howtocorrupt.html, section 2.2).

    Raises:
        OSError: it cannot be made, or the one that is there cannot be written.
    """
    with _MAKING:  # the same of a file that another thread has just made
        try:
            os.close(os.open(os.path.realpath(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if path.is_dir():
                raise _refused(errno.EISDIR, path) from None
            if not os.access(path, os.R_OK | os.W_OK):
                raise _refused(errno.EACCES, path) from None


def own_transactions(engine: Engine) -> None:
    """Let the driver begin no transactions of its own, or DDL would stand outside of them."""
    event.listen(engine, "connect", _begin_nothing)
    event.listen(engine, "begin", _begin)


def turn_on_log(raw: sqlite3.Connection, seconds: float) -> None:
    """Turn on the write-ahead log, with which readers wait for nobody.

    Where another connection makes or changes the file, SQLite answers at once that it is busy,
    whatever its timeout: who changes the journal's mode holds a lock that the other may need.

    Args:
        raw: the driver's connection.
        seconds: how long to wait for the other.

    Raises:
        sqlite3.Error: it cannot be turned on.
    """
    given_up = time.monotonic() + seconds
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() > given_up:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def is_busy(error: BaseException) -> bool:
    """Whether another connection is in the way; all the reasons that SQLite has for it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _refused(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


def _begin_nothing(raw: Any, _entry: ConnectionPoolEntry) -> None:
    raw.isolation_level = None


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: one that read first could not wait for it any more.
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
