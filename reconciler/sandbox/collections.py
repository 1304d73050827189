"""The collections of the API: one table of what each is, and one way to read a page.

Pages are ordered by natural key and continue after the last key of the page before. A cursor is
signed, so that a damaged one is told from an old one, and pins the collection's revision.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Connection, Row, Table, select, tuple_

from reconciler.sandbox import tables
from reconciler.sandbox.problems import Problem

COLLECTIONS: Final[Mapping[str, Table]] = MappingProxyType(
    {
        table.name: table
        for table in (
            tables.profiles,
            tables.labels,
            tables.people,
            tables.units,
            tables.memberships,
            tables.relations,
            tables.holders,
            tables.assignments,
        )
    }
)


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of which database's collection is being read.

    Attributes:
        database: the database's random id.
        collection: the collection's name.
        revision: the site's revision at the collection's last change.
    """

    database: str
    collection: str
    revision: int

    @property
    def etag(self) -> str:
        """The collection's strong ETag, without the quotes; no page or limit enters it."""
        text = f"{self.database}/{self.collection}/{self.revision}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def version(connection: Connection, collection: str) -> Version:
    """Return the version of a collection as it is now."""
    database = connection.execute(select(tables.site.c.database_id)).scalar_one()
    revision = connection.execute(
        select(tables.collections.c.revision).where(tables.collections.c.name == collection)
    ).scalar_one()
    return Version(database, collection, revision)


def after(cursor: str, current: Version) -> list[str]:
    """Return the natural key after which a cursor continues.

    Raises:
        Problem: the cursor is damaged or another collection's (422), or of an older revision (410).
    """
    try:
        revision, key = _serializer(current).loads(cursor)
    except BadData:
        raise Problem(
            "invalid_cursor", f"the cursor is not one that {current.collection} gave out"
        ) from None
    if revision != current.revision:
        raise Problem(
            "cursor_expired",
            f"{current.collection} changed since this cursor was made; begin again without one",
        )
    return list(key)


def page(
    connection: Connection, current: Version, limit: int, key: list[str] | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Read one page.

    Args:
        connection: where to read.
        current: the collection's version.
        limit: the most items to return.
        key: the natural key to continue after, or None from the beginning.

    Returns:
        The items, and the cursor of the next page or None.
    """
    table = COLLECTIONS[current.collection]
    columns = list(table.primary_key.columns)
    query = select(table).order_by(*columns).limit(limit + 1)
    if key is not None:
        query = query.where(tuple_(*columns) > tuple_(*key))
    rows = connection.execute(query).all()
    following = None
    if len(rows) > limit:
        last = dict(zip(table.columns, rows[limit - 1], strict=True))
        following = str(
            _serializer(current).dumps([current.revision, [last[column] for column in columns]])
        )
    return as_items(table, rows[:limit]), following


def as_items(table: Table, rows: Iterable[Row[*tuple[Any, ...]]]) -> list[dict[str, Any]]:
    """Turn whole rows of a table into the API's items: the columns as they are, open dates null."""
    names = table.columns.keys()
    # To ask each row for its names takes five times as long.
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for name in {"begin", "end"}.intersection(names):
        for item in found:
            item[name] = item[name] if item[name] != tables.OPEN else None
    return found


def _serializer(current: Version) -> URLSafeSerializer:
    return URLSafeSerializer(current.database, salt=f"cursor/{current.collection}")
