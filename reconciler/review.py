"""The review: what is missing or odd about who looks after whom, on a site as it is.

The check before a term begins and after people have moved. It asks the same questions as the
policies (`access/coverage.py`), of a state rather than of a plan, and more. A finding is an error
where a mandatory policy demands otherwise, or where somebody sees a learner whom they no longer
should; else it is a warning.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from reconciler.access.coverage import Coverage, kinship
from reconciler.access.effective import Learners, in_effect
from reconciler.cause import CauseKind
from reconciler.codes import CODES, Severity
from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, Keys
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.ending import Ending
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.policies import Level, PolicyKey
from reconciler.plain import count
from reconciler.plan.model import Plan
from reconciler.policy.model import Found, InForce
from reconciler.provider import Verb
from reconciler.scope import Scope, in_scope


class Check(StrEnum):
    """What a review looks for."""

    LEARNER_WITHOUT_MENTOR = "learner_without_mentor"
    CLASS_WITHOUT_MENTOR = "class_without_mentor"
    SCHOOL_WITHOUT_HEADTEACHER = "school_without_headteacher"
    MENTOR_WITHOUT_LEARNERS = "mentor_without_learners"
    INACTIVE_HOLDER = "inactive_holder"
    PROFILE_WITHOUT_ROLE = "profile_without_role"
    MENTOR_OVER_LIMIT = "mentor_over_limit"
    OWN_MENTOR = "own_mentor"
    UNIT_EMPTIED = "unit_emptied"
    ENDS_SOON = "ends_soon"
    EXPIRED_AND_LIVE = "expired_and_live"
    MENTOR_UNDER_MINIMUM = "mentor_under_minimum"
    PROFILE_NOT_ALLOWED = "profile_not_allowed"
    ACCEPTANCE_LAPSED = "acceptance_lapsed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a review found.

    Attributes:
        check: what was looked for.
        severity: how bad it is.
        found: the person, unit or address, and how far it is off.
        unit: the key of the unit in which it lies: a learner's home, a class's school.
        day: the day that matters, where one does.
    """

    check: Check
    severity: Severity
    found: Found
    unit: str | None = None
    day: date | None = None


@dataclass(frozen=True)
class Reviewed:
    """What a review looks at.

    Attributes:
        directory: of the state.
        as_of: the day.
        scope: the part that is asked about.
        policies: the rules in force.
        plan: of the manifest, where there is one: it says what should have ended.
        ending: what ends soon.
        people: how people are named.
        units: how units are named.
    """

    directory: Directory
    as_of: date
    scope: Scope
    policies: tuple[InForce, ...]
    plan: Plan | None = None
    ending: tuple[Ending, ...] = ()
    people: PersonKey = PersonKey.SYNC_KEY
    units: UnitKey = UnitKey.SYNC_KEY

    @cached_property
    def keys(self) -> Keys:
        """Name people and units for those who read."""
        return Keys(self.directory, self.people, self.units)

    @cached_property
    def learners(self) -> Learners:
        """Who is in which unit on the day."""
        return Learners(self.directory, self.as_of)

    @cached_property
    def coverage(self) -> Coverage:
        """Who is looked after."""
        effective = in_effect(self.directory, self.directory.state)
        counted = self.plan.counted if self.plan else {}
        effective |= {counted[each] for each in counted.keys() & effective}
        return Coverage(self.directory, self.learners, effective, self.scope, self.as_of)

    @cached_property
    def _last_days(self) -> dict[str, date]:
        """Per unit the latest day on which a learner's membership had ended."""
        days: dict[str, date] = {}
        for each in self.directory.state.memberships:
            if each.role is MembershipRole.LEARNER and each.end and each.end <= self.as_of:
                days[each.unit] = max(each.end, days.get(each.unit, date.min))
        return days

    def left(self, unit: str) -> date | None:
        """Return the day since which nobody is in an empty unit, as far as memberships tell."""
        below = self.directory.subtree([unit])
        return max(
            (self._last_days[each] for each in below if each in self._last_days), default=None
        )

    def level(self, rule: PolicyKey) -> Severity:
        """How bad it is to break a rule, as the strictest of those who state it has it."""
        found = [_severity(each.level) for each in self.policies if each.rule is rule]
        return Severity.ERROR if Severity.ERROR in found else Severity.WARNING

    def above(self, unit: str) -> str | None:
        """Return the key of the unit above another."""
        parent = self.directory.units[unit].parent
        return self.keys.unit(parent) if parent is not None else None


@dataclass(frozen=True, slots=True)
class Review:
    """What a review found, of which site and on which day; and what is odd about the manifest."""

    site: str
    revision: int
    as_of: date
    within_days: int
    findings: tuple[Finding, ...]
    warnings: tuple[Diagnostic, ...] = ()


