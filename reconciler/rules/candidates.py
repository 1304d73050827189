"""Tries rules on a site: what each would give, without what the site has not."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, TypeAlias

from reconciler.diagnostics import Position
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import (
    HOMEROOM,
    Roster,
    RosterMembership,
    RosterUnit,
    plain_grade,
    plain_type,
)
from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind
from reconciler.manifest.dump import count_lines
from reconciler.manifest.model import Manifest, Settings
from reconciler.manifest.naming import Reference
from reconciler.manifest.policies import Policy
from reconciler.manifest.roster_rules import Of, OfKind, RosterRule, Who
from reconciler.manifest.shape import is_key
from reconciler.manifest.write_rules import OF_HOMEROOM, rule_data
from reconciler.rules.common_keys import Common, Question, restricted
from reconciler.rules.derive import derive, looks_at
from reconciler.rules.match import Matcher
from reconciler.rules.result import Derived
from reconciler.scope import Scope

NOWHERE: Final = Position("", 1, 1)
"""The place of what stands in no file yet."""

_WHO: Final = {
    Role.MENTOR: (Who.PRIMARY_TEACHER, Who.TEACHER),
    Role.HEADTEACHER: (Who.PRINCIPAL, Who.ADMINISTRATOR),
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A rule that gives assignments of the site, and no others.

    Attributes:
        rule: the rule.
        given: what it gives.
        lines: how many lines it takes in a manifest.
    """

    rule: RosterRule
    given: frozenset[Assignment]
    lines: int


class Bench:
    """Where rules are tried: a site, a roster, and the keys by which both agree.

    Args:
        question: what rules are sought for; its roster is that of the day, or the whole one.
        common: the keys.
        matcher: finds what the whole roster names, where somebody whom no rule is about may have
            the key of somebody else.

    Attributes:
        live: what rules may give.
    """

    def __init__(self, question: Question, common: Common, matcher: Matcher) -> None:
        self.live = frozenset(question.live)
        self._question = question
        self._keys = common.keys
        self._source = common.source
        self._matcher = matcher
        self._roster = _of_the_site(question.roster, self._matcher)
        self._by_type = _by_class_type(self._roster)
        self._whole = Scope.of(question.directory, None)

    def fitting(self, role: Role) -> Iterator[Proposed]:
        """Yield the rules for a role that give something and nothing wrong, the plainest first."""
        for rule in self._candidates(role):
            found = self._fitted(rule)
            if found is not None:
                yield found

    def _candidates(self, role: Role) -> Iterator[RosterRule]:
        """Yield every rule for a role that may be worth trying, the plainest first.

        Where there are several people in a unit, it is each of them: who stands first in an export
        says little, and may be another tomorrow.
        """
        for who in _WHO[role]:
            for of in self._kinds(role):
                rule = RosterRule(Reference("rule", NOWHERE), self._source.name, role, who, of)
                yield rule
                if of.kind is OfKind.CLASS and (grades := self._paying_grades(rule)):
                    yield replace(rule, of=replace(of, grades=grades))

    def _kinds(self, role: Role) -> Sequence[Of]:
        """Return what a rule may be of; types of classes are those of which the site has some."""
        if role is Role.HEADTEACHER:
            return Of(OfKind.SCHOOL), Of(OfKind.ORGANISATION)
        had = {each.target for each in self.live if each.role is role}
        types = {
            _spelling(kind, part)
            for kind, part in self._by_type.items()
            if any(self._matcher.unit(unit.sourced_id).id in had for unit in part.units)
        }
        typed = [Of(OfKind.CLASS, each) for each in sorted(types) if is_key(each)]
        return *sorted(typed, key=lambda of: of != OF_HOMEROOM), Of(OfKind.CLASS)

    def _paying_grades(self, rule: RosterRule) -> tuple[str, ...]:
        """Return the grades in which more of what a rule gives is on the site than is not.

        None of them where nothing that it gives is wrong.
        """
        worth: Counter[str] = Counter()
        derived = self._run(rule)
        if derived.assignments.keys() <= self.live:
            return ()
        given: defaultdict[str, list[Assignment]] = defaultdict(list)
        for each in derived.assignments:
            given[each.target].append(each)
        for unit in (fate.unit for fate in derived.results[0].units if fate.people):
            over = given[self._matcher.unit(unit.sourced_id).id or ""]
            value = sum(1 if each in self.live else -1 for each in over)
            for grade in {plain_grade(grade) for grade in unit.grades if is_key(grade)}:
                worth[grade] += value
        paying = [grade for grade, value in worth.items() if value > 0]
        return tuple(sorted(paying, key=lambda grade: (not grade.isdecimal(), len(grade), grade)))

    def _fitted(self, rule: RosterRule) -> Proposed | None:
        """Except from a rule what the site has not; None where that leaves nothing or cannot be."""
        derived = self._run(rule)
        wrong = derived.assignments.keys() - self.live
        barred, spared = _exceptions(wrong, derived.assignments.keys() & self.live)
        spared |= set(self._misfits(rule))
        people = {self._keys.person(each): each for each in barred}
        places = {self._keys.unit(each): each for each in spared}
        nameable = all(
            is_key(key) and self._keys.find_people(key) == [each] for key, each in people.items()
        ) and all(
            is_key(key) and self._keys.find_units(key) == [each] for key, each in places.items()
        )
        if not nameable:
            return None
        if barred or spared:
            rule = replace(
                rule, except_people=_references(people), except_units=_references(places)
            )
            derived = self._run(rule)
        given = frozenset(derived.assignments)
        mistaken = any(each.is_error for each in derived.found)
        if mistaken or not given <= self.live:
            return None
        return Proposed(rule, given, count_lines({"rules": [rule_data(rule)]}) - 1)

    def _misfits(self, rule: RosterRule) -> Iterator[str]:
        """Yield the units that a rule is about and over which nobody can have its role."""
        for unit in self._looked_at(rule).units:
            target = self._matcher.unit(unit.sourced_id).id if looks_at(rule.of, unit) else None
            if target is not None:
                kind = TargetKind(self._question.directory.units[target].kind.value)
                if kind not in TARGET_KINDS[rule.role]:
                    yield target

    def _looked_at(self, rule: RosterRule) -> Roster:
        """Return the part of the roster that matters to a rule: there may be thousands of types."""
        kind = rule.of.class_type
        return self._roster if kind is None else self._by_type[plain_type(kind)]

    def untrue(self, rules: Sequence[RosterRule]) -> frozenset[Assignment]:
        """Return what rules give over the whole roster, and the site has not.

        While they are tried, they see no more than seems to matter to them. In a manifest they see
        all, and what they give there is what somebody gains sight by.
        """
        named = (replace(rule, name=Reference(str(n), NOWHERE)) for n, rule in enumerate(rules))
        return frozenset(self._run_all(tuple(named), self._question.roster).assignments) - self.live

    def _run(self, rule: RosterRule) -> Derived:
        return self._run_all((rule,), self._looked_at(rule))

    def _run_all(self, rules: tuple[RosterRule, ...], roster: Roster) -> Derived:
        question = self._question
        manifest = Manifest(
            site=Reference(question.directory.state.site.id, NOWHERE),
            settings=Settings(self._keys.people_by, self._keys.units_by),
            within=None,
            policy=Policy(),
            digest="",
            sources={self._source.name: self._source},
            rosters={self._source.name: roster},
            rules=rules,
        )
        matchers = {self._source.name: self._matcher}
        return derive(
            manifest, question.directory, self._keys, self._whole, question.as_of, matchers
        )


