"""A roster, of whatever format, as a fresh site (design, section 2).

The site's own ids are numbers in file order, so that nobody mistakes a sourcedId for an id. Live
roles begin empty: no role enabled, nobody added.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain, count
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
)
from reconciler.domain.vocabulary import UNIT_TITLE_LIMIT, MembershipRole, UnitKind
from reconciler.sandbox.items import (
    Ilp,
    MembershipItem,
    PersonItem,
    RelationItem,
    SiteItem,
    UnitItem,
    first_mistake,
)
from reconciler.sandbox.loading import SITE, Part, in_parts
from reconciler.sandbox.profiles import (
    ADMINISTRATOR,
    PARENT,
    STAFF,
    STUDENT,
    default_profiles,
)

_FIRST_PERSON: Final = 10_001
_FIRST_UNIT: Final = 1
_OWN_ROOT: Final = "roster"

_PROFILES: Final[Mapping[RosterRole, str]] = MappingProxyType(
    {
        RosterRole.STUDENT: STUDENT,
        RosterRole.ADMINISTRATOR: ADMINISTRATOR,
        RosterRole.PRINCIPAL: ADMINISTRATOR,
        RosterRole.PARENT: PARENT,
        RosterRole.GUARDIAN: PARENT,
        RosterRole.RELATIVE: PARENT,
    }
)
"""Everybody else is Staff."""

_MEMBERSHIPS: Final[Mapping[RosterRole, MembershipRole]] = MappingProxyType(
    {
        RosterRole.STUDENT: MembershipRole.LEARNER,
        RosterRole.TEACHER: MembershipRole.TEACHER,
        RosterRole.AIDE: MembershipRole.TEACHER,
        RosterRole.ADMINISTRATOR: MembershipRole.ADMINISTRATOR,
        RosterRole.PRINCIPAL: MembershipRole.ADMINISTRATOR,
    }
)
"""Other roles, a parent's at their child's school say, make nobody a member."""


_Item = TypeVar("_Item", PersonItem, UnitItem)


class NotTaken(Exception):
    """The platform takes no such value, a key of that length say; names file and row, no value."""


def parts_of_roster(roster: Roster) -> Iterator[Part]:
    """Yield a site with what a roster holds.

    Raises:
        NotTaken: the platform takes no such value.
    """
    units = _units(roster)
    unit_ids = {unit.sync_key: unit.id for unit in units}
    person_ids = {
        person.sourced_id: str(number) for number, person in enumerate(roster.people, _FIRST_PERSON)
    }
    root = next((unit for unit in units if unit.parent is None), units[0])
    ilp = Ilp(enabled=True, published_templates=1)
    yield SITE, [SiteItem(id=root.sync_key or root.id, name=root.title, ilp=ilp)]
    yield from in_parts("profiles", default_profiles())
    yield from in_parts("people", (_person(each, person_ids) for each in roster.people))
    yield from in_parts("units", units)
    yield from in_parts("memberships", _memberships(roster, unit_ids, person_ids))
    related = dict.fromkeys(
        (person_ids[each.person], person_ids[each.learner]) for each in roster.relations
    )
    yield from in_parts(
        "relations",
        (RelationItem(person=each, learner=of, kind="guardian") for each, of in related),
    )


def _person(person: RosterPerson, ids: Mapping[str, str]) -> PersonItem:
    name = f"{person.given_name} {person.family_name}".strip()
    return _made(
        PersonItem,
        person,
        id=ids[person.sourced_id],
        sync_key=person.sourced_id,
        username=person.username,
        email=person.email,
        # A plain CSV file has no names, and something has to be shown.
        name=name or person.username,
        profile=_PROFILES.get(person.role, STAFF),
        active=person.enabled,
    )


def _units(roster: Roster) -> list[UnitItem]:
    ids = {
        unit.sourced_id: str(number) for number, unit in enumerate(roster.units, _FIRST_UNIT + 1)
    }
    roots = [unit for unit in roster.units if unit.parent is None]
    # A single organisation above everything is the site; anything else is given one.
    above = None
    if len(roots) != 1 or _kind(roots[0]) is not UnitKind.ORGANISATION:
        names = chain([_OWN_ROOT], (f"{_OWN_ROOT}-{number}" for number in count(2)))
        above = next(name for name in names if name not in ids)
    units: list[UnitItem] = []
    if above is not None:
        units.append(
            UnitItem(
                id=str(_FIRST_UNIT),
                sync_key=above,
                kind=UnitKind.ORGANISATION,
                title="Roster",
                parent=None,
            )
        )
        ids[above] = str(_FIRST_UNIT)
    for unit in roster.units:
        parent = unit.parent or above
        units.append(
            _made(
                UnitItem,
                unit,
                id=ids[unit.sourced_id],
                sync_key=unit.sourced_id,
                kind=_kind(unit),
                title=unit.title[:UNIT_TITLE_LIMIT] or unit.sourced_id[:UNIT_TITLE_LIMIT],
                parent=None if parent is None else ids[parent],
            )
        )
    return units


def _made(shape: type[_Item], of: RosterPerson | RosterUnit, **values: Any) -> _Item:
    try:
        return shape(**values)
    except ValidationError as error:
        where, what = first_mistake(error)
        field = "/".join(map(str, where))
        raise NotTaken(f"{of.file} row {of.row}: {field}: {what}") from None


def _kind(unit: RosterUnit) -> UnitKind:
    return UnitKind(unit.kind.value)


def _lasting(membership: RosterMembership) -> tuple[date, bool]:
    return membership.end or date.max, membership.primary


def _memberships(
    roster: Roster, units: Mapping[str | None, str], people: Mapping[str, str]
) -> Iterator[MembershipItem]:
    known: dict[tuple[str, str, MembershipRole, str], RosterMembership] = {}
    for source in chain(roster.memberships, roster.affiliations):
        role = _MEMBERSHIPS.get(source.role)
        if role is None:
            continue
        key = (source.unit, source.person, role, str(source.begin or ""))
        # The same membership twice in a roster is one: what lasts longer; a primary one of equals.
        if key not in known or _lasting(source) > _lasting(known[key]):
            known[key] = source
    for (unit, person, role, _), source in known.items():
        yield MembershipItem(
            unit=units[unit],
            person=people[person],
            role=role,
            primary=source.primary,
            begin=source.begin,
            end=source.end,
        )
