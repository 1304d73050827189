"""Reads SS 12000:2020 and its edition of 2023 (Sweden, SIS TK 450; API 2.0 and 2.1) over REST.

The one format that carries both roles. A `Mentor` assignment of a duty makes its person the primary
teacher of the group, and a duty as `Rektor` the principal of the organisation, each on its days:
`startDate` and `endDate` are both days on which it holds. A class (`Klass`) and a mentor's group
(`Mentor`) are homerooms, a teaching group (`Undervisning`) is scheduled. Who teaches a group stands
in activities, which are not read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from sys import intern
from types import MappingProxyType
from typing import Final, NamedTuple
from unicodedata import normalize

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
from reconciler.rosters.days import DayReader, check_order, day_after, overlap
from reconciler.rosters.hierarchy import circles
from reconciler.rosters.problems import InvalidRoster, Problem
from reconciler.rosters.remarks import Remarks
from reconciler.rosters.school_system import Advice, Item, asking, nothing
from reconciler.rosters.service import RosterService
from reconciler.rosters.ss12000_words import (
    ASSIGNMENTS,
    CHANGING,
    DUTIES,
    GROUPS,
    MENTOR,
    ORGANISATIONS,
    SCHOOL,
    SCHOOL_UNIT,
    STAFF_GROUP,
)
from reconciler.rosters.token_pages import read_token_pages

PAGE: Final = 1000
COLLECTIONS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "organisations": (
            *("id", "displayName", "organisationType", "parentOrganisation"),
            *("schoolUnitCode", "organisationCode", "startDate", "endDate"),
        ),
        "persons": (
            *("id", "eduPersonPrincipalNames", "emails", "givenName", "familyName"),
            *("personStatus", "enrolments", "responsibles"),
        ),
        "groups": (
            *("id", "displayName", "groupType", "organisation", "groupMemberships"),
            *("startDate", "endDate"),
        ),
        "duties": (
            *("id", "person", "dutyAt", "dutyRole", "assignmentRole", "startDate", "endDate"),
        ),
    }
)
"""What is read, and which members of it; without one of them there is no roster.

What is not read, an identity number or an address say, is forgotten with the page it came in.
"""

_ADVICE: Final = Advice(
    rights=f"Check what the client may do: it needs to read {', '.join(COLLECTIONS)}.",
    place="Check url and base_path: the service may stand elsewhere.",
)
_EMAILS: Final = ("skola personal", "skola elev", "arbete övrigt", "")
"""The types of e-mail addresses that are taken, the best first; a private one never is."""

_GUARDIAN: Final = "vårdnadshavare"


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
    with asking(service, base, service.scope or "", _ADVICE, limits) as get:
        read = {
            name: read_token_pages(get, f"/{name}", service.page or PAGE, members, CHANGING)
            for name, members in COLLECTIONS.items()
        }
    missing = [nothing(f"/{name}") for name, items in read.items() if items is None]
    if missing:
        raise InvalidRoster(missing)
    return _Reader({name: items or [] for name, items in read.items()}).roster(base)


class _Place(NamedTuple):
    """Where something stands: a collection, and an item's place in it."""

    file: str
    row: int


