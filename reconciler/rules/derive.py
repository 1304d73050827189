"""What each rule of a manifest finds in its roster, on one day and one site.

Pure: roster, site and day come in; ordinary assignments go out, each with the rule and the row of
the roster that gave it, and everything that a person has to look at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.diagnostics import Diagnostic, Position
from reconciler.directory import Directory, Keys
from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.domain.vocabulary import TARGET_KINDS, TargetKind
from reconciler.manifest.model import ForNone, ForSeveral, Manifest, Of, OfKind, RosterRule, Who
from reconciler.plain import first_of
from reconciler.references import References
from reconciler.rules.match import Matched, Matcher
from reconciler.scope import Scope
from reconciler.state import Assignment
from reconciler.suggest import did_you_mean


class Fate(StrEnum):
    """What became of a unit of the roster that a rule looked at."""

    TAKEN = "taken"
    NOBODY = "nobody"
    OTHER_UNIT = "other_unit"
    EXCEPTED = "excepted"
    OUT_OF_SCOPE = "out_of_scope"
    UNKNOWN = "unknown"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a derived assignment comes from: the rule, and the row of the roster."""

    rule: str
    position: Position


@dataclass(frozen=True, slots=True)
class UnitFate:
    """What a rule made of one unit: whom it gave the role over it, or why nobody."""

    unit: RosterUnit
    fate: Fate
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What one rule found: every unit of its roster, in the roster's order."""

    rule: RosterRule
    units: tuple[UnitFate, ...]


@dataclass(frozen=True, slots=True)
class Derived:
    """What the rules of a manifest come to.

    Attributes:
        assignments: what they give, in the site's ids, with its origin.
        results: what each rule made of each unit.
        found: what is wrong or worth knowing.
        holds_until: the last day on which all this is the same, as far as the rosters say.
    """

    assignments: Mapping[Assignment, Origin] = field(default_factory=lambda: MappingProxyType({}))
    results: tuple[Result, ...] = ()
    found: tuple[Diagnostic, ...] = ()
    holds_until: date | None = None


def derive(
    manifest: Manifest, directory: Directory, keys: Keys, scope: Scope, as_of: date
) -> Derived:
    """Find what the rules of a manifest give on a day.

    The rosters of the manifest have been read. What several rules give is theirs together; the
    first of them is its origin.
    """
    assignments: dict[Assignment, Origin] = {}
    results: list[Result] = []
    found: list[Diagnostic] = []
    ends: list[date] = []
    ground = _Ground(directory, keys, scope, as_of)
    matchers = {
        name: Matcher(roster, manifest.sources[name], keys)
        for name, roster in manifest.rosters.items()
    }
    for rule in manifest.rules:
        run = _Run(rule, manifest.rosters[rule.roster], matchers[rule.roster], ground)
        results.append(Result(rule, run.units()))
        for assignment, origin in run.given.items():
            assignments.setdefault(assignment, origin)
        found += run.problems()
        ends += run.ends
    return Derived(assignments, tuple(results), tuple(found), min(ends, default=None))


_KINDS: Final[Mapping[OfKind, RosterUnitKind]] = MappingProxyType(
    {
        OfKind.CLASS: RosterUnitKind.CLASS,
        OfKind.SCHOOL: RosterUnitKind.SCHOOL,
        OfKind.ORGANISATION: RosterUnitKind.ORGANISATION,
    }
)

_WANTED: Final[Mapping[Who, Callable[[RosterMembership], bool]]] = MappingProxyType(
    {
        Who.PRIMARY_TEACHER: lambda held: held.role is RosterRole.TEACHER and held.primary,
        Who.TEACHER: lambda held: held.role is RosterRole.TEACHER,
        Who.PRINCIPAL: lambda held: held.role is RosterRole.PRINCIPAL,
        Who.ADMINISTRATOR: lambda held: held.role is RosterRole.ADMINISTRATOR,
    }
)
"""Whom each word means, among those who are in a unit."""

_NAMED: Final = 12
"""So many of what was not found are named; `rules test` names all."""


