"""Finds by which keys a roster and a site name the same people and units: those that agree most."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Final, NamedTuple, TypeVar

from reconciler.directory import Directory, Keys
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
)
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.errors import ReconcilerError
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.roster_rules import RosterPersonKey, RosterSource, RosterUnitKey
from reconciler.rules.match import Matched, Matcher

_OfSite = TypeVar("_OfSite", PersonKey, UnitKey)
_OfRoster = TypeVar("_OfRoster", RosterPersonKey, RosterUnitKey)

NO_RULES: Final = "No rules can be proposed from this roster"
NO_RULES_ADVICE: Final = (
    "Write the manifest without --as-rules; `reconciler roster show` counts what the roster has."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What rules are sought for.

    Attributes:
        directory: the site.
        roster: what a school system exported.
        source: how the roster is declared; its keys are what is looked for.
        people: the kinds of keys by which the manifest may name people, the best first.
        units: the same of units.
        as_of: the day.
    """

    directory: Directory
    roster: Roster
    source: RosterSource
    people: tuple[PersonKey, ...]
    units: tuple[UnitKey, ...]
    as_of: date

    @property
    def live(self) -> Iterator[Assignment]:
        """What a rule may give: the assignments of units."""
        for each in self.directory.state.assignments:
            if each.kind is not TargetKind.LEARNER:
                yield each

    def of_the_day(self) -> "Question":
        """Leave out what no rule looks at on the day, which is nearly all of a roster."""
        roster = self.roster
        day = replace(
            roster,
            memberships=_held(roster.memberships, (RosterRole.TEACHER,), self.as_of),
            affiliations=_held(roster.affiliations, HEADS, self.as_of),
        )
        units = (unit for unit in roster.units if unit.holds_on(self.as_of))
        return replace(self, roster=restricted(day, units, roster.people))

    def refused(self, why: str) -> ReconcilerError:
        """Say that there are no rules, and why."""
        return ReconcilerError(f"{NO_RULES}: {why}.", NO_RULES_ADVICE)


def _held(
    memberships: Iterable[RosterMembership], roles: Collection[RosterRole], day: date
) -> tuple[RosterMembership, ...]:
    return tuple(each for each in memberships if each.role in roles and each.holds_on(day))


def restricted(
    roster: Roster, units: Iterable[RosterUnit], people: Iterable[RosterPerson]
) -> Roster:
    """Keep some units of a roster, who of some people is in them, and which of the people are."""
    kept = tuple(units)
    places, known = {unit.sourced_id for unit in kept}, {each.sourced_id: each for each in people}

    def within(memberships: Iterable[RosterMembership]) -> tuple[RosterMembership, ...]:
        return tuple(m for m in memberships if m.unit in places and m.person in known)

    memberships, affiliations = within(roster.memberships), within(roster.affiliations)
    named = dict.fromkeys(each.person for each in (*memberships, *affiliations))
    return replace(
        roster,
        units=kept,
        people=tuple(known[each] for each in named),
        memberships=memberships,
        affiliations=affiliations,
    )


class Common(NamedTuple):
    """By which keys a roster and a site agree: how the roster is declared, how the site names."""

    source: RosterSource
    keys: Keys


class _Link(NamedTuple):
    """Who has a duty in which unit, in a roster's ids, and the role that it may lead to."""

    role: Role
    person: str
    unit: str


HEADS: Final = (RosterRole.PRINCIPAL, RosterRole.ADMINISTRATOR)
"""Those who may become headteachers."""


def find_common(question: Question) -> Common:
    """Choose the keys by which most duties of the roster are assignments of the site.

    Where several kinds do equally well, those that find more people and units are chosen, then
    those that come first.

    The roster is that of the day.

    Raises:
        ReconcilerError: no kinds of keys agree; it says what is missing.
    """
    links = list(_links(question.roster))
    live = {(each.role, each.person, each.target) for each in question.live}
    if not live:
        raise question.refused("nobody on the site has a class, group, school or organisation")
    if not links:
        raise question.refused(
            f"on {question.as_of} nobody in it teaches a class or heads a school or organisation"
        )
    people = list(_people(question, {link.person for link in links}))
    units = list(_units(question, {link.unit for link in links}))
    for found, whose, kinds in (
        (people, "who teach or head something", question.people),
        (units, "they have", question.units),
    ):
        if not any(each.ids for each in found):
            noun = "people" if found is people else "units"
            raise question.refused(
                f"none of the {noun} {whose} in it is found on the site, by "
                f"{_or(kind.replace('_', ' ') for kind in kinds)}"
            )
    best, score = None, (0, 0, 0)
    for named in (each for each in people if each.ids):
        for placed in (each for each in units if each.ids):
            both = sum(
                (link.role, named.ids.get(link.person), placed.ids.get(link.unit)) in live
                for link in links
            )
            reached = both, len(named.ids), len(placed.ids)
            if reached > score and both:
                best, score = (named, placed), reached
    if best is None:
        raise question.refused("nobody on the site has a unit that they teach or head in it")
    named, placed = best
    return Common(
        replace(
            question.source,
            people=RosterPersonKey(named.of_roster),
            units=RosterUnitKey(placed.of_roster),
        ),
        Keys(question.directory, PersonKey(named.of_site), UnitKey(placed.of_site)),
    )


class _Found(NamedTuple):
    """What is found on the site by two kinds of keys: per id of the roster the site's."""

    of_site: str
    of_roster: str
    ids: Mapping[str, str]


def _links(roster: Roster) -> Iterator[_Link]:
    for each in roster.memberships:
        yield _Link(Role.MENTOR, each.person, each.unit)
    for each in roster.affiliations:
        yield _Link(Role.HEADTEACHER, each.person, each.unit)


def _people(question: Question, wanted: set[str]) -> Iterator[_Found]:
    def finder(of_site: PersonKey, of_roster: RosterPersonKey) -> Callable[[str], Matched]:
        source = replace(question.source, people=of_roster)
        keys = Keys(question.directory, of_site, UnitKey.ID)
        return Matcher(question.roster, source, keys).person

    return _by_keys(question.people, list(RosterPersonKey), finder, wanted)


def _units(question: Question, wanted: set[str]) -> Iterator[_Found]:
    def finder(of_site: UnitKey, of_roster: RosterUnitKey) -> Callable[[str], Matched]:
        source = replace(question.source, units=of_roster)
        keys = Keys(question.directory, PersonKey.ID, of_site)
        return Matcher(question.roster, source, keys).unit

    return _by_keys(question.units, list(RosterUnitKey), finder, wanted)


def _by_keys(
    of_site: Iterable[_OfSite],
    of_roster: Collection[_OfRoster],
    finder: Callable[[_OfSite, _OfRoster], Callable[[str], Matched]],
    wanted: Collection[str],
) -> Iterator[_Found]:
    """Yield what each two kinds of keys find of what is wanted; `finder` makes what finds it."""
    for one, other in product(of_site, of_roster):
        find = finder(one, other)
        found = {each: find(each).id for each in wanted}
        yield _Found(one, other, {each: to for each, to in found.items() if to})


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