def _of_the_site(roster: Roster, matcher: Matcher) -> Roster:
    """Leave out the people and units that the site does not have; no rule gives anything of them.

    Those that several on the site may be stay: a rule that meets one is a mistake.
    """
    return restricted(
        roster,
        (unit for unit in roster.units if matcher.unit(unit.sourced_id).ids),
        (person for person in roster.people if matcher.person(person.sourced_id).ids),
    )


def _by_class_type(roster: Roster) -> Mapping[str, Roster]:
    """Part the classes of a roster by type, as rules compare it, with those who are in each."""
    people = {person.sourced_id: person for person in roster.people}
    members: defaultdict[str, list[RosterMembership]] = defaultdict(list)
    for each in roster.memberships:
        members[each.unit].append(each)
    units: defaultdict[str, list[RosterUnit]] = defaultdict(list)
    for unit in roster.units:
        if unit.class_type is not None:
            units[plain_type(unit.class_type)].append(unit)
    parts: dict[str, Roster] = {}
    for kind, listed in units.items():
        within = [each for unit in listed for each in members[unit.sourced_id]]
        part = replace(roster, memberships=tuple(within), affiliations=())
        parts[kind] = restricted(part, listed, (people[each.person] for each in within))
    return parts


def _spelling(kind: str, part: Roster) -> str:
    """Return how a rule writes a type of classes, which a roster may write in several cases."""
    return HOMEROOM if kind == HOMEROOM else min(str(unit.class_type) for unit in part.units)


def _references(keys: Collection[str]) -> tuple[Reference, ...]:
    return tuple(Reference(key, NOWHERE) for key in sorted(keys))


_Side: TypeAlias = tuple[int, str]
"""What can be excepted to take an assignment away: its unit or its person, by id."""

_UNIT: Final = 0
_PERSON: Final = 1


def _exceptions(
    wrong: Collection[Assignment], right: Collection[Assignment]
) -> tuple[set[str], set[str]]:
    """Choose the people and the units to be excepted, so that nothing wrong is given.

    Each wrong assignment is taken away by its person or by its unit: by the one that costs fewer
    lines, the right ones among them that are lost, for each wrong one that it takes away. Of
    equals it is the unit: the person may be given others tomorrow.
    """
    lost = Counter(side for each in right for side in _sides(each))
    ills: defaultdict[_Side, list[Assignment]] = defaultdict(list)
    for each in sorted(wrong):
        for side in _sides(each):
            ills[side].append(each)

    def price(side: _Side) -> tuple[Fraction, _Side]:
        return Fraction(1 + lost[side], len(ills[side])), side

    chosen = {min(_sides(each), key=price) for each in wrong}
    for side in sorted(chosen, key=price, reverse=True):
        others = ({*_sides(each)} - {side} for each in ills[side])
        if all(each & chosen for each in others):
            chosen.discard(side)
    units, people = ({name for kind, name in chosen if kind == side} for side in (_UNIT, _PERSON))
    return people, units


def _sides(assignment: Assignment) -> tuple[_Side, _Side]:
    return (_UNIT, assignment.target), (_PERSON, assignment.person)
