"""What the tables of OneRoster 1.1 and 1.2 (1EdTech) mean, wherever they are read from.

The two versions differ in one thing here: in 1.1 a user's row carries one role and a list of
organisations, in 1.2 a role for each organisation stands in a table of its own, with dates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from sys import intern
from typing import Final, NamedTuple

from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRelation,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.gc_pause import collector_paused
from reconciler.rosters.hierarchy import circles
from reconciler.rosters.oneroster_tables import (
    COLUMNS,
    LEFT_OUT,
    NO_ROLE,
    ROLES,
    UNREADABLE,
    WITHOUT,
    Source,
    Tables,
    Version,
    listed,
)
from reconciler.rosters.problems import InvalidRoster

_membership: Final[Callable[[tuple[object, ...]], RosterMembership]] = partial(
    tuple.__new__, RosterMembership
)
"""Makes a membership of its fields, in their order: of millions, without a call into Python."""

_JOINED: Final = ("classes", "users")
_GOING: Final = "marked tobedeleted"
_ROLE_TYPES: Final = ("primary", "secondary")
_FAMILY: Final = frozenset({RosterRole.PARENT, RosterRole.GUARDIAN, RosterRole.RELATIVE})


def read_tables(sources: Mapping[str, Sequence[Source]], version: Version, source: str) -> Roster:
    """Read the tables of an export.

    Args:
        sources: per table where it is read from: the whole export, and the changes to it if any.
        version: the version of the format.
        source: where the export came from, for the record.

    Raises:
        InvalidRoster: it is not complete, or contradicts itself; everything wrong together.
    """
    with collector_paused():
        return _Reader(sources, version).read(source)


class _Users(NamedTuple):
    """What the users' files say; an agent is (user, agent, file, row)."""

    people: list[RosterPerson]
    affiliations: list[RosterMembership]
    agents: list[tuple[str, str, str, int]]