def review(reviewed: Reviewed) -> tuple[Finding, ...]:
    """Return everything that was found, in the order of the checks and then of the keys."""
    return tuple(
        finding
        for check in CHECKS.values()
        for finding in sorted(
            check.look(reviewed), key=lambda each: (each.day or date.min, each.found.key)
        )
    )


def fails(review: Review, fail_on: Iterable[str]) -> bool:
    """Whether a review found what it is to fail on.

    Args:
        review: what it found.
        fail_on: of `FAIL_ON`: a severity or worse, a check by its code or name, or never.
    """
    codes = {known.code: check.value for check, known in CHECKS.items()}
    wanted = {codes.get(each, each) for each in fail_on}
    if Severity.WARNING in wanted:
        wanted.add(Severity.ERROR)
    return any(finding.severity in wanted or finding.check in wanted for finding in review.findings)


def _severity(level: Level) -> Severity:
    """How bad it is to break a rule of a level."""
    return Severity.ERROR if level is Level.MANDATORY else Severity.WARNING


def _learners(reviewed: Reviewed) -> Iterator[Finding]:
    severity = reviewed.level(PolicyKey.EVERY_LEARNER_HAS_MENTOR)
    for learner in reviewed.coverage.without_mentor():
        home = reviewed.directory.home(learner, reviewed.as_of)
        unit = reviewed.keys.unit(home) if home else None
        yield Finding(
            Check.LEARNER_WITHOUT_MENTOR, severity, Found.person(reviewed.keys, learner), unit
        )


def _classes(reviewed: Reviewed) -> Iterator[Finding]:
    units = reviewed.coverage.classes_without_mentor()
    yield from _bare(reviewed, Check.CLASS_WITHOUT_MENTOR, PolicyKey.EVERY_CLASS_HAS_MENTOR, units)


def _schools(reviewed: Reviewed) -> Iterator[Finding]:
    units, rule = (
        reviewed.coverage.schools_without_headteacher(),
        PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER,
    )
    yield from _bare(reviewed, Check.SCHOOL_WITHOUT_HEADTEACHER, rule, units)


def _bare(
    reviewed: Reviewed, check: Check, rule: PolicyKey, units: Iterable[str]
) -> Iterator[Finding]:
    """Name units that lack somebody whom a rule may demand."""
    severity = reviewed.level(rule)
    for unit in units:
        learners = count(len(reviewed.learners.under(unit)), "learner")
        found = Found.unit(reviewed.keys, unit, learners)
        yield Finding(check, severity, found, reviewed.above(unit))


def _mentors(reviewed: Reviewed) -> Iterator[Finding]:
    for person, learners in reviewed.coverage.mentors.items():
        if not learners:
            found = Found.person(reviewed.keys, person)
            yield Finding(Check.MENTOR_WITHOUT_LEARNERS, Severity.WARNING, found)


def _inactive(reviewed: Reviewed) -> Iterator[Finding]:
    for role, person in reviewed.coverage.holders:
        if not reviewed.directory.people[person].active:
            found = Found.person(reviewed.keys, person, role)
            yield Finding(Check.INACTIVE_HOLDER, Severity.WARNING, found)


def _without_role(reviewed: Reviewed) -> Iterator[Finding]:
    for role, person in reviewed.coverage.holders:
        if not reviewed.directory.has_role(role, person):
            profile = reviewed.keys.profile_of(person).name
            found = Found.person(reviewed.keys, person, f"{role}, profile {profile}")
            yield Finding(Check.PROFILE_WITHOUT_ROLE, Severity.WARNING, found)


def _beyond(
    check: Check, rule: PolicyKey, note: str, breaks: Callable[[int, int], bool]
) -> Callable[[Reviewed], Iterator[Finding]]:
    """Look for the mentors whose number of learners breaks a rule; `note` words its limit."""

    def look(reviewed: Reviewed) -> Iterator[Finding]:
        limits = [
            (policy.value, policy.level)
            for policy in reviewed.policies
            if policy.rule is rule and isinstance(policy.value, int)
        ]
        for person, learners in reviewed.coverage.mentors.items():
            broken = [(limit, level) for limit, level in limits if breaks(learners, limit)]
            if broken:
                limit, level = next(
                    (each for each in broken if each[1] is Level.MANDATORY), broken[0]
                )
                told = f"{count(learners, 'learner')}, {note.format(limit)}"
                found = Found.person(reviewed.keys, person, told)
                yield Finding(check, _severity(level), found)

    return look


def _not_allowed(reviewed: Reviewed) -> Iterator[Finding]:
    for policy in reviewed.policies:
        if policy.rule is not PolicyKey.ALLOWED_PROFILES or not isinstance(policy.value, Mapping):
            continue
        severity = _severity(policy.level)
        for name, allowed in policy.value.items():
            role = Role(name)
            for profile in reviewed.coverage.profiles_beyond(role, allowed):
                found = Found.profile(reviewed.keys, profile, role)
                yield Finding(Check.PROFILE_NOT_ALLOWED, severity, found)
            for person in reviewed.coverage.holders_beyond(role, allowed):
                profile = reviewed.keys.profile_of(person).name
                found = Found.person(reviewed.keys, person, f"{role}, profile {profile}")
                yield Finding(Check.PROFILE_NOT_ALLOWED, severity, found)


