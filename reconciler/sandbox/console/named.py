"""What the ids in an address are called, for people who know names and keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, select

from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.changes import read_address


@dataclass(frozen=True, slots=True)
class Named:
    """An id in an address, and what it stands for.

    Attributes:
        id: the platform's.
        name: a person's or profile's name, or a unit's title.
        key: by which manifests name it, if it has one.
    """

    id: str
    name: str
    key: str | None

    def __str__(self) -> str:
        keys = [self.key] if self.key and self.key not in (self.id, self.name) else []
        return f"{self.id}: {', '.join((self.name, *keys))}"


@dataclass(frozen=True, slots=True)
class Called:
    """An address as people know it.

    Attributes:
        keys: the same address in the manifest's keys, as far as there are some.
        things: what is named in it, as far as it is on the site.
    """

    keys: str
    things: tuple[Named, ...]


def called(connection: Connection, addresses: Iterable[str]) -> dict[str, Called]:
    """Return per address what it says in names and keys; `tables.ILP` is none."""
    read = {text: read_address(text) for text in addresses if text != tables.ILP}
    wanted = {(of, each) for address in read.values() for _, of, each in _ids(address)}
    known: dict[tuple[str, str], Named] = {}
    for table, (name, key) in _CALLED.items():
        ids = [each for of, each in wanted if of == table.name]
        query = select(table.c.id, name, key).where(table.c.id.in_(ids))
        known |= {(table.name, row[0]): Named(*row) for row in connection.execute(query)}
    return {text: _called(address, known) for text, address in read.items()}


def _called(address: Address, known: dict[tuple[str, str], Named]) -> Called:
    parts, things = [*address.parts], []
    for at, table, each in _ids(address):
        thing = known.get((table, each))
        if thing is not None:
            parts[at] = thing.key or each
            things.append(thing)
    return Called(str(Address(address.kind, tuple(parts))), tuple(things))


_CALLED: Final[dict[Table, tuple[Column[Any], Column[Any]]]] = {
    tables.profiles: (tables.profiles.c.name, tables.profiles.c.name),
    tables.people: (tables.people.c.name, tables.people.c.sync_key),
    tables.units: (tables.units.c.title, tables.units.c.sync_key),
}
"""Per table of what an address names, its name and its key."""


def _ids(address: Address) -> list[tuple[int, str, str]]:
    """Return the ids in an address: which part each is, and the name of the table that knows it."""
    match address.kind, address.parts:
        case AddressKind.PROFILE, (profile, _):
            return [(0, tables.profiles.name, profile)]
        case AddressKind.HOLDER, (_, person):
            return [(1, tables.people.name, person)]
        case AddressKind.ASSIGNMENT, (_, person, kind, target):
            of = tables.people if kind == TargetKind.LEARNER else tables.units
            return [(1, tables.people.name, person), (3, of.name, target)]
    return []
