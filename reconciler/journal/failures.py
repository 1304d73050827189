"""Turns every error of a database, its driver or the disk into one `JournalError`.

What a driver says is shown only where it cannot hold a password.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.errors import JournalError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a journal is, in a form that may be shown.

    Attributes:
        shown: the file's path, or the URL without its password.
        secrets: what must stand in no message.
    """

    shown: str
    secrets: tuple[str, ...] = ()


Explained = tuple[str, str]
"""What is wrong, and what to do about it."""

_LOCATION = "Check the journal's location and its permissions, or name another one."
_SPACE: Explained = ("the disk is full", "Free some space on it, then run the same command again.")
_BUSY: Explained = (
    "another process keeps it locked",
    "Wait until that one is done, then run the same command again.",
)
_READ_ONLY: Explained = ("it may only be read", _LOCATION)
_SIGN_IN: Explained = (
    "the server refused the user or the password",
    "Check both in the journal's URL; special characters in them are percent-encoded.",
)
_LOST: Explained = (
    "the server cannot be reached, or closed the connection",
    "Check its host and port and that it runs, then run the same command again.",
)

# By the beginning of SQLite's name for the error.
_SQLITE: Final = {
    "SQLITE_FULL": _SPACE,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_CANTOPEN": ("the file cannot be opened", _LOCATION),
    "SQLITE_PERM": ("the file cannot be opened", _LOCATION),
    "SQLITE_CORRUPT": (
        "the file is damaged",
        "Restore it from a backup, or move it away: a new journal does not know what was applied.",
    ),
    "SQLITE_NOTADB": ("the file is not a database", _LOCATION),
    "SQLITE_IOERR": ("the disk failed", "Check the disk, then run the same command again."),
}

# By the beginning of the SQLSTATE; the longest that fits is meant.
_POSTGRESQL: Final = {
    "08": _LOST,
    "25006": _READ_ONLY,
    "28": _SIGN_IN,
    "3D": ("there is no such database", "Make it with `createdb`, or name another in the URL."),
    "42501": (
        "the user lacks a permission",
        "Give the user of the URL a database or a schema that it owns.",
    ),
    "53100": _SPACE,
    "53": ("the server is short of resources", "Run the same command again later."),
    "55P03": _BUSY,
    "57P": _LOST,
}

# The driver gives no SQLSTATE when a connection cannot be made, only the server's sentence.
_SENTENCES: Final = {
    "authentication failed": _SIGN_IN,
    "no password supplied": _SIGN_IN,
    'role "': _SIGN_IN,
    "no pg_hba.conf entry": _SIGN_IN,
    'database "': _POSTGRESQL["3D"],
    "too many": _POSTGRESQL["53"],
    "connection": _LOST,
}


@contextmanager
def mapped(place: Place, doing: str) -> Iterator[None]:
    """Turn every error of the database or the disk into a `JournalError`.

    Args:
        place: the journal.
        doing: what is being done with it, as a participle: "read", "written", "opened".

    Raises:
        JournalError: says what is wrong, where, and what to do.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError) as error:
        reason, advice = explain(error, place.secrets)
        raise JournalError(
            f"The journal {place.shown} cannot be {doing}: {reason}.", advice
        ) from error


def explain(error: Exception, secrets: Sequence[str] = ()) -> Explained:
    """Say what an error means, and what to do about it."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(origin, sqlite3.Error):
        return _explain_sqlite(origin)
    if isinstance(origin, OSError):
        return origin.strerror or "it cannot be used", _LOCATION
    if isinstance(origin, UnicodeError):
        return "a text is not valid Unicode", "Look for broken characters in ids and reasons."
    return _explain_postgresql(origin, secrets)


def _explain_sqlite(error: sqlite3.Error) -> Explained:
    name = getattr(error, "sqlite_errorname", "")
    for beginning, explained in _SQLITE.items():
        if name.startswith(beginning):
            return explained
    return f"SQLite refused it ({error})", _LOCATION


def _explain_postgresql(error: BaseException, secrets: Sequence[str]) -> Explained:
    state = getattr(error, "sqlstate", None) or ""
    for length in range(5, 1, -1):
        if explained := _POSTGRESQL.get(state[:length]):
            return explained
    said = str(error)
    if not state:
        for sentence, explained in _SENTENCES.items():
            if sentence in said:
                return explained
    first = (said.splitlines() or [""])[0].strip().rstrip(".")
    if not first or any(secret in said for secret in secrets):
        return "the database refused it", _LOCATION
    return f"the database refused it ({first})", _LOCATION
