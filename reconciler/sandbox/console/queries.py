"""What the console's pages show, read from the database."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, select

from reconciler.domain.vocabulary import DEFAULT_LABELS, MembershipRole, Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.console.rows import Slice, rows, slice_of
from reconciler.sandbox.search import found, wanted

HOLDERS_SHOWN: Final = 12
PEOPLE_SHOWN: Final = 50
UNITS_SHOWN: Final = 200

_PERSON: Final = (
    tables.people.c.id,
    tables.people.c.sync_key,
    tables.people.c.username,
    tables.people.c.name,
    tables.people.c.active,
    tables.profiles.c.name.label("profile"),
    # What a role needs to have an effect.
    tables.profiles.c.roles,
)


def site(connection: Connection) -> dict[str, Any]:
    """Return the site's row."""
    return rows(connection, select(tables.site))[0]


def profiles(connection: Connection) -> list[dict[str, Any]]:
    """Return the profiles with the roles on them."""
    return rows(connection, select(tables.profiles).order_by(tables.profiles.c.id))


def labels(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return per role its two labels, with what stands for one that is not set."""
    return {
        row["role"]: {**row, "default": DEFAULT_LABELS[Role(row["role"])]}
        for row in rows(connection, select(tables.labels))
    }


def person(connection: Connection, person_id: str) -> dict[str, Any] | None:
    """Return a person, if there is one."""
    found = rows(connection, _people().where(tables.people.c.id == person_id))
    return found[0] if found else None


def search_people(connection: Connection, words: str, after: str, *, learners: bool) -> Slice:
    """Find people by how words of their name, username, key or e-mail address begin.

    Args:
        connection: where to read.
        words: how words of each of them begin; nothing finds nobody.
        after: the id after which the part begins.
        learners: whether only learners are looked for.
    """
    if not wanted(words):
        return Slice([], None)
    query = _people().where(*found(connection, words))
    if learners:
        members = tables.memberships.c
        query = query.where(
            select(members.person)
            .where(members.person == tables.people.c.id)
            .where(members.role == MembershipRole.LEARNER.value)
            .exists()
        )
    by_id = query.where(tables.people.c.id > after).order_by(tables.people.c.id)
    return slice_of(connection, by_id, PEOPLE_SHOWN)


def holders(connection: Connection, role: Role, words: str, after: str) -> Slice:
    """Return those who have been added to a role, or those of them whom a search finds."""
    query = (
        _people()
        .join(tables.holders, tables.holders.c.person == tables.people.c.id)
        .where(tables.holders.c.role == role.value)
    )
    # By the holders' own column: ordered by the people's, SQLite would sort all of them.
    own = tables.holders.c.person
    query = query.where(*found(connection, words), own > after).order_by(own)
    return slice_of(connection, query, HOLDERS_SHOWN)


def holders_among(connection: Connection, role: Role, people: Collection[str]) -> set[str]:
    """Return who of some people has been added to a role."""
    own = tables.holders.c
    query = select(own.person).where(own.role == role.value, own.person.in_(people))
    return set(connection.execute(query).scalars())


def assignments(
    connection: Connection, role: Role, people: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return per person the assignments of a role, each with the name of what it is of."""
    own, units, learners = tables.assignments.c, tables.units.c, tables.people.c
    is_learner = own.kind == TargetKind.LEARNER.value
    query = (
        select(
            *(own.person, own.kind, own.target),
            func.coalesce(units.title, learners.name).label("shown"),
            func.coalesce(units.sync_key, learners.sync_key, own.target).label("key"),
        )
        .join(tables.units, and_(units.id == own.target, ~is_learner), isouter=True)
        .join(tables.people, and_(learners.id == own.target, is_learner), isouter=True)
        .where(own.role == role.value, own.person.in_(people))
        .order_by(own.person, own.kind, own.target)
    )
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(connection, query):
        found[row["person"]].append(row)
    return found


def path_to(connection: Connection, unit: str) -> list[dict[str, Any]]:
    """Return a unit and those above it, the topmost first; nothing where there is no such unit."""
    found: list[dict[str, Any]] = []
    above: str | None = unit
    while above is not None and all(above != each["id"] for each in found):
        here = rows(connection, select(tables.units).where(tables.units.c.id == above))
        found += here
        above = here[0]["parent"] if here else None
    return found[::-1]


def units_below(connection: Connection, unit: str | None, after: str) -> Slice:
    """Return the units right below one, or the topmost ones."""
    parent = tables.units.c.parent
    query = select(tables.units).where(parent.is_(None) if unit is None else parent == unit)
    return slice_of(
        connection,
        query.where(tables.units.c.id > after).order_by(tables.units.c.id),
        UNITS_SHOWN,
    )


def _people() -> Select[Any]:
    profile = tables.people.c.profile == tables.profiles.c.id
    return select(*_PERSON).select_from(tables.people).join(tables.profiles, profile)
