"""What each rule of a manifest finds in its roster, on one day and one site.

Pure: roster, site and day come in; ordinary assignments go out, each with the rule and the row of
the roster that gave it, and everything that a person has to look at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from reconciler.cause import Cause, CauseKind
from reconciler.diagnostics import Diagnostic, Position
from reconciler.directory import Directory, Keys
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
    plain_grade,
    plain_type,
)
from reconciler.domain.vocabulary import TARGET_KINDS, TargetKind
from reconciler.manifest.model import Manifest
from reconciler.manifest.roster_rules import ForSeveral, Of, OfKind, RosterRule, Who
from reconciler.references import References
from reconciler.rules.match import Matched, Matcher
from reconciler.rules.result import Derived, Fate, Result, UnitFate
from reconciler.rules.shortfalls import shortfalls
from reconciler.scope import Scope


def derive(
    manifest: Manifest,
    directory: Directory,
    keys: Keys,
    scope: Scope,
    as_of: date,
    matchers: Mapping[str, Matcher] | None = None,
) -> Derived:
    """Find what the rules of a manifest give on a day.

    The rosters of the manifest have been read. What several rules give is theirs together; the
    first of them is its origin.

    Args:
        manifest: what declares the rules.
        directory: the site.
        keys: how the manifest names what is there.
        scope: the part of the site that the manifest speaks for.
        as_of: the day.
        matchers: by roster what finds its people and units, where the manifest has only a part of
            each roster; by default they are of what it has.
    """
    assignments: dict[Assignment, Cause] = {}
    results: list[Result] = []
    found: list[Diagnostic] = []
    unsure: set[Holder] = set()
    ends: list[date] = []
    ground = _Ground(directory, keys, scope, as_of)
    if matchers is None:
        matchers = {
            name: Matcher(roster, manifest.sources[name], keys, as_of)
            for name, roster in manifest.rosters.items()
        }
    for rule in manifest.rules:
        matcher = matchers[rule.roster]
        run = _Run(rule, manifest.rosters[rule.roster], matcher, ground)
        result = run.result()
        results.append(result)
        for assignment, cause in run.given.items():
            assignments.setdefault(assignment, cause)
        found += (*run.mistakes, *shortfalls(result, matcher, keys))
        unsure |= {Holder(rule.role, person) for person in result.unsure}
        ends += run.ends
    return Derived(
        assignments, tuple(results), tuple(found), frozenset(unsure), min(ends, default=None)
    )


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


def looks_at(of: Of, unit: RosterUnit) -> bool:
    """Whether a rule is about a unit of a roster."""
    if unit.kind is not _KINDS[of.kind]:
        return False
    if of.class_type is not None and (
        unit.class_type is None or plain_type(unit.class_type) != plain_type(of.class_type)
    ):
        return False
    return not of.grades or any(plain_grade(grade) in of.grades for grade in unit.grades)


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where rules run: a site, how its things are named, the manifest's part of it, and the day."""

    directory: Directory
    keys: Keys
    scope: Scope
    as_of: date


