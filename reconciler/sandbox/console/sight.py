"""Whom people see, and what their menu shows: the platform's rules, asked of the database.

The same rules as the client's `access` (design, section 2, "Descendants" and "Menu rule"), written
anew on purpose: where the two disagree, one of them is wrong.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import CTE, Connection, Select, exists, literal, or_, select

from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.console.rows import Slice, rows, slice_of

SUPERVISOR: Final = "supervisor"
"""The one entry of who has both roles; it stands under the headteacher's tool name."""

LEARNERS_SHOWN: Final = 200

_UNITS, _MEMBERSHIPS = 500, 3_000
"""So many are looked at: more than a large school has. Who has more, as the headteacher of a
municipality, sees more than are counted; a page of them would otherwise take a minute."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Whom somebody sees by a role.

    Attributes:
        learners: their ids, in order; of very many, some.
        whole: whether these are all of them.
    """

    learners: Sequence[str]
    whole: bool


def sights(
    connection: Connection, assigned: Mapping[str, Iterable[Mapping[str, Any]]], day: date
) -> dict[str, Sight]:
    """Return per person whom they see by what is assigned to them, each a `kind` and `target`."""
    of_units: dict[frozenset[str], Sight] = {}
    found = {}
    for person, assignments in assigned.items():
        targets = [(each["kind"], each["target"]) for each in assignments]
        units = frozenset(target for kind, target in targets if kind != TargetKind.LEARNER)
        if units not in of_units:
            of_units[units] = _learners_in(connection, units, day)
        alone = [target for kind, target in targets if kind == TargetKind.LEARNER]
        seen = of_units[units]
        learners = sorted({*alone, *seen.learners}) if alone else seen.learners
        found[person] = Sight(learners, seen.whole)
    return found


def _learners_in(connection: Connection, units: Collection[str], day: date) -> Sight:
    """Return the learners in units and below them, in order."""
    if not units:
        return Sight([], whole=True)
    # Two questions: a database that is asked one does not know how few units there will be, and
    # reads all memberships first.
    below = _some(connection, select(_and_below(units)), _UNITS)
    members = tables.memberships.c
    of_them = select(members.person).where(members.unit.in_(below), *_learns_on(day))
    learners = _some(connection, of_them, _MEMBERSHIPS)
    return Sight(sorted(set(learners)), len(below) <= _UNITS and len(learners) <= _MEMBERSHIPS)


def _some(connection: Connection, query: Select[Any], most: int) -> Sequence[str]:
    return connection.execute(query.limit(most + 1)).scalars().all()


def _and_below(units: Collection[str] | Select[Any]) -> CTE:
    """Return units and all below them."""
    own = tables.units.c
    below = select(own.id.label("unit")).where(own.id.in_(units)).cte("below", recursive=True)
    return below.union(select(own.id).join(below, own.parent == below.c.unit))


def _learns_on(day: date) -> Sequence[Any]:
    """Begin included, end not; both are text in ISO form, which sorts as days do."""
    members, today = tables.memberships.c, day.isoformat()
    return (
        members.role == MembershipRole.LEARNER.value,
        members.begin <= today,
        or_(members.end == tables.OPEN, members.end > today),
    )


def named(connection: Connection, learners: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what some learners are called, by their ids."""
    people = tables.people.c
    query = select(people.id, people.name, people.sync_key).where(people.id.in_(learners))
    return {row["id"]: row for row in rows(connection, query)}


def learners_of(
    connection: Connection, role: Role, person: str, sight: Sight, day: date, after: str
) -> Slice:
    """Return some of the learners whom a person sees by a role, by id; `sight` is what is known."""
    people, members, own = tables.people.c, tables.memberships.c, tables.assignments.c
    query: Select[Any] = (
        select(people.id, people.name, people.sync_key).where(people.id > after).order_by(people.id)
    )
    if sight.whole:
        following = sight.learners[bisect_right(sight.learners, after) :]
        return slice_of(
            connection, query.where(people.id.in_(following[: LEARNERS_SHOWN + 1])), LEARNERS_SHOWN
        )
    # So many are met soon enough by going through the people.
    targets = select(own.target).where(own.role == role.value, own.person == person)
    units = targets.where(own.kind != TargetKind.LEARNER.value)
    below = select(_and_below(units).c.unit)
    learns = exists().where(members.person == people.id, members.unit.in_(below), *_learns_on(day))
    alone = targets.where(own.kind == TargetKind.LEARNER.value, own.target == people.id).exists()
    return slice_of(connection, query.where(or_(learns, alone)), LEARNERS_SHOWN)


def shown(connection: Connection, person: str, day: date) -> dict[Role, Sight]:
    """Return the roles whose entry the menu rule gives a person, with whom they see by each."""
    own = tables.assignments.c
    found = {}
    for role in Role:
        if not _is_able(connection, role, person):
            continue
        query = select(own.kind, own.target).where(own.role == role.value, own.person == person)
        assigned = rows(connection, query)
        sight = sights(connection, {person: assigned}, day)[person]
        # A mentor needs a learner, a headteacher only something that is assigned.
        if sight.learners if role is Role.MENTOR else assigned:
            found[role] = sight
    return found


def entry_of(roles: Collection[Role]) -> tuple[str, Role] | None:
    """Return the one entry of who is shown these roles, and the role whose tool name it has."""
    if len(roles) == len(Role):
        return SUPERVISOR, Role.HEADTEACHER
    return next(((role, role) for role in roles), None)


def _is_able(connection: Connection, role: Role, person: str) -> bool:
    """Whether somebody has a role, it is enabled on their profile, and they can sign in."""
    people, profiles, holders = tables.people.c, tables.profiles.c, tables.holders.c
    able = (
        select(profiles.roles)
        .join(tables.people, people.profile == profiles.id)
        .join(tables.holders, holders.person == people.id)
        .where(people.id == person, people.active, holders.role == role.value)
    )
    return role in (connection.execute(able).scalar() or ())


def supervisors(connection: Connection, learner: str, day: date) -> list[dict[str, Any]]:
    """Return who can see a learner, with the role: what the learner's profile card shows.

    An assignment counts while its role is enabled on its holder's profile.
    """
    members, units, own = tables.memberships.c, tables.units.c, tables.assignments.c
    above = (
        select(members.unit)
        .where(members.person == learner, *_learns_on(day))
        .cte("above", recursive=True)
    )
    above = above.union(
        select(units.parent).join(above, units.id == above.c.unit).where(units.parent.is_not(None))
    )
    people = tables.people.c
    query = (
        select(own.role, people.id, people.name, people.profile)
        .join(tables.people, people.id == own.person)
        .where(
            or_(
                (own.kind == TargetKind.LEARNER.value) & (own.target == literal(learner)),
                (own.kind != TargetKind.LEARNER.value) & own.target.in_(select(above.c.unit)),
            )
        )
        .distinct()
        .order_by(own.role.desc(), people.name, people.id)
    )
    profiles = select(tables.profiles.c.id, tables.profiles.c.roles)
    enabled = {row["id"]: row["roles"] for row in rows(connection, profiles)}
    return [row for row in rows(connection, query) if row["role"] in enabled[row["profile"]]]
