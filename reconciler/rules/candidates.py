"""Tries rules on a site: what each would give, without what the site has not."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, TypeAlias

from reconciler.diagnostics import Position
from reconciler.domain.roster import Roster, RosterRole
from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind
from reconciler.manifest.model import (
    Manifest,
    Of,
    OfKind,
    Policy,
    Reference,
    RosterRule,
    Settings,
    Who,
)
from reconciler.manifest.shape import is_key
from reconciler.manifest.write_rules import HOMEROOM
from reconciler.rules.common_keys import HEADS, Common, Question
from reconciler.rules.derive import derive, looks_at
from reconciler.rules.match import Matcher
from reconciler.rules.result import Derived
from reconciler.scope import Scope
from reconciler.state import Assignment

NOWHERE: Final = Position("", 1, 1)
"""The place of what stands in no file yet."""

_WHO: Final = {
    Role.MENTOR: (Who.PRIMARY_TEACHER, Who.TEACHER),
    Role.HEADTEACHER: (Who.PRINCIPAL, Who.ADMINISTRATOR),
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """A rule, and what it gives: assignments of the site, and no others."""

    rule: RosterRule
    given: frozenset[Assignment]


class Bench:
    """Where rules are tried: a site, a roster, and the keys by which both agree.

    Attributes:
        live: what rules may give.
    """

    def __init__(self, question: Question, common: Common) -> None:
        self.live = frozenset(question.live)
        self._question = question
        self._roster = _of_those_who_teach_or_head(question.roster)
        self._keys = common.keys
        self._source = common.source
        self._matcher = Matcher(question.roster, common.source, common.keys)
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
        if role is Role.HEADTEACHER:
            return Of(OfKind.SCHOOL), Of(OfKind.ORGANISATION)
        types = {unit.class_type or "" for unit in self._question.roster.units}
        typed = [Of(OfKind.CLASS, each) for each in sorted(types) if is_key(each)]
        return *sorted(typed, key=lambda of: of != HOMEROOM), Of(OfKind.CLASS)

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
            for grade in {grade.lstrip("0") for grade in unit.grades if is_key(grade)}:
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
        return None if mistaken or not given <= self.live else Proposed(rule, given)

    def _misfits(self, rule: RosterRule) -> Iterator[str]:
        """Yield the units that a rule is about and over which nobody can have its role."""
        for unit in self._question.roster.units:
            target = self._matcher.unit(unit.sourced_id).id if looks_at(rule.of, unit) else None
            if target is not None:
                kind = TargetKind(self._question.directory.units[target].kind.value)
                if kind not in TARGET_KINDS[rule.role]:
                    yield target

    def _run(self, rule: RosterRule) -> Derived:
        question = self._question
        manifest = Manifest(
            site=Reference(question.directory.state.site.id, NOWHERE),
            settings=Settings(self._keys.people_by, self._keys.units_by),
            within=None,
            policy=Policy(),
            digest="",
            sources={self._source.name: self._source},
            rosters={self._source.name: self._roster},
            rules=(rule,),
        )
        return derive(manifest, question.directory, self._keys, self._whole, question.as_of)


def _of_those_who_teach_or_head(roster: Roster) -> Roster:
    """Leave out what no rule looks at: nearly all of a roster, which is gone through often."""
    teaching = tuple(each for each in roster.memberships if each.role is RosterRole.TEACHER)
    heading = tuple(each for each in roster.affiliations if each.role in HEADS)
    named = {each.person for each in (*teaching, *heading)}
    people = tuple(each for each in roster.people if each.sourced_id in named)
    return replace(roster, people=people, memberships=teaching, affiliations=heading)


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
        if all(any(other in chosen - {side} for other in _sides(each)) for each in ills[side]):
            chosen.discard(side)
    units, people = ({name for kind, name in chosen if kind == side} for side in (_UNIT, _PERSON))
    return people, units


def _sides(assignment: Assignment) -> tuple[_Side, _Side]:
    return (_UNIT, assignment.target), (_PERSON, assignment.person)
