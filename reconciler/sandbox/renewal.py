"""A newer directory for a site that is there, as a platform takes one from the school system.

People, units, memberships and relations come from the school system; who has which role does not.
People and units are the same where their sync keys are, and keep their ids: what is assigned to
them stays. Whoever the school system does not have any more keeps the account, which is in use no
longer; a unit stays where it is, without members. What was made by hand, without a sync key, stays
as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, String, Table, bindparam, delete, select, update

from reconciler.sandbox import tables
from reconciler.sandbox.items import MembershipItem, PersonItem, RelationItem, Shape, UnitItem
from reconciler.sandbox.loading import Part, add, check

RENEWED: Final = tuple(
    each.name for each in (tables.people, tables.units, tables.memberships, tables.relations)
)
"""The collections that come from the school system."""


def renew(connection: Connection, parts: Iterable[Part]) -> None:
    """Put a newer directory in the place of the one that is there.

    Args:
        connection: in a transaction, which undoes all of it when the directory is refused.
        parts: of a seed; what it says of roles is passed over.

    Raises:
        Impossible: with this directory the site would not be a possible one.
    """
    items: dict[str, list[Any]] = {name: [] for name in RENEWED}
    for name, some in parts:
        if name in items:
            items[name] += (each for each in some if getattr(each, "sync_key", "") is not None)
    people = _Ids(connection, tables.people, items["people"])
    units = _Ids(connection, tables.units, items["units"])
    profiles = dict(_pairs(connection, tables.people, "id", "profile"))
    _forget(connection, people, units)
    add(connection, "people", list(_people(items["people"], people, profiles)))
    add(connection, "units", list(_units(items["units"], units)))
    add(connection, "memberships", list(_memberships(items["memberships"], people, units)))
    add(connection, "relations", list(_relations(items["relations"], people)))
    check(connection)


class _Ids:
    """The ids that a seed's people or units have on the site, by the ids of the seed.

    Attributes:
        kept: the ids of those on the site that the seed has, too.
        gone: of those that it does not have.
    """

    def __init__(
        self, connection: Connection, table: Table, items: Iterable[PersonItem | UnitItem]
    ) -> None:
        known = dict(_pairs(connection, table, "sync_key", "id"))
        taken = {id_ for id_, _ in _pairs(connection, table, "id", "id")}
        known.pop(None, None)
        self._of: dict[str, str] = {}
        for each in items:
            free = chain([each.id], (f"{each.id}-{number}" for number in count(2)))
            id_ = known.get(each.sync_key) or next(id_ for id_ in free if id_ not in taken)
            taken.add(id_)
            self._of[each.id] = id_
        self.kept = set(known.values()) & set(self._of.values())
        self.gone = set(known.values()) - self.kept

    def __getitem__(self, id_: str) -> str:
        return self._of.get(id_, id_)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._of


def _pairs(connection: Connection, table: Table, *names: str) -> Iterator[tuple[Any, Any]]:
    first, second = (table.c[name] for name in names)
    yield from (tuple(row) for row in connection.execute(select(first, second)))


_THIS: Final[BindParameter[str]] = bindparam("this", type_=String)


def _forget(connection: Connection, people: _Ids, units: _Ids) -> None:
    """Take away what comes anew, and the memberships in what has a sync key."""
    inactive = update(tables.people).values(active=False)
    for statement, column, ids in (
        (delete(tables.people), tables.people.c.id, people.kept),
        (delete(tables.found_by), tables.found_by.c.person, people.kept),
        (inactive, tables.people.c.id, people.gone),
        (delete(tables.memberships), tables.memberships.c.unit, units.kept | units.gone),
        (delete(tables.units), tables.units.c.id, units.kept),
    ):
        if ids:
            connection.execute(statement.where(column == _THIS), [{"this": id_} for id_ in ids])
    connection.execute(delete(tables.relations))


def _people(items: Iterable[PersonItem], ids: _Ids, profiles: Mapping[str, str]) -> Iterator[Shape]:
    """Which profile somebody has is the platform's own affair once they are there."""
    for each in items:
        id_ = ids[each.id]
        yield each.model_copy(update={"id": id_, "profile": profiles.get(id_, each.profile)})


def _units(items: Iterable[UnitItem], ids: _Ids) -> Iterator[Shape]:
    for each in items:
        parent = None if each.parent is None else ids[each.parent]
        yield each.model_copy(update={"id": ids[each.id], "parent": parent})


def _memberships(
    items: Iterable[MembershipItem], people: _Ids, units: _Ids
) -> Iterator[MembershipItem]:
    for each in items:
        if each.unit in units:
            yield each.model_copy(update={"person": people[each.person], "unit": units[each.unit]})


def _relations(items: Iterable[RelationItem], people: _Ids) -> Iterator[Shape]:
    for each in items:
        of = {"person": people[each.person], "learner": people[each.learner]}
        yield each.model_copy(update=of)