def looks_at(of: Of, unit: RosterUnit) -> bool:
    """Whether a rule is about a unit of a roster."""
    if unit.kind is not _KINDS[of.kind]:
        return False
    if of.class_type is not None and unit.class_type != of.class_type:
        return False
    return not of.grades or any(grade.lstrip("0") in of.grades for grade in unit.grades)


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where rules run: a site, how its things are named, the manifest's part of it, and the day."""

    directory: Directory
    keys: Keys
    scope: Scope
    as_of: date


class _Run:
    """One rule on one roster: collects what it gives and what is to be told.

    Attributes:
        given: what it gives, with its origin.
        ends: the days after which it gives something else.
    """

    def __init__(self, rule: RosterRule, roster: Roster, matcher: Matcher, ground: _Ground) -> None:
        self.given: dict[Assignment, Origin] = {}
        self.ends: list[date] = []
        self._rule = rule
        self._roster = roster
        self._matcher = matcher
        self._ground = ground
        self._refs = References(ground.directory, ground.keys)
        self._units_missing: dict[str, RosterUnit] = {}
        self._people_missing: dict[str, RosterMembership] = {}
        self._shared: dict[str, Matched] = {}
        self._nobody: list[RosterUnit] = []
        self._crowded: list[tuple[RosterUnit, int]] = []
        self._misfits: list[RosterUnit] = []
        refer = self._refs
        self._spared = {refer.unit(each) for each in rule.except_units} - {None}
        self._barred = {refer.person(each) for each in rule.except_people} - {None}
        self._steps_in = refer.person(rule.use) if rule.use else None

    def units(self) -> tuple[UnitFate, ...]:
        """Go through the roster's units."""
        held = self._held()
        return tuple(self._unit(unit, held.get(unit.sourced_id, ())) for unit in self._roster.units)

    def _unit(self, unit: RosterUnit, held: Sequence[RosterMembership]) -> UnitFate:
        if not looks_at(self._rule.of, unit):
            return UnitFate(unit, Fate.OTHER_UNIT)
        self._note_changes(unit)
        if not unit.holds_on(self._ground.as_of):
            return UnitFate(unit, Fate.NOT_NOW)
        matched, scope = self._matcher.unit(unit.sourced_id), self._ground.scope
        if matched.id is None:
            self._unmatched_unit(unit, matched)
            return UnitFate(unit, Fate.UNKNOWN)
        if not scope.has(matched.id):
            return UnitFate(unit, Fate.OUT_OF_SCOPE)
        if matched.id in self._spared:
            return UnitFate(unit, Fate.EXCEPTED)
        people = self._give(unit, matched.id, self._found(unit, held))
        return UnitFate(unit, Fate.TAKEN if people else Fate.NOBODY, people)

    def _held(self) -> Mapping[str, Sequence[RosterMembership]]:
        """Return per unit who is in it and meant, on the day; note when that changes."""
        wanted = _WANTED[self._rule.who]
        held: defaultdict[str, list[RosterMembership]] = defaultdict(list)
        of_class = self._rule.of.kind is OfKind.CLASS
        for each in self._roster.memberships if of_class else self._roster.affiliations:
            if not wanted(each):
                continue
            self._note_changes(each)
            if each.holds_on(self._ground.as_of):
                held[each.unit].append(each)
        return held

    def _note_changes(self, dated: RosterMembership | RosterUnit) -> None:
        """Note the last days before something begins or ends."""
        # The end is the first day on which it holds no more (OneRoster, "endDate").
        changes = (day for day in (dated.begin, dated.end) if day is not None)
        self.ends += (day - timedelta(days=1) for day in changes if day > self._ground.as_of)

    def _found(self, unit: RosterUnit, held: Sequence[RosterMembership]) -> Mapping[str, Position]:
        """Return who of the site is found in a unit, by id, with the row that says so."""
        people: dict[str, Position] = {}
        for each in held:
            matched = self._matcher.person(each.person)
            if matched.id is None:
                self._unmatched_person(each, matched)
            elif matched.id not in self._barred:
                people.setdefault(matched.id, Position(each.file, each.row, 1))
        if len(people) > 1 and self._rule.several is ForSeveral.REFUSE:
            self._crowded.append((unit, len(people)))
        if len(people) > 1 and self._rule.several is ForSeveral.FIRST:
            people = dict([next(iter(people.items()))])
        if not people:
            if self._rule.none is ForNone.USE and self._steps_in is not None:
                people = {self._steps_in: Position(unit.file, unit.row, 1)}
            else:
                self._nobody.append(unit)
        return people

    def _give(
        self, unit: RosterUnit, target: str, people: Mapping[str, Position]
    ) -> tuple[str, ...]:
        """Give the role over a unit of the site; return who has it now."""
        role, kind = self._rule.role, TargetKind(self._ground.directory.units[target].kind.value)
        if kind not in TARGET_KINDS[role]:
            self._misfits.append(unit)
            return ()
        for person, position in people.items():
            assignment = Assignment(role, person, kind, target)
            self.given.setdefault(assignment, Origin(self._rule.name.key, position))
        return tuple(people)

    def _unmatched_unit(self, unit: RosterUnit, matched: Matched) -> None:
        if matched.ids:
            self._shared[str(matched.key)] = matched
        else:
            self._units_missing[unit.sourced_id] = unit

    def _unmatched_person(self, held: RosterMembership, matched: Matched) -> None:
        if matched.ids:
            self._shared[str(matched.key)] = matched
        else:
            self._people_missing.setdefault(held.person, held)

    def problems(self) -> Iterator[Diagnostic]:
        """Yield what is to be told of the rule, once it has gone through all units."""
        yield from self._refs.found
        name, place = self._rule.name.key, self._rule.name.position
        if not self.given:
            yield Diagnostic(
                "RR401",
                f"the rule {name} matches nothing in the roster {self._rule.roster}.",
                place,
                "See why with `reconciler rules test`; a rule that is not needed is taken out.",
            )
        keys = [str(self._matcher.unit(each).key or each) for each in self._units_missing]
        yield from self._missing("RR402", "unit", keys, self._ground.keys.units_by_key)
        keys = [str(self._matcher.person(each).key or each) for each in self._people_missing]
        yield from self._missing("RR403", "person", keys, self._ground.keys.people_by_key)
        for key in sorted(self._shared):
            yield Diagnostic(
                "RR404",
                f"{len(self._shared[key].ids)} on the site have the key {key}, which the rule "
                f"{name} found in the roster.",
                place,
                "Give them keys of their own, or match by another key.",
            )
        if self._nobody:
            refuses = self._rule.none is ForNone.REFUSE
            yield Diagnostic(
                "RR406" if refuses else "RR405",
                f"the rule {name} finds no {self._rule.who} in "
                f"{_several([each.sourced_id for each in self._nobody])}.",
                place,
                "Mend the roster, declare somebody, or say under `none` what is to be done.",
            )
        if self._misfits:
            yield Diagnostic(
                "RR408",
                f"the rule {name} is about units over which nobody can be {self._rule.role}: "
                f"{_several([each.sourced_id for each in self._misfits])}.",
                place,
                "On the site they are of another kind than in the roster: match by another key, "
                "or take them out with `except`.",
            )
        if self._crowded:
            told = [f"{unit.sourced_id} ({number})" for unit, number in self._crowded]
            yield Diagnostic(
                "RR407",
                f"the rule {name} finds more than one {self._rule.who} in {_several(told)}.",
                place,
                "Mend the roster, or say under `several` what is to be done.",
            )

    def _missing(
        self, code: str, noun: str, keys: Sequence[str], known: Iterable[str]
    ) -> Iterator[Diagnostic]:
        if not keys:
            return
        near = did_you_mean(min(keys), known)
        several = {"person": "people"}.get(noun, f"{noun}s")
        yield Diagnostic(
            code,
            f"the rule {self._rule.name.key} names {len(keys):,} "
            f"{noun if len(keys) == 1 else several} that the site does not have: {_several(keys)}.",
            self._rule.name.position,
            f"{near} A near match is never used." if near else "Check by which key both are named.",
        )


def _several(keys: Sequence[str]) -> str:
    return first_of(sorted(keys), _NAMED)
