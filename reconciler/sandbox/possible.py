"""Whether what stands in the tables is a possible site (design, section 2).

That nothing stands there twice, the tables' keys have seen to.
"""

from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    exists,
    func,
    not_,
    or_,
    select,
)

from reconciler.domain.vocabulary import TARGET_KINDS, TargetKind, UnitKind
from reconciler.sandbox import tables

_people, _units, _assigned = tables.people.c, tables.units.c, tables.assignments.c
_members, _relations, _holders = tables.memberships.c, tables.relations.c, tables.holders.c


def what_is_wrong(connection: Connection) -> str | None:
    """Return the first reason why this cannot be a site, naming the item, or None."""
    if not connection.execute(select(func.count()).select_from(tables.site)).scalar():
        return "it says nothing of the site itself"
    wrong = _wrong_units(connection)
    for columns, is_wrong, sentence in _WRONG:
        if wrong is None:
            found = connection.execute(select(*columns).where(is_wrong).limit(1)).first()
            wrong = sentence.format(*found) if found else None
    return wrong


def _wrong_units(connection: Connection) -> str | None:
    # They are few beside the people, and to climb is easier here than in SQL.
    found = connection.execute(select(_units.id, _units.parent, _units.kind).order_by(_units.id))
    units: dict[str, Row[Any, Any, Any]] = {unit.id: unit for unit in found}
    roots = [unit for unit in units.values() if unit.parent is None]
    if len(roots) != 1 or roots[0].kind != UnitKind.ORGANISATION:
        return f"it needs one root unit, an organisation, and has {len(roots)} root units"
    for unit in units.values():
        if unit.parent is not None and unit.parent not in units:
            return f"the unit {unit.id} has an unknown parent {unit.parent}"
    for unit in units.values():
        above: set[str] = set()
        at = unit
        while at.parent is not None:
            above.add(at.id)
            at = units[at.parent]
            if at.id in above:
                return f"the unit {unit.id} lies below itself"
            if unit.kind == at.kind == UnitKind.SCHOOL:
                return f"the school {unit.id} lies under the school {at.id}"
    return None


def _unknown(column: Column[Any], known: Column[Any]) -> ColumnElement[bool]:
    return not_(exists().where(known == column))


_allowed: Final = or_(
    *(
        and_(_assigned.role == role.value, _assigned.kind.in_([kind.value for kind in kinds]))
        for role, kinds in TARGET_KINDS.items()
    )
)
_target_there: Final = case(
    (_assigned.kind == TargetKind.LEARNER.value, exists().where(_people.id == _assigned.target)),
    else_=exists().where(_units.id == _assigned.target, _units.kind == _assigned.kind),
)
_held: Final = exists().where(_holders.role == _assigned.role, _holders.person == _assigned.person)
_assignment: Final = (_assigned.role, _assigned.person, _assigned.kind, _assigned.target)

_WRONG: Final[tuple[tuple[tuple[Column[Any], ...], ColumnElement[bool], str], ...]] = (
    (
        (_people.id, _people.profile),
        _unknown(_people.profile, tables.profiles.c.id),
        "the person {} has an unknown profile {}",
    ),
    (
        (_members.person, _members.unit),
        or_(_unknown(_members.unit, _units.id), _unknown(_members.person, _people.id)),
        "the membership of {} in {} leads nowhere",
    ),
    (
        (_relations.person, _relations.learner),
        or_(_unknown(_relations.person, _people.id), _unknown(_relations.learner, _people.id)),
        "the relation of {} to {} leads nowhere",
    ),
    (
        (_holders.role, _holders.person),
        _unknown(_holders.person, _people.id),
        "the holder {}/{} is an unknown person",
    ),
    (_assignment, not_(_held), "the assignment {}/{}/{}/{} belongs to no holder"),
    (
        _assignment,
        not_(_allowed),
        "the assignment {}/{}/{}/{} is of a kind that the role cannot be assigned",
    ),
    (_assignment, not_(_target_there), "the assignment {}/{}/{}/{} has an unknown target"),
)
"""What to tell of a row, where it is wrong, and the sentence."""
