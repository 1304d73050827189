"""Whom people see, and what their menu shows: the platform's rules, asked of the database.

The same rules as the client's `access` (design, section 2, "Descendants" and "Menu rule"), written
anew on purpose: where the two disagree, one of them is wrong.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import CTE, CompoundSelect, Connection, Select, func, literal, or_, select, union

from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.console.rows import Part, part, rows

SUPERVISOR: Final = "supervisor"
"""The one entry of who has both roles; it stands under the headteacher's tool name."""


def seen(role: Role, people: Collection[str], day: date) -> CTE:
    """Return who sees whom by a role's assignments: the columns `person` and `learner`."""
    own, units, members = tables.assignments.c, tables.units.c, tables.memberships.c
    of_role = (own.role == role.value, own.person.in_(people))
    below = (
        select(own.person, own.target.label("unit"))
        .where(*of_role, own.kind != TargetKind.LEARNER.value)
        .cte("below", recursive=True)
    )
    below = below.union(select(below.c.person, units.id).join(below, units.parent == below.c.unit))
    in_units = (
        select(below.c.person, members.person.label("learner"))
        .join(below, members.unit == below.c.unit)
        .where(members.role == MembershipRole.LEARNER.value, *_holds_on(day))
    )
    one_by_one = select(own.person, own.target.label("learner")).where(
        *of_role, own.kind == TargetKind.LEARNER.value
    )
    return union(in_units, one_by_one).cte("seen")


def _holds_on(day: date) -> Sequence[Any]:
    """Begin included, end not; both are text in ISO form, which sorts as days do."""
    members, today = tables.memberships.c, day.isoformat()
    return (members.begin <= today, or_(members.end == tables.OPEN, members.end > today))


def count_learners(connection: Connection, role: Role, person: str, day: date) -> int:
    """Return how many learners a person sees by a role."""
    found = seen(role, [person], day)
    return int(connection.execute(select(func.count()).select_from(found)).scalar_one())


def first_learners(
    connection: Connection, role: Role, people: Collection[str], day: date, most: int
) -> dict[str, list[dict[str, Any]]]:
    """Return per person the first learners whom they see by a role, by id, at most so many each.

    Each of them says in `all` how many the person sees.
    """
    if not people:
        return {}
    found, learners = seen(role, people, day), tables.people.c
    place = func.row_number().over(partition_by=found.c.person, order_by=found.c.learner)
    number = func.count().over(partition_by=found.c.person)
    placed = select(found, place.label("place"), number.label("all")).subquery()
    query = (
        select(placed.c.person, placed.c.all, learners.id, learners.name, learners.sync_key)
        .join(tables.people, learners.id == placed.c.learner)
        .where(placed.c.place <= most)
        .order_by(placed.c.person, placed.c.place)
    )
    named: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(connection, query):
        named[row["person"]].append(row)
    return named


def learners_of(
    connection: Connection, role: Role, person: str, day: date, after: str, most: int
) -> Part:
    """Return some of the learners whom a person sees by a role, by id."""
    found, people = seen(role, [person], day), tables.people.c
    query: Select[Any] = (
        select(people.id, people.name, people.sync_key)
        .join(found, found.c.learner == people.id)
        .where(people.id > after)
        .order_by(people.id)
    )
    return part(connection, query, most)


def roles_shown(connection: Connection, person: str, day: date) -> list[Role]:
    """Return the roles whose entry the menu rule gives a person."""
    return [role for role in Role if _shows(connection, role, person, day)]


def entry_of(shown: Sequence[Role]) -> tuple[str, Role] | None:
    """Return the one entry of who is shown these roles, and the role whose tool name it has."""
    if not shown:
        return None
    return (SUPERVISOR, Role.HEADTEACHER) if len(shown) == len(Role) else (shown[0], shown[0])


def _shows(connection: Connection, role: Role, person: str, day: date) -> bool:
    people, profiles, holders = tables.people.c, tables.profiles.c, tables.holders.c
    able = (
        select(profiles.roles)
        .join(tables.people, people.profile == profiles.id)
        .join(tables.holders, holders.person == people.id)
        .where(people.id == person, people.active, holders.role == role.value)
    )
    if role not in (connection.execute(able).scalar() or ()):
        return False
    if role is Role.MENTOR:
        found = seen(role, [person], day)
        linked: Select[Any] | CompoundSelect[Any] = select(found.c.learner)
    else:
        own = tables.assignments.c
        linked = select(own.target).where(own.role == role.value, own.person == person)
    return connection.execute(linked.limit(1)).first() is not None


def supervisors(connection: Connection, learner: str, day: date) -> list[dict[str, Any]]:
    """Return who can see a learner, with the role: what the learner's profile card shows.

    An assignment counts while its role is enabled on its holder's profile.
    """
    members, units, own = tables.memberships.c, tables.units.c, tables.assignments.c
    above = (
        select(members.unit)
        .where(
            members.person == learner, members.role == MembershipRole.LEARNER.value, *_holds_on(day)
        )
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
