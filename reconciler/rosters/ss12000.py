"""Reads SS 12000:2020 and its edition of 2023 (Sweden, SIS TK 450; API 2.0 and 2.1) over REST.

The one format that carries both roles. A `Mentor` assignment of a duty makes its person the primary
teacher of the group, and a duty as `Rektor` the principal of the organisation, each on its days:
`startDate` and `endDate` are both days on which it holds. A class (`Klass`) and a mentor's group
(`Mentor`) are homerooms, a teaching group (`Undervisning`) is scheduled. Who teaches a group stands
in activities, which are not read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from sys import intern
from types import MappingProxyType
from typing import Final

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
from reconciler.rosters.days import overlap
from reconciler.rosters.hierarchy import circles
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.remarks import Remarks
from reconciler.rosters.school_system import Advice, Item, asking, nothing
from reconciler.rosters.service import RosterService
from reconciler.rosters.ss12000_items import Items, Place
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
    return _Reader(Items({name: items or [] for name, items in read.items()})).roster(base)


class _Reader:
    """What the collections of one service mean."""

    def __init__(self, read: Items) -> None:
        self._read = read
        self._remarks = Remarks()
        self._parents: dict[str, str | None] = {}
        self._spans: dict[str, tuple[date | None, date | None]] = {}

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
        if self._read.problems:
            raise InvalidRoster(self._read.problems)
        return roster

    # Units

    def _organisations(self) -> Iterator[RosterUnit]:
        parents = self._parents
        kinds: dict[str, str] = {}
        for place, item in self._read.items("organisations"):
            key = self._read.id(place, item)
            parent = self._read.to(place, item, "parentOrganisation")
            if parent:
                self._read.refer(place, "parentOrganisation", parent, "organisations")
            parents[key] = parent or None
            kinds[key] = self._read.word(place, item, "organisationType", ORGANISATIONS)
            self._spans[key] = self._read.period(place, item)
        for key in circles(parents):
            place = Place("/organisations", self._read.ids["organisations"][key])
            message = "the organisation lies below itself:"
            self._read.problem(place, "parentOrganisation", "RR311", message, key)
        above = {parents[key] for key, kind in kinds.items() if kind == SCHOOL_UNIT}
        for place, item in self._read.items("organisations"):
            key = self._read.id(place, item)
            # A school with units of its own is above them; people and groups are of the units.
            is_school = kinds[key] == SCHOOL_UNIT or (kinds[key] == SCHOOL and key not in above)
            yield RosterUnit(
                key,
                RosterUnitKind.SCHOOL if is_school else RosterUnitKind.ORGANISATION,
                self._read.text(place, item, "displayName"),
                parents[key],
                self._read.text(place, item, "schoolUnitCode")
                or self._read.text(place, item, "organisationCode")
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
        for place, item in self._read.items("groups"):
            school = self._read.to(place, item, "organisation")
            kind = self._read.word(place, item, "groupType", GROUPS)
            self._read.refer(place, "organisation", school, "organisations")
            yield RosterUnit(
                self._read.id(place, item),
                RosterUnitKind.CLASS,
                self._read.text(place, item, "displayName"),
                school,
                None,
                GROUPS.get(kind),
                (),
                *place,
                *self._lasting(school, self._read.period(place, item)),
            )

    # People

    def _people(self, held: Sequence[RosterMembership]) -> Iterator[RosterPerson]:
        by_person: dict[str, list[RosterMembership]] = {}
        for each in held:
            by_person.setdefault(each.person, []).append(each)
        for place, item in self._read.items("persons"):
            key = self._read.id(place, item)
            own = by_person.get(key, [])
            names = item.get("eduPersonPrincipalNames")
            usernames = names if isinstance(names, list) else ()
            yield RosterPerson(
                sourced_id=key,
                username=next((each for each in usernames if isinstance(each, str)), ""),
                email=self._email(place, item),
                given_name=self._read.text(place, item, "givenName"),
                family_name=self._read.text(place, item, "familyName"),
                role=own[0].role if own else RosterRole.OTHER,
                enabled=self._read.text(place, item, "personStatus").casefold() in ("", "aktiv"),
                orgs=tuple(dict.fromkeys(each.unit for each in own)),
                file=place.file,
                row=place.row,
            )

    def _email(self, place: Place, item: Item) -> str | None:
        """Return the address that the school gave; a private one may be a whole family's."""
        known = {
            self._read.text(place, each, "type").casefold(): self._read.text(place, each, "value")
            for each in reversed(self._read.listed(place, item, "emails"))
        }
        return next((known[kind] for kind in _EMAILS if known.get(kind)), None)

    def _enrolments(self) -> Iterator[RosterMembership]:
        for place, item in self._read.items("persons"):
            for each in self._read.listed(place, item, "enrolments"):
                if each.get("cancelled") is True:
                    continue
                school = self._read.to(place, each, "enroledAt")
                self._read.refer(place, "enrolments.enroledAt", school, "organisations")
                yield self._membership(
                    place,
                    school,
                    self._read.id(place, item),
                    RosterRole.STUDENT,
                    each,
                    primary=True,
                )

    def _relations(self) -> Iterator[RosterRelation]:
        """Yield who answers for whom, as far as both may be read."""
        people = self._read.ids["persons"]
        for place, item in self._read.items("persons"):
            for each in self._read.listed(place, item, "responsibles"):
                person = self._read.to(place, each, "person")
                if person in people:
                    kind = self._read.text(place, each, "relationType").casefold()
                    role = RosterRole.GUARDIAN if kind == _GUARDIAN else RosterRole.RELATIVE
                    yield RosterRelation(person, self._read.id(place, item), role, *place)

    # Memberships and duties

    def _members(self) -> Iterator[RosterMembership]:
        """Yield who is in a group, as far as they may be read: some have a protected address."""
        for place, item in self._read.items("groups"):
            staff = self._read.word(place, item, "groupType", GROUPS) == STAFF_GROUP
            role = RosterRole.OTHER if staff else RosterRole.STUDENT
            for each in self._read.listed(place, item, "groupMemberships"):
                person = self._read.to(place, each, "person")
                if person in self._read.ids["persons"]:
                    yield self._membership(
                        place, self._read.id(place, item), person, role, each, primary=False
                    )

    def _mentors(self) -> Iterator[RosterMembership]:
        """Yield who is a mentor; other assignments to a group, of whoever plans it, make nobody."""
        for place, item in self._read.items("duties"):
            for each in self._read.listed(place, item, "assignmentRole"):
                if self._read.word(place, each, "assignmentRoleType", ASSIGNMENTS) != MENTOR:
                    continue
                group = self._read.to(place, each, "group")
                person = self._read.to(place, item, "person")
                self._read.refer(place, "assignmentRole.group", group, "groups")
                if person:
                    self._read.refer(place, "person", person, "persons")
                    yield self._membership(
                        place, group, person, RosterRole.TEACHER, each, primary=True, within=item
                    )

    def _duties(self) -> Iterator[RosterMembership]:
        """Yield what people do where; a duty that nobody has is no mistake."""
        for place, item in self._read.items("duties"):
            person = self._read.to(place, item, "person")
            school = self._read.to(place, item, "dutyAt")
            self._read.refer(place, "dutyAt", school, "organisations")
            role = DUTIES.get(self._read.word(place, item, "dutyRole", DUTIES), RosterRole.OTHER)
            if role is RosterRole.PRINCIPAL and person:
                self._read.refer(place, "person", person, "persons")
            if person in self._read.ids["persons"]:
                yield self._membership(place, school, person, role, item, primary=True)
            elif person and role is RosterRole.ADMINISTRATOR:
                what = "of administrators who may not be read"
                self._remarks.add(place.file, place.row, "left out", what)

    def _membership(
        self,
        place: Place,
        unit: str,
        person: str,
        role: RosterRole,
        dated: Item,
        *,
        primary: bool,
        within: Item | None = None,
    ) -> RosterMembership:
        """Make a membership; it holds on no day on which `within` does not."""
        begin, end = self._read.period(place, dated)
        if within is not None:
            begin, end = overlap((begin, end), self._read.period(place, within))
        return RosterMembership(intern(unit), intern(person), role, primary, begin, end, *place)