class _Run:
    """One rule on one roster.

    Attributes:
        given: what it gives, and why.
        ends: the days after which it gives something else.
    """

    def __init__(self, rule: RosterRule, roster: Roster, matcher: Matcher, ground: _Ground) -> None:
        self.given: dict[Assignment, Cause] = {}
        self.ends: list[date] = []
        self._rule = rule
        self._roster = roster
        self._matcher = matcher
        self._ground = ground
        self._refs = References(ground.directory, ground.keys)
        self._parents = {each.sourced_id: each.parent for each in roster.units}
        self._strangers: dict[str, RosterMembership] = {}
        self._shared: dict[str, Matched] = {}
        self._unsure: set[str] = set()
        self._crowded: list[tuple[RosterUnit, int]] = []
        self._spared = {each.key for each in rule.except_units}
        self._barred = {each.key for each in rule.except_people}
        self._steps_in = self._refs.person(rule.use) if rule.use else None
        self._look_up_exceptions()

    def _look_up_exceptions(self) -> None:
        """Report what is excepted and is not on the site; what is in the roster alone may be."""
        refer, keys, matcher = self._refs, self._ground.keys, self._matcher
        for each in self._rule.except_units:
            if keys.find_units(each.key) or not matcher.names_unit(each.key):
                refer.unit(each)
        for each in self._rule.except_people:
            if keys.find_people(each.key) or not matcher.names_person(each.key):
                refer.person(each)

    @property
    def mistakes(self) -> Sequence[Diagnostic]:
        """The rule's own references that lead nowhere."""
        return self._refs.found

    def result(self) -> Result:
        """Go through the roster's units."""
        held = self._held()
        units = tuple(
            self._unit(unit, held.get(unit.sourced_id, ())) for unit in self._roster.units
        )
        finds_nothing = all(each.fate is not Fate.TAKEN for each in units)
        ended, begins = self._other_days() if finds_nothing else (None, None)
        return Result(
            self._rule,
            units,
            self._strangers,
            self._shared,
            frozenset(self._unsure),
            tuple(self._crowded),
            ended,
            begins,
        )

    def _other_days(self) -> tuple[date | None, date | None]:
        """Return the last day before, and the first day after, on which the roster has anything.

        Neither where something that the rule looks at holds on the day itself.
        """
        day = self._ground.as_of
        units = {
            each.sourced_id: each for each in self._roster.units if looks_at(self._rule.of, each)
        }
        links = [each for each in self._links() if each.unit in units]
        if any(each.holds_on(day) and units[each.unit].holds_on(day) for each in links):
            return None, None
        ended, begins = [], []
        for link in links:
            both = link, units[link.unit]
            end = min((each.end for each in both if each.end is not None), default=None)
            begin = max((each.begin for each in both if each.begin is not None), default=None)
            if end is not None and end <= day:
                ended.append(end - timedelta(days=1))
            elif begin is not None:
                begins.append(begin)
        return max(ended, default=None), min(begins, default=None)

    def _unit(self, unit: RosterUnit, held: Sequence[RosterMembership]) -> UnitFate:
        if not looks_at(self._rule.of, unit):
            return UnitFate(unit, Fate.OTHER_UNIT)
        self._note_changes(unit)
        if not unit.holds_on(self._ground.as_of):
            return UnitFate(unit, Fate.NOT_NOW)
        matched = self._matcher.unit(unit.sourced_id)
        if matched.id is None:
            return UnitFate(unit, self._unmatched(unit, matched))
        passed_over = self._passed_over(matched.id, matched.key)
        return UnitFate(unit, passed_over) if passed_over else self._people(unit, matched.id, held)

    def _passed_over(self, target: str, key: str | None) -> Fate | None:
        """Say why the rule passes over a unit of the site, if it does."""
        if not self._ground.scope.has(target):
            return Fate.OUT_OF_SCOPE
        if key in self._spared:
            return Fate.EXCEPTED
        return None if self._kind(target) in TARGET_KINDS[self._rule.role] else Fate.OTHER_KIND

    def _kind(self, target: str) -> TargetKind:
        return TargetKind(self._ground.directory.units[target].kind.value)

    def _unmatched(self, unit: RosterUnit, matched: Matched) -> Fate:
        """Say what becomes of a unit that is not on the site, or several times."""
        above, seen = unit.parent, {unit.sourced_id}
        while above is not None and above not in seen:
            known = self._matcher.unit(above).id
            if known is not None:
                if not self._ground.scope.has(known):
                    return Fate.OUT_OF_SCOPE
                break
            seen.add(above)
            above = self._parents.get(above)
        if matched.key in self._spared:
            return Fate.EXCEPTED
        if matched.ids:
            self._shared[str(matched.key)] = matched
        return Fate.UNKNOWN

    def _held(self) -> Mapping[str, Sequence[RosterMembership]]:
        """Return per unit who is in it and meant, on the day; note when that changes."""
        held: defaultdict[str, list[RosterMembership]] = defaultdict(list)
        for each in self._links():
            self._note_changes(each)
            if each.holds_on(self._ground.as_of):
                held[each.unit].append(each)
        return held

    def _links(self) -> Iterator[RosterMembership]:
        """Yield who is in a unit on any day, and meant."""
        of_class = self._rule.of.kind is OfKind.CLASS
        links = self._roster.memberships if of_class else self._roster.affiliations
        return filter(_WANTED[self._rule.who], links)

    def _note_changes(self, dated: RosterMembership | RosterUnit) -> None:
        """Note the last days before something begins or ends."""
        # The end is the first day on which it holds no more (OneRoster, "endDate").
        changes = (day for day in (dated.begin, dated.end) if day is not None)
        self.ends += (day - timedelta(days=1) for day in changes if day > self._ground.as_of)

    def _people(self, unit: RosterUnit, target: str, held: Sequence[RosterMembership]) -> UnitFate:
        """Give the role over a unit of the site to those who are found in it."""
        rule = self._rule
        people: dict[str, Cause] = {}
        meant = self._meant(unit, held)
        without = Fate.NOBODY_LEFT if held and not meant else Fate.NOBODY
        for each in meant:
            matched = self._matcher.person(each.person)
            if matched.id is None:
                self._stranger(each, matched)
                if without is not Fate.NOBODY_SURE:
                    without = Fate.NOBODY_SURE if matched.ids else Fate.NOBODY_ON_SITE
            else:
                row = Position(each.file, each.row, 1)
                people.setdefault(matched.id, Cause(CauseKind.DERIVED, row, rule=rule.name.key))
        fate = Fate.TAKEN if people else without
        # Where nobody can say who has the unit, nobody else is to see its learners.
        steps_in = not people and without is not Fate.NOBODY_SURE
        if steps_in and rule.use is not None and self._steps_in is not None:
            cause = Cause(CauseKind.STEPS_IN, rule.use.position, rule=rule.name.key)
            people, fate = {self._steps_in: cause}, Fate.STEPS_IN
        kind = self._kind(target)
        for person, cause in people.items():
            self.given.setdefault(Assignment(rule.role, person, kind, target), cause)
        return UnitFate(unit, fate, tuple(people))

    def _meant(
        self, unit: RosterUnit, held: Sequence[RosterMembership]
    ) -> Sequence[RosterMembership]:
        """Return who of those in a unit is to have the role, once each, whether on the site or not.

        Somebody whom the site does not have yet is no reason to take another one.
        """
        people: dict[str, RosterMembership] = {}
        for each in held:
            if self._matcher.person(each.person).key not in self._barred:
                people.setdefault(each.person, each)
        meant = tuple(people.values())
        if len(meant) > 1 and self._rule.several is ForSeveral.REFUSE:
            self._crowded.append((unit, len(meant)))
        return meant[:1] if self._rule.several is ForSeveral.FIRST else meant

    def _stranger(self, held: RosterMembership, matched: Matched) -> None:
        if matched.clashes:
            self._shared[str(matched.key)] = matched
        else:
            self._strangers.setdefault(held.person, held)
            self._unsure.update(matched.ids)
