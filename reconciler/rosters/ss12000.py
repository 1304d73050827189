"""Reads SS 12000:2020 and its edition of 2023 (Sweden, SIS TK 450; API 2.0 and 2.1) over REST.

The one format that carries both roles. A `Mentor` assignment of a duty makes its person the primary
teacher of the group, and a duty as `Rektor` the principal of the organisation, each on its days:
`startDate` and `endDate` are both days on which it holds. A class (`Klass`) and a mentor's group
(`Mentor`) are homerooms, a teaching group (`Undervisning`) is scheduled. Who teaches a group stands
in activities, which are not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from sys import intern
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.connection import RosterService
from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRelation,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.http.call import LIMITS, Limits
from reconciler.rosters.problems import InvalidRoster, Problem
from reconciler.rosters.school_system import Item, asking, nothing
from reconciler.rosters.token_pages import read_token_pages

PAGE: Final = 1000
COLLECTIONS: Final = ("organisations", "persons", "groups", "duties")
"""What is read; without one of them there is no roster."""

_RIGHTS: Final = f"Check what the client may do: it needs to read {', '.join(COLLECTIONS)}."
_CLASS_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"Klass": "homeroom", "Mentor": "homeroom", "Undervisning": "scheduled"}
)
"""What the types of groups are as class types; any other one stays as it is, in small letters."""

_STAFF_GROUP: Final = "Personalgrupp"
_DUTIES: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {
        "Rektor": RosterRole.PRINCIPAL,
        "Lärare": RosterRole.TEACHER,
        "Förstelärare": RosterRole.TEACHER,
        "Förskollärare": RosterRole.TEACHER,
        "Speciallärare/specialpedagog": RosterRole.TEACHER,
        "Lärarassistent": RosterRole.AIDE,
        "Kurator": RosterRole.COUNSELLOR,
        "Studie- och yrkesvägledare": RosterRole.COUNSELLOR,
        "Skoladministratör": RosterRole.ADMINISTRATOR,
    }
)
"""What the roles of a duty are; any other one gives nobody a role here."""

_MENTOR: Final = "Mentor"
_GUARDIAN: Final = "Vårdnadshavare"


def read_ss12000(service: RosterService, limits: Limits = LIMITS) -> Roster:
    """Read a whole roster from an SS 12000 service.

    Args:
        service: the service; its base path and scope are empty unless the settings give them.
        limits: how long and how much.

    Raises:
        InvalidRoster: the roster is not complete, or contradicts itself.
        SiteError: something could not be read.
    """
    base = service.url + (service.base_path or "")
    with asking(service, base, service.scope or "", _RIGHTS, limits) as get:
        read = {
            name: read_token_pages(get, f"/{name}", service.page or PAGE) for name in COLLECTIONS
        }
    missing = [nothing(f"/{name}") for name, items in read.items() if items is None]
    if missing:
        raise InvalidRoster(missing)
    return _Reader({name: items or [] for name, items in read.items()}).roster(base)


class _Place(NamedTuple):
    """Where something stands: a collection, and an item's place in it."""

    file: str
    row: int