class _Reader:
    """One reading of one export: what its tables mean."""

    def __init__(self, sources: Mapping[str, Sequence[Source]], version: Version) -> None:
        self._tables = Tables(sources)
        self._version = version

    def read(self, source: str) -> Roster:
        """Read the files in the order in which they refer to each other."""
        orgs = list(self._orgs())
        self._check_parents(orgs)
        users = self._users_1_1() if self._version is Version.V1_1 else self._users_1_2()
        classes = list(self._classes())
        self._check_shared_ids(classes)
        memberships = tuple(self._enrollments())
        relations = tuple(self._relations(users.people, users.agents))
        if self._tables.problems:
            raise InvalidRoster(self._tables.problems)
        return Roster(
            people=tuple(users.people),
            units=(*orgs, *classes),
            memberships=memberships,
            affiliations=tuple(users.affiliations),
            relations=relations,
            source=source,
            remarks=tuple(self._tables.remarks),
        )

    # Organisations, schools and classes

    def _orgs(self) -> Iterator[RosterUnit]:
        for file, number, values in self._tables.rows("orgs", COLUMNS["orgs"]):
            org, name, word, _, identifier, parent = values
            kind = self._tables.kind(file, number, word)
            yield RosterUnit(
                sourced_id=intern(org),
                kind=kind,
                title=name,
                parent=intern(parent) if parent else None,
                identifier=identifier or None,
                class_type=None,
                grades=(),
                file=file,
                row=number,
            )

    def _check_parents(self, orgs: list[RosterUnit]) -> None:
        """Every parent is there, and no organisation lies below itself."""
        for org in orgs:
            if org.parent is not None:
                self._tables.refer(org.file, org.row, "parentSourcedId", org.parent, "orgs")
        for org_id in circles({org.sourced_id: org.parent for org in orgs}):
            file, row = self._tables.file("orgs"), self._tables.ids("orgs")[org_id]
            message = "the organisation lies below itself:"
            self._tables.problem(file, row, "parentSourcedId", "RR311", message, org_id)

    def _classes(self) -> Iterator[RosterUnit]:
        for file, number, values in self._tables.rows("classes", COLUMNS["classes"]):
            class_id, title, school, _, code, class_type, grades = values
            self._tables.refer(file, number, "schoolSourcedId", school, "orgs")
            yield RosterUnit(
                sourced_id=intern(class_id),
                kind=RosterUnitKind.CLASS,
                title=title,
                parent=intern(school),
                identifier=code or None,
                class_type=self._tables.class_type(file, number, class_type),
                grades=listed(grades),
                file=file,
                row=number,
            )

    def _check_shared_ids(self, classes: list[RosterUnit]) -> None:
        """A class and an organisation share one space of ids, as units of a site do."""
        orgs = self._tables.ids("orgs")
        for unit in classes:
            if unit.sourced_id in orgs:
                message = f"an organisation in {self._tables.file('orgs')} has the same id"
                self._tables.problem(
                    unit.file, unit.row, "sourcedId", "RR309", message, unit.sourced_id
                )

    # People

    def _users_1_1(self) -> _Users:
        users = _Users([], [], [])
        for file, number, values in self._tables.rows("users", COLUMNS["users 1.1"]):
            user, username, given, family, word, org_ids, _, enabled, email, agents = values
            role = self._tables.role(file, number, word, lenient=True)
            named = listed(org_ids)
            orgs = tuple(intern(org) for org in named if not self._tables.goes("orgs", org))
            if len(orgs) < len(named):
                self._tables.remarks.add(file, number, WITHOUT, f"with organisations {_GOING}")
            for org in orgs:
                self._tables.refer(file, number, "orgSourcedIds", org, "orgs")
            allowed = self._allowed(file, number, enabled)
            person = intern(user)
            users.people.append(
                RosterPerson(
                    person,
                    username,
                    email or None,
                    given,
                    family,
                    role,
                    allowed,
                    orgs,
                    file,
                    number,
                )
            )
            users.affiliations.extend(
                RosterMembership(
                    org, person, role, primary=True, begin=None, end=None, file=file, row=number
                )
                for org in orgs
            )
            users.agents.extend((person, intern(agent), file, number) for agent in listed(agents))
        return users

    def _allowed(self, file: str, row: int, enabled: str) -> bool:
        """Read whether an account may be used; many systems leave it out of those that may."""
        return not enabled or self._tables.boolean(file, row, "enabledUser", enabled)

    def _users_1_2(self) -> _Users:
        users = _Users([], [], [])
        main_orgs: dict[str, str] = {}
        for file, number, values in self._tables.rows("users", COLUMNS["users 1.2"]):
            user, username, given, family, _, enabled, email, agents, main_org = values
            person = intern(user)
            if main_org and not self._tables.goes("orgs", main_org):
                self._tables.refer(file, number, "primaryOrgSourcedId", main_org, "orgs")
                main_orgs[person] = main_org
            allowed = self._allowed(file, number, enabled)
            # The role and the organisations stand in roles.csv and are filled in below.
            users.people.append(
                RosterPerson(
                    person,
                    username,
                    email or None,
                    given,
                    family,
                    RosterRole.OTHER,
                    allowed,
                    (),
                    file,
                    number,
                )
            )
            users.agents.extend((person, intern(agent), file, number) for agent in listed(agents))
        users.affiliations.extend(self._roles())
        if users.people and not users.affiliations and self._tables.readable("roles"):
            self._tables.problem(self._tables.file("roles"), 0, "", "RR308", "nobody has a role")
        held: dict[str, list[RosterMembership]] = {}
        for affiliation in users.affiliations:
            held.setdefault(affiliation.person, []).append(affiliation)
        return users._replace(
            people=[
                self._with_roles(person, held.get(person.sourced_id, []), main_orgs)
                for person in users.people
            ]
        )

    def _roles(self) -> Iterator[RosterMembership]:
        for file, number, values in self._tables.rows("roles", COLUMNS["roles"]):
            _, user, role_type, word, org, _, begin, end = values
            if self._tables.goes("users", user) or self._tables.goes("orgs", org):
                what = f"with a user or organisation {_GOING}"
                self._tables.remarks.add(file, number, LEFT_OUT, what)
                continue
            self._tables.refer(file, number, "userSourcedId", user, "users")
            self._tables.refer(file, number, "orgSourcedId", org, "orgs")
            if role_type.lower() not in _ROLE_TYPES:
                self._tables.unknown(file, number, "roleType", _ROLE_TYPES, role_type)
            yield RosterMembership(
                intern(org),
                intern(user),
                self._tables.role(file, number, word, lenient=True),
                role_type.lower() == "primary",
                *self._tables.period(file, number, begin, end),
                file,
                number,
            )

    def _with_roles(
        self, person: RosterPerson, held: list[RosterMembership], main_orgs: Mapping[str, str]
    ) -> RosterPerson:
        """Give a 1.2 user the main role: a primary one, if possible in the main organisation."""
        if not held:
            self._tables.remarks.add(person.file, person.row, NO_ROLE, "without any")
            return person
        main_org = main_orgs.get(person.sourced_id)
        main = min(held, key=lambda each: (not each.primary, each.unit != main_org))
        orgs = tuple(dict.fromkeys(each.unit for each in held))
        return replace(person, role=main.role, orgs=orgs)

    def _relations(
        self, people: list[RosterPerson], agents: list[tuple[str, str, str, int]]
    ) -> Iterator[RosterRelation]:
        """Yield who answers for whom; a bundle may say it in the learner's row, theirs, or both."""
        roles = {person.sourced_id: person.role for person in people}
        met: set[tuple[str, str]] = set()
        for user, agent, file, number in agents:
            if agent not in self._tables.ids("users") and agent != UNREADABLE:
                # Who may not be read, for a protected address say, may be named all the same.
                self._tables.remarks.add(file, number, WITHOUT, "with agents who are not in it")
                continue
            if not self._tables.refer(file, number, "agentSourcedIds", agent, "users"):
                continue
            for person, learner in ((agent, user), (user, agent)):
                kind = roles.get(person)
                if (
                    kind in _FAMILY
                    and roles.get(learner) is RosterRole.STUDENT
                    and (person, learner) not in met
                ):
                    met.add((person, learner))
                    yield RosterRelation(person, learner, kind, file, number)

    # Enrolments

    def _enrollments(self) -> Iterator[RosterMembership]:
        """Yield who is in which class; millions of them, so what is usual takes the short way."""
        tables = self._tables
        # One look-up tells whether there is such an id, and gives the text that all others share.
        classes, users = ({each: intern(each) for each in tables.ids(name)} for name in _JOINED)
        orgs, role_of = tables.ids("orgs"), ROLES.get
        periods: dict[tuple[str, str], tuple[date | None, date | None]] = {}
        for file, number, values in tables.rows("enrollments", COLUMNS["enrollments"]):
            _, class_id, school, user, word, _, primary, begin, end = values
            joined, person = classes.get(class_id), users.get(user)
            if joined is None or person is None or school not in orgs:
                if tables.goes("classes", class_id) or tables.goes("users", user):
                    tables.remarks.add(file, number, LEFT_OUT, f"with a class or user {_GOING}")
                    continue
                tables.refer(file, number, "classSourcedId", class_id, "classes")
                tables.refer(file, number, "schoolSourcedId", school, "orgs")
                tables.refer(file, number, "userSourcedId", user, "users")
            period = periods.get((begin, end))
            if period is None:
                before = len(tables.problems)
                period = tables.period(file, number, begin, end)
                if len(tables.problems) == before:
                    periods[begin, end] = period
            yield _membership(
                (
                    joined or class_id,
                    person or user,
                    role_of(word) or tables.role(file, number, word),
                    primary == "true"
                    or (
                        primary not in ("", "false")
                        and tables.boolean(file, number, "primary", primary)
                    ),
                    *period,
                    file,
                    number,
                )
            )
