"""Fills a fresh site's tables from a seed, in bulk, and checks it as a whole where it then stands.

A seed comes in parts: the name of a collection (or `site`) and some of its items. No more than a
part is held at once, so that a million assignments take no more memory than a thousand.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Table, insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from reconciler.domain.vocabulary import Role
from reconciler.sandbox import tables
from reconciler.sandbox.collections import COLLECTIONS
from reconciler.sandbox.contents import row_with
from reconciler.sandbox.items import LabelsItem, MembershipItem, Shape, SiteItem
from reconciler.sandbox.options import SandboxRefused
from reconciler.sandbox.possible import what_is_wrong
from reconciler.sandbox.search import words_of

Part = tuple[str, Sequence[Shape]]
"""The name of a collection, or `site`, and items of it."""

SITE: Final = tables.site.name

_ROWS_AT_ONCE: Final = 10_000
_FIRST_REVISION: Final = 1

_NAMES: Final = {
    tables.profiles: ("profile", " "),
    tables.labels: ("label", " "),
    tables.people: ("person", " "),
    tables.units: ("unit", " "),
    tables.memberships: ("membership", " "),
    tables.relations: ("relation", " "),
    tables.holders: ("holder", "/"),
    tables.assignments: ("assignment", "/"),
}
"""What messages call an item, and what stands between the parts of its key."""


def load(connection: Connection, parts: Iterable[Part], path: Path | None) -> None:
    """Fill the empty tables with a site.

    Args:
        connection: in a transaction, which undoes all of it when the seed is refused.
        parts: the seed.
        path: the seed's, for messages; None is the built-in one.

    Raises:
        SandboxRefused: the seed is no possible site.
    """
    with possible(path):
        fill(connection, parts)
        # What stands there now is all new, and the checks join all of it.
        connection.exec_driver_sql("ANALYZE")
        check(connection)


@contextmanager
def possible(path: Path | None) -> Iterator[None]:
    """Say of which seed it is that the site would be impossible.

    Raises:
        SandboxRefused: in the place of `Impossible`.
    """
    try:
        yield
    except Impossible as impossible:
        named = path or "that is built in"
        raise SandboxRefused(f"the seed {named} is not a possible site: {impossible}") from None


def check(connection: Connection) -> None:
    """Look whether what stands there is a possible site.

    Raises:
        Impossible: it is not.
    """
    wrong = what_is_wrong(connection)
    if wrong is not None:
        raise Impossible(wrong)


def fill(connection: Connection, parts: Iterable[Part]) -> None:
    """Write down a seed, without looking whether it is a possible site."""
    labelled: set[str] = set()
    for name, items in parts:
        if name == SITE:
            _add_site(connection, items)
            continue
        labelled.update(item.role.value for item in items if isinstance(item, LabelsItem))
        add(connection, name, items)
    unlabelled = [LabelsItem(role=role) for role in Role if role.value not in labelled]
    _add(connection, tables.labels, [_row(item) for item in unlabelled])
    connection.execute(
        insert(tables.collections),
        [{"name": name, "revision": _FIRST_REVISION} for name in COLLECTIONS],
    )


def add(connection: Connection, name: str, items: Iterable[Shape]) -> None:
    """Add items to a collection, and what finds people.

    Raises:
        Impossible: an item stands there twice.
    """
    table = COLLECTIONS[name]
    rows = [_row(item) for item in items]
    _add(connection, table, rows)
    if table is tables.people:
        _add(connection, tables.found_by, [each for row in rows for each in _found_by(row)])


def in_parts(name: str, items: Iterable[Shape]) -> Iterator[Part]:
    """Yield a collection's items in parts that are not too large."""
    remaining = iter(items)
    while chunk := list(islice(remaining, _ROWS_AT_ONCE)):
        yield name, chunk


class Impossible(Exception):
    """This can be no site: an item stands there twice, say. Says which."""


def _add_site(connection: Connection, items: Sequence[Shape]) -> None:
    for site in items:
        assert isinstance(site, SiteItem)  # noqa: S101 - narrows what the part is named
        row = {
            "id": site.id,
            "name": site.name,
            "revision": _FIRST_REVISION,
            "ilp_enabled": site.ilp.enabled,
            "ilp_published_templates": site.ilp.published_templates,
            "database_id": secrets.token_hex(16),
        }
        connection.execute(insert(tables.site), row)


def _row(item: Shape) -> dict[str, Any]:
    row = item.model_dump(mode="json")
    if isinstance(item, MembershipItem):
        row["begin"] = row["begin"] or tables.OPEN
        row["end"] = row["end"] or tables.OPEN
    if "roles" in row:
        row["roles"] = sorted(row["roles"])
    return row


def _found_by(person: Mapping[str, Any]) -> list[dict[str, str]]:
    texts = (person[name] for name in ("name", "username", "sync_key", "email"))
    return [{"person": person["id"], "word": word} for word in words_of(*texts)]


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    try:
        with connection.begin_nested():
            if "roles" in table.columns:
                connection.execute(insert(table), rows)
            else:
                _add_plain(connection, table, rows)
    except IntegrityError as error:
        raise Impossible(_twice(connection, table, rows)) from error


def _add_plain(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Add rows whose values need no conversion, past everything that would look at each of them."""
    names = table.columns.keys()
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, names))})"
    values = list(map(itemgetter(*names), rows))
    if connection.dialect.name == "postgresql":
        _copy(connection, into, values)
    else:
        places = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({places})", values)  # noqa: S608 - our own names


def _copy(connection: Connection, into: str, values: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.dialect.loaded_dbapi
    raw: Any = connection.connection
    try:
        with raw.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
    except driver.Error as error:
        told = DBAPIError.instance(into, None, error, driver.Error, dialect=connection.dialect)
        raise told from error


def _twice(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> str:
    """Return which of the rows stands there twice, among them or beside what was added before."""
    name, between = _NAMES[table]
    unique = [(list(table.primary_key.columns), name)]
    unique += [
        (list(index.columns), _named(name, index)) for index in table.indexes if index.unique
    ]
    for columns, what in unique:
        stands = row_with(*columns)
        seen: set[tuple[str, ...]] = set()
        for row in rows:
            key = tuple(row[column.name] for column in columns)
            if None in key:
                continue
            if key in seen or stands(connection, *key):
                shown = [part for column, part in zip(columns, key, strict=True) if _told(column)]
                return f"the {what} {between.join(shown).strip()} stands there twice"
            seen.add(key)
    return f"a {name} stands there twice"


def _named(name: str, index: Index) -> str:
    (column,) = index.columns
    return f"{name} with the {column.name.replace('_', ' ')}"


def _told(column: Column[Any]) -> bool:
    return column is not tables.relations.c.kind  # there is one kind
