"""Rows of the database as the templates take them, a page at a time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a list: its rows, and after which key the next one begins, if there is one."""

    rows: list[dict[str, Any]]
    next: str | None


def rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    """Return what a query finds, each row by the names of its columns."""
    return [dict(row) for row in connection.execute(query).mappings()]


def slice_of(connection: Connection, query: Any, most: int, key: str = "id") -> Slice:
    """Return the first rows of an ordered query, and whether there are more."""
    found = rows(connection, query.limit(most + 1))
    shown = found[:most]
    return Slice(shown, str(shown[-1][key]) if len(found) > most else None)