def _as_text(value: object) -> str | None:
    """Return a text or a whole number as a text, empty for nothing; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else "" if value is None else None


class _Reader:
    """What the collections of one service mean, and what is wrong with them."""

    def __init__(self, read: Mapping[str, Sequence[Item]]) -> None:
        self._read = read
        self._problems: dict[Problem, None] = {}
        self._days = DayReader()
        self._remarks = Remarks()
        self._parents: dict[str, str | None] = {}
        self._spans: dict[str, tuple[date | None, date | None]] = {}
        self._ids: dict[str, dict[str, int]] = {}
        for name in COLLECTIONS:
            self._ids[name] = self._known(name)

    def _known(self, name: str) -> dict[str, int]:
        """Return the ids of a collection, with their places; one that is not its own is told."""
        known: dict[str, int] = {}
        for place, item in self._items(name):
            key = self._text(place, item, "id")
            first = known.setdefault(key, place.row)
            if not key:
                self._problem(place, "id", "RR308", "a value is missing")
            elif first != place.row:
                self._problem(place, "id", "RR309", f"row {first} has the same id", key)
            elif name == "groups" and key in self._ids["organisations"]:
                self._problem(place, "id", "RR309", "an organisation has the same id", key)
        return known

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
            remarks=tuple(self._remarks),
        )
        if self._problems:
            raise InvalidRoster(self._problems)
        return roster

    # Units

    def _organisations(self) -> Iterator[RosterUnit]:
        parents = self._parents
        kinds: dict[str, str] = {}
        for place, item in self._items("organisations"):
            key, parent = self._id(place, item), self._to(place, item, "parentOrganisation")
            if parent:
                self._refer(place, "parentOrganisation", parent, "organisations")
            parents[key] = parent or None
            kinds[key] = self._word(place, item, "organisationType", ORGANISATIONS)
            self._spans[key] = self._period(place, item)
        for key in circles(parents):
            place = _Place("/organisations", self._ids["organisations"][key])
            message = "the organisation lies below itself:"
            self._problem(place, "parentOrganisation", "RR311", message, key)
        above = {parents[key] for key, kind in kinds.items() if kind == SCHOOL_UNIT}
        for place, item in self._items("organisations"):
            key = self._id(place, item)
            # A school with units of its own is above them; people and groups are of the units.
            is_school = kinds[key] == SCHOOL_UNIT or (kinds[key] == SCHOOL and key not in above)
            yield RosterUnit(
                key,
                RosterUnitKind.SCHOOL if is_school else RosterUnitKind.ORGANISATION,
                self._text(place, item, "displayName"),
                parents[key],
                self._text(place, item, "schoolUnitCode")
                or self._text(place, item, "organisationCode")
                or None,
                None,
                (),
                *place,
                *self._lasting(key, self._spans[key]),
            )

    def _lasting(
        self, organisation: str | None, days: tuple[date | None, date | None]
    ) -> tuple[date | None, date | None]:
        """Narrow days down to those of an organisation and of all that are above it."""
        met: set[str] = set()
        while organisation in self._spans and organisation not in met:
            met.add(organisation)
            days = overlap(days, self._spans[organisation])
            organisation = self._parents[organisation]
        return days

    def _groups(self) -> Iterator[RosterUnit]:
        for place, item in self._items("groups"):
            school = self._to(place, item, "organisation")
            kind = self._word(place, item, "groupType", GROUPS)
            self._refer(place, "organisation", school, "organisations")
            yield RosterUnit(
                self._id(place, item),
                RosterUnitKind.CLASS,
                self._text(place, item, "displayName"),
                school,
                None,
                GROUPS.get(kind),
                (),
                *place,
                *self._lasting(school, self._period(place, item)),
            )

    # People

    def _people(self, held: Sequence[RosterMembership]) -> Iterator[RosterPerson]:
        by_person: dict[str, list[RosterMembership]] = {}
        for each in held:
            by_person.setdefault(each.person, []).append(each)
        for place, item in self._items("persons"):
            key = self._id(place, item)
            own = by_person.get(key, [])
            names = item.get("eduPersonPrincipalNames")
            usernames = names if isinstance(names, list) else ()
            yield RosterPerson(
                sourced_id=key,
                username=next((each for each in usernames if isinstance(each, str)), ""),
                email=self._email(place, item),
                given_name=self._text(place, item, "givenName"),
                family_name=self._text(place, item, "familyName"),
                role=own[0].role if own else RosterRole.OTHER,
                enabled=self._text(place, item, "personStatus").casefold() in ("", "aktiv"),
                orgs=tuple(dict.fromkeys(each.unit for each in own)),
                file=place.file,
                row=place.row,
            )

    def _email(self, place: _Place, item: Item) -> str | None:
        """Return the address that the school gave; a private one may be a whole family's."""
        known = {
            self._text(place, each, "type").casefold(): self._text(place, each, "value")
            for each in reversed(self._listed(place, item, "emails"))
        }
        return next((known[kind] for kind in _EMAILS if known.get(kind)), None)

    def _enrolments(self) -> Iterator[RosterMembership]:
        for place, item in self._items("persons"):
            for each in self._listed(place, item, "enrolments"):
                if each.get("cancelled") is True:
                    continue
                school = self._to(place, each, "enroledAt")
                self._refer(place, "enrolments.enroledAt", school, "organisations")
                yield self._membership(
                    place, school, self._id(place, item), RosterRole.STUDENT, each, primary=True
                )

    def _relations(self) -> Iterator[RosterRelation]:
        """Yield who answers for whom, as far as both may be read."""
        people = self._ids["persons"]
        for place, item in self._items("persons"):
            for each in self._listed(place, item, "responsibles"):
                person = self._to(place, each, "person")
                if person in people:
                    kind = self._text(place, each, "relationType").casefold()
                    role = RosterRole.GUARDIAN if kind == _GUARDIAN else RosterRole.RELATIVE
                    yield RosterRelation(person, self._id(place, item), role, *place)

    # Memberships and duties

    def _members(self) -> Iterator[RosterMembership]:
        """Yield who is in a group, as far as they may be read: some have a protected address."""
        for place, item in self._items("groups"):
            staff = self._word(place, item, "groupType", GROUPS) == STAFF_GROUP
            role = RosterRole.OTHER if staff else RosterRole.STUDENT
            for each in self._listed(place, item, "groupMemberships"):
                person = self._to(place, each, "person")
                if person in self._ids["persons"]:
                    yield self._membership(
                        place, self._id(place, item), person, role, each, primary=False
                    )

    def _mentors(self) -> Iterator[RosterMembership]:
        """Yield who is a mentor; other assignments to a group, of whoever plans it, make nobody."""
        for place, item in self._items("duties"):
            for each in self._listed(place, item, "assignmentRole"):
                if self._word(place, each, "assignmentRoleType", ASSIGNMENTS) != MENTOR:
                    continue
                group, person = self._to(place, each, "group"), self._to(place, item, "person")
                self._refer(place, "assignmentRole.group", group, "groups")
                if person:
                    self._refer(place, "person", person, "persons")
                    yield self._membership(
                        place, group, person, RosterRole.TEACHER, each, primary=True, within=item
                    )

    def _duties(self) -> Iterator[RosterMembership]:
        """Yield what people do where; a duty that nobody has is no mistake."""
        for place, item in self._items("duties"):
            person, school = self._to(place, item, "person"), self._to(place, item, "dutyAt")
            self._refer(place, "dutyAt", school, "organisations")
            role = DUTIES.get(self._word(place, item, "dutyRole", DUTIES), RosterRole.OTHER)
            if role is RosterRole.PRINCIPAL and person:
                self._refer(place, "person", person, "persons")
            if person in self._ids["persons"]:
                yield self._membership(place, school, person, role, item, primary=True)
            elif person and role is RosterRole.ADMINISTRATOR:
                what = "of administrators who may not be read"
                self._remarks.add(place.file, place.row, "left out", what)

    def _membership(
        self,
        place: _Place,
        unit: str,
        person: str,
        role: RosterRole,
        dated: Item,
        *,
        primary: bool,
        within: Item | None = None,
    ) -> RosterMembership:
        """Make a membership; it holds on no day on which `within` does not."""
        begin, end = self._period(place, dated)
        if within is not None:
            begin, end = overlap((begin, end), self._period(place, within))
        return RosterMembership(intern(unit), intern(person), role, primary, begin, end, *place)

    # What every item has

    def _items(self, name: str) -> Iterator[tuple[_Place, Item]]:
        for row, item in enumerate(self._read[name], 1):
            yield _Place(f"/{name}", row), item

    def _id(self, place: _Place, item: Item) -> str:
        return intern(self._text(place, item, "id"))

    def _refer(self, place: _Place, column: str, key: str, target: str) -> None:
        if key not in self._ids[target]:
            message = f"/{target} has no such item:" if key else "a value is missing"
            self._problem(place, column, "RR310" if key else "RR308", message, key or None)

    def _period(self, place: _Place, dated: Item) -> tuple[date | None, date | None]:
        """Read when something begins, and the first day on which it holds no more."""
        first, last = (self._day(place, dated, name) for name in ("startDate", "endDate"))
        check_order(first, last, partial(self._problem, place, "endDate"))
        return first, day_after(last)

    def _day(self, place: _Place, dated: Item, name: str) -> date | None:
        return self._days.read(self._text(place, dated, name), partial(self._problem, place, name))

    def _text(self, place: _Place, item: Item, member: str) -> str:
        """Return a text, empty where there is none; some write numbers as numbers."""
        value = item.get(member)
        text = _as_text(value)
        if text is None:
            self._problem(place, member, "RR313", "the value is no text")
        return text or ""

    def _word(self, place: _Place, item: Item, member: str, known: Collection[str]) -> str:
        """Return one of the standard's words in small letters; a role could be lost by another."""
        text = self._text(place, item, member).strip()
        word = normalize("NFC", text).casefold()
        if word in known or _as_text(item.get(member)) is None:
            return word
        message = f"the value is none of {', '.join(known)}:" if word else "a value is missing"
        self._problem(place, member, "RR313" if word else "RR308", message, text or None)
        return word

    def _to(self, place: _Place, item: Item, member: str) -> str:
        """Return the id of what an item refers to, empty where it refers to nothing."""
        value = item.get(member)
        key = _as_text(value.get("id")) if isinstance(value, dict) else None
        if value is not None and not key:
            self._problem(place, member, "RR313", "the value refers to nothing by an id")
        return key or ""

    def _listed(self, place: _Place, item: Item, member: str) -> Sequence[Item]:
        """Return a list of objects, empty where there is none."""
        value = item.get(member)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._problem(place, member, "RR313", "the value is no list of objects")
            return ()
        return value

    def _problem(
        self, place: _Place, column: str, code: str, message: str, value: str | None = None
    ) -> None:
        # What is read twice is told once.
        self._problems[Problem(*place, column, value, code, message)] = None
