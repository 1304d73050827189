"""What the console's overview shows, read in one go."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from reconciler.domain.vocabulary import DEFAULT_LABELS, TARGET_KINDS, Role, TargetKind
from reconciler.sandbox import tables

HOLDERS_ON_A_PAGE: Final = 100


def overview(connection: Connection, after: Mapping[Role, str]) -> dict[str, Any]:
    """Return the site, its roles with a page of their holders each, and its profiles.

    Args:
        connection: where to read.
        after: per role the person after whom the page begins.
    """
    labels = {row["role"]: dict(row) for row in _rows(connection, select(tables.labels))}
    return {
        "site": _rows(connection, select(tables.site))[0],
        "profiles": _rows(connection, select(tables.profiles).order_by(tables.profiles.c.id)),
        "roles": [
            {
                "role": role.value,
                "default": DEFAULT_LABELS[role],
                "labels": labels[role.value],
                "kinds": [kind.value for kind in TARGET_KINDS[role]],
                **_holders(connection, role, after.get(role, "")),
            }
            for role in Role
        ],
    }


def recent_events(connection: Connection, count: int) -> list[dict[str, Any]]:
    """Return the last events, the newest first."""
    query = select(tables.events).order_by(tables.events.c.revision.desc()).limit(count)
    return _rows(connection, query)


def _holders(connection: Connection, role: Role, after: str) -> dict[str, Any]:
    holders, people = tables.holders.c, tables.people.c
    rows = _rows(
        connection,
        select(people.id, people.name)
        .join(tables.holders, holders.person == people.id)
        .where(holders.role == role.value, holders.person > after)
        .order_by(holders.person)
        .limit(HOLDERS_ON_A_PAGE + 1),
    )
    shown = rows[:HOLDERS_ON_A_PAGE]
    assignments = _assignments(connection, role, [row["id"] for row in shown])
    return {
        "holders": [{**row, "assignments": assignments[row["id"]]} for row in shown],
        "next": shown[-1]["id"] if len(rows) > HOLDERS_ON_A_PAGE else None,
    }


def _assignments(
    connection: Connection, role: Role, persons: list[str]
) -> defaultdict[str, list[dict[str, Any]]]:
    own, units, learners = tables.assignments.c, tables.units.c, tables.people.c
    is_learner = own.kind == TargetKind.LEARNER.value
    query = (
        select(own.person, own.kind, own.target, units.title, learners.name)
        .join(tables.units, and_(units.id == own.target, ~is_learner), isouter=True)
        .join(tables.people, and_(learners.id == own.target, is_learner), isouter=True)
        .where(own.role == role.value, own.person.in_(persons))
        .order_by(own.person, own.kind, own.target)
    )
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(connection, query):
        found[row["person"]].append({**row, "shown": row["title"] or row["name"]})
    return found


def _rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