class _Reader:
    """What the collections of one service mean, and what is wrong with them."""

    def __init__(self, read: Mapping[str, Sequence[Item]]) -> None:
        self._read = read
        self._problems: dict[Problem, None] = {}
        self._ids = {name: {_text(item, "id") for item in items} for name, items in read.items()}

    def roster(self, source: str) -> Roster:
        """Read what there is."""
        duties = list(self._duties())
        enrolments = list(self._enrolments())
        roster = Roster(
            people=tuple(self._people([*enrolments, *duties])),
            units=(*self._organisations(), *self._groups()),
            memberships=(*self._members(), *self._mentors()),
            affiliations=(*enrolments, *duties),
            relations=tuple(self._relations()),
            source=source,
        )
        if self._problems:
            raise InvalidRoster(self._problems)
        return roster

    # Units

    def _organisations(self) -> Iterator[RosterUnit]:
        above = {
            _id(item, "parentOrganisation")
            for item in self._read["organisations"]
            if _text(item, "organisationType") == "Skolenhet"
        }
        for place, item in self._items("organisations"):
            key, kind = self._id(place, item), _text(item, "organisationType")
            parent = _id(item, "parentOrganisation")
            if parent:
                self._refer(place, "parentOrganisation", parent, "organisations")
            # A school with units of its own is above them; people and groups are of the units.
            is_school = kind == "Skolenhet" or (kind == "Skola" and key not in above)
            yield RosterUnit(
                key,
                RosterUnitKind.SCHOOL if is_school else RosterUnitKind.ORGANISATION,
                _text(item, "displayName"),
                parent or None,
                _text(item, "schoolUnitCode") or _text(item, "organisationCode") or None,
                None,
                (),
                *place,
                *self._period(place, item),
            )

    def _groups(self) -> Iterator[RosterUnit]:
        for place, item in self._items("groups"):
            school, kind = _id(item, "organisation"), _text(item, "groupType")
            self._refer(place, "organisation", school, "organisations")
            yield RosterUnit(
                self._id(place, item),
                RosterUnitKind.CLASS,
                _text(item, "displayName"),
                school,
                None,
                _CLASS_TYPES.get(kind, kind.lower()) or None,
                (),
                *place,
                *self._period(place, item),
            )

    # People

    def _people(self, held: Sequence[RosterMembership]) -> Iterator[RosterPerson]:
        by_person: dict[str, list[RosterMembership]] = {}
        for each in held:
            by_person.setdefault(each.person, []).append(each)
        for place, item in self._items("persons"):
            key = self._id(place, item)
            own = by_person.get(key, [])
            names = _listed(item, "eduPersonPrincipalNames")
            emails = [_text(each, "value") for each in _listed(item, "emails")]
            yield RosterPerson(
                key,
                next((each for each in names if isinstance(each, str)), ""),
                next((each for each in emails if each), None),
                _text(item, "givenName"),
                _text(item, "familyName"),
                own[0].role if own else RosterRole.OTHER,
                _text(item, "personStatus") in ("", "Aktiv"),
                tuple(dict.fromkeys(each.unit for each in own)),
                *place,
            )

    def _enrolments(self) -> Iterator[RosterMembership]:
        for place, item in self._items("persons"):
            for each in _listed(item, "enrolments"):
                if not isinstance(each, dict) or each.get("cancelled") is True:
                    continue
                school = _id(each, "enroledAt")
                self._refer(place, "enrolments.enroledAt", school, "organisations")
                yield self._membership(
                    place, school, _text(item, "id"), RosterRole.STUDENT, each, primary=True
                )

    def _relations(self) -> Iterator[RosterRelation]:
        """Yield who answers for whom, as far as both may be read."""
        people = self._ids["persons"]
        for place, item in self._items("persons"):
            for each in _listed(item, "responsibles"):
                person = _id(each, "person")
                if person in people:
                    kind = _text(each, "relationType")
                    role = RosterRole.GUARDIAN if kind == _GUARDIAN else RosterRole.RELATIVE
                    yield RosterRelation(person, _text(item, "id"), role, *place)

    # Memberships and duties

    def _members(self) -> Iterator[RosterMembership]:
        for place, item in self._items("groups"):
            staff = _text(item, "groupType") == _STAFF_GROUP
            role = RosterRole.OTHER if staff else RosterRole.STUDENT
            for each in _listed(item, "groupMemberships"):
                person = _id(each, "person")
                self._refer(place, "groupMemberships.person", person, "persons")
                yield self._membership(place, _text(item, "id"), person, role, each, primary=False)

    def _mentors(self) -> Iterator[RosterMembership]:
        for place, item in self._items("duties"):
            for each in _listed(item, "assignmentRole"):
                group = _id(each, "group")
                self._refer(place, "assignmentRole.group", group, "groups")
                yield self._membership(
                    place,
                    group,
                    _id(item, "person"),
                    RosterRole.TEACHER,
                    each,
                    primary=_text(each, "assignmentRoleType") == _MENTOR,
                    within=item,
                )

    def _duties(self) -> Iterator[RosterMembership]:
        for place, item in self._items("duties"):
            person, school = _id(item, "person"), _id(item, "dutyAt")
            self._refer(place, "person", person, "persons")
            self._refer(place, "dutyAt", school, "organisations")
            role = _DUTIES.get(_text(item, "dutyRole"), RosterRole.OTHER)
            yield self._membership(place, school, person, role, item, primary=True)

    def _membership(
        self,
        place: _Place,
        unit: str,
        person: str,
        role: RosterRole,
        dated: object,
        *,
        primary: bool,
        within: Item | None = None,
    ) -> RosterMembership:
        """Make a membership; it holds on no day on which `within` does not."""
        begin, end = self._period(place, dated)
        if within is not None:
            first, last = self._period(place, within)
            begin = max(filter(None, (begin, first)), default=None)
            end = min(filter(None, (end, last)), default=None)
        return RosterMembership(intern(unit), intern(person), role, primary, begin, end, *place)

    # What every item has

    def _items(self, name: str) -> Iterator[tuple[_Place, Item]]:
        for row, item in enumerate(self._read[name], 1):
            yield _Place(f"/{name}", row), item

    def _id(self, place: _Place, item: Item) -> str:
        key = _text(item, "id")
        if not key:
            self._problem(place, "id", "RR308", "a value is missing")
        return intern(key)

    def _refer(self, place: _Place, column: str, key: str, target: str) -> None:
        if key not in self._ids[target]:
            message = f"/{target} has no such item:" if key else "a value is missing"
            self._problem(place, column, "RR310" if key else "RR308", message, key or None)

    def _period(self, place: _Place, dated: object) -> tuple[date | None, date | None]:
        """Read when something begins, and the first day on which it holds no more."""
        first, last = (self._day(place, dated, name) for name in ("startDate", "endDate"))
        if first and last and last < first:
            self._problem(place, "endDate", "RR312", "the end is before the beginning")
        return first, last + timedelta(days=1) if last and last < date.max else None

    def _day(self, place: _Place, dated: object, name: str) -> date | None:
        text = _text(dated, name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._problem(place, name, "RR312", "the value is not a date such as 2026-08-17")
            return None

    def _problem(
        self, place: _Place, column: str, code: str, message: str, value: str | None = None
    ) -> None:
        # What is read twice is told once.
        self._problems[Problem(*place, column, value, code, message)] = None


def _text(item: object, member: str) -> str:
    value = item.get(member) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


def _id(item: object, member: str) -> str:
    """Return the id of what an item refers to."""
    return _text(item.get(member), "id") if isinstance(item, dict) else ""


def _listed(item: Item, member: str) -> Sequence[object]:
    value = item.get(member)
    return value if isinstance(value, list) else ()