def _own(reviewed: Reviewed) -> Iterator[Finding]:
    severity = reviewed.level(PolicyKey.NO_SELF_MENTORING)
    for person, learner in reviewed.coverage.own_mentors():
        found = Found.pair(reviewed.keys, person, learner, kinship(person, learner))
        yield Finding(Check.OWN_MENTOR, severity, found)


def _emptied(reviewed: Reviewed) -> Iterator[Finding]:
    directory = reviewed.directory
    assigned = {
        found.target
        for found in in_scope(directory, reviewed.scope, Role, reviewed.as_of)
        if found.kind is not TargetKind.LEARNER
    }
    for unit in sorted(assigned):
        if not reviewed.learners.under(unit):
            since = reviewed.left(unit)
            note = f"since {since}" if since else "has never had any"
            found = Found.unit(reviewed.keys, unit, note)
            yield Finding(Check.UNIT_EMPTIED, Severity.WARNING, found, reviewed.above(unit), since)


def _ending(reviewed: Reviewed) -> Iterator[Finding]:
    for each in reviewed.ending:
        found = Found.at(reviewed.keys, each.address, str(each))
        yield Finding(Check.ENDS_SOON, Severity.WARNING, found, day=each.until)


def _expired(reviewed: Reviewed) -> Iterator[Finding]:
    for action in reviewed.plan.actions if reviewed.plan else ():
        if action.cause.kind is CauseKind.EXPIRED and action.verb is Verb.REMOVE:
            found = Found.at(reviewed.keys, action.address, str(action.cause))
            yield Finding(Check.EXPIRED_AND_LIVE, Severity.ERROR, found, day=action.cause.day)


def _lapsed(reviewed: Reviewed) -> Iterator[Finding]:
    if reviewed.plan is None:
        return
    actions = [
        (each.address, each.cause.accepted_until, each.verb) for each in reviewed.plan.actions
    ]
    reported = [
        (each.address, each.accepted_until, Verb.REMOVE) for each in reviewed.plan.unmanaged
    ]
    for address, until, verb in (*actions, *reported):
        if until is not None:
            found = Found.at(reviewed.keys, address, f"accepted until {until}")
            # What is live too much lets somebody see; what is missing does not.
            severity = Severity.ERROR if verb is Verb.REMOVE else Severity.WARNING
            yield Finding(Check.ACCEPTANCE_LAPSED, severity, found, day=until)


@dataclass(frozen=True, slots=True)
class _Check:
    """One line of the table: its stable code, and how it looks."""

    code: str
    look: Callable[[Reviewed], Iterable[Finding]]

    @property
    def title(self) -> str:
        """What it finds, as a heading."""
        title = CODES[self.code].title
        return f"{title[0].upper()}{title[1:]}"


CHECKS: Final[Mapping[Check, _Check]] = MappingProxyType(
    {
        Check.LEARNER_WITHOUT_MENTOR: _Check("RR601", _learners),
        Check.CLASS_WITHOUT_MENTOR: _Check("RR602", _classes),
        Check.SCHOOL_WITHOUT_HEADTEACHER: _Check("RR603", _schools),
        Check.MENTOR_WITHOUT_LEARNERS: _Check("RR604", _mentors),
        Check.INACTIVE_HOLDER: _Check("RR605", _inactive),
        Check.PROFILE_WITHOUT_ROLE: _Check("RR606", _without_role),
        Check.MENTOR_OVER_LIMIT: _Check(
            "RR607",
            _beyond(
                Check.MENTOR_OVER_LIMIT,
                PolicyKey.MAX_LEARNERS_PER_MENTOR,
                "{} allowed",
                operator.gt,
            ),
        ),
        Check.OWN_MENTOR: _Check("RR608", _own),
        Check.UNIT_EMPTIED: _Check("RR609", _emptied),
        Check.ENDS_SOON: _Check("RR610", _ending),
        Check.EXPIRED_AND_LIVE: _Check("RR611", _expired),
        Check.MENTOR_UNDER_MINIMUM: _Check(
            "RR612",
            _beyond(
                Check.MENTOR_UNDER_MINIMUM,
                PolicyKey.MIN_LEARNERS_PER_MENTOR,
                "{} at least",
                operator.lt,
            ),
        ),
        Check.PROFILE_NOT_ALLOWED: _Check("RR613", _not_allowed),
        Check.ACCEPTANCE_LAPSED: _Check("RR614", _lapsed),
    }
)
"""Every check by its name, in the order of the report."""

FAIL_ON: Final = (
    *(each.value for each in Severity),
    "never",
    *(each.value for each in Check),
    *(CHECKS[check].code for check in Check),
)
"""What a review can be told to fail on."""
