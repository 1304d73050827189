"""The guards: what a run may do at most, and what has to be so in the end (design, section 5).

Each guard is a function from a plan's effect and the value of its rule to its findings; `GUARDS` is
the table of them. They cap `apply`, never `plan`: a plan that is refused still prints.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from operator import gt, lt
from types import MappingProxyType
from typing import Any, Final

from reconciler.access.coverage import kinship
from reconciler.diff import Protection
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.manifest.model import ReasonFor, Rule
from reconciler.plain import count
from reconciler.policy.judged import Judged
from reconciler.policy.model import LISTED, Found, FoundKind, InForce, Source, Verdict


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule that plans are judged by.

    Attributes:
        code: its stable code.
        rule: the policy that sets it; None where it is always in force.
        judge: gives the verdicts, from the plan's effect and the rule's value.
    """

    code: str
    rule: Rule | None
    judge: Callable[[Judged, Any], Iterable[Verdict]]


def max_removals(judged: Judged, limit: str) -> Iterator[Verdict]:
    """No more assignments of a role go, or lose their effect, than the limit allows, rounded up."""
    before, after = judged.before, judged.after
    gone = (before.in_scope - after.in_scope) | (
        (before.in_scope & before.effective) - after.effective
    )
    for role in Role:
        live = sum(1 for found in before.in_scope if found.role is role)
        lost = sum(1 for found in gone if found.role is role)
        percentage = limit.endswith("%")
        amount = Fraction(limit.rstrip("%"))  # 10 % of 30 is 3, whatever binary fractions say
        allowed = ceil(live * amount / 100 if percentage else amount)
        of = f" ({limit} of {live})" if percentage else ""
        yield Verdict(
            code="RR501",
            role=role,
            counted=lost,
            allowed=allowed,
            passed=lost <= allowed,
            message=f"{count(lost, f'{role} assignment')} would go; "
            f"policy.max_removals allows {allowed}{of}",
        )


def emptied(judged: Judged, _value: None) -> Iterator[Verdict]:
    """No role is left without anybody, or without anything, that it had."""
    for role in Role:
        held = [bool(judged.holders(role, side)) for side in (judged.before, judged.after)]
        assigned, effective = [], []
        for side in (judged.before, judged.after):
            own = (found for found in side.in_scope if found.role is role)
            assigned.append(any(found.role is role for found in side.in_scope))
            effective.append(any(found in side.effective for found in own))
        lost = [had and not has for had, has in (held, assigned, effective)]
        what = ("", " assignment", " assignment with effect")
        left = next((words for words, gone in zip(what, lost, strict=True) if gone), None)
        yield Verdict(
            code="RR502",
            role=role,
            counted=int(left is not None),
            allowed=0,
            passed=left is None,
            message=f"the {role} role is not emptied"
            if left is None
            else f"no {role}{left} would be left",
        )


def protected(judged: Judged, value: Mapping[str, tuple[str, ...]]) -> Iterator[Verdict]:
    """Nothing of a protected person's, or over a protected unit, goes for not being declared.

    A plan leaves such things out by itself. The guard is for one that was made without the policy.
    A rollback is asked for, and only warns (RR509).
    """
    protection = Protection.of(judged.before.directory, value["people"], value["units"])
    found = [
        Found.at(judged.keys, address)
        for address, why in judged.removed.items()
        if protection.keeps(address, why)
    ]
    yield _verdict("RR508", found, "protected things would go", "nothing protected goes")


def max_access_gain(judged: Judged, most: int) -> Iterator[Verdict]:
    """Nobody gains sight of more learners than that in one run."""
    found = [
        Found.person(judged.keys, change.person, count(len(change.gained), "learner"))
        for change in judged.access
        if len(change.gained) > most
    ]
    yield _verdict(
        "RR510",
        found,
        f"somebody would gain sight of more than {count(most, 'learner')}",
        f"nobody gains sight of more than {count(most, 'learner')}",
    )


def learners_per_mentor(
    code: str, word: str, breaks: Callable[[int, int], bool]
) -> Callable[[Judged, int], Iterator[Verdict]]:
    """Make a guard of how many learners each mentor sees, over all assignments as a mentor.

    Args:
        code: the guard's.
        word: how a number breaks the rule, "more" say.
        breaks: whether a number breaks it.
    """

    def judge_mentors(judged: Judged, limit: int) -> Iterator[Verdict]:
        found = [
            Found.person(judged.keys, person, count(learners, "learner"))
            for person, learners in judged.coverage.mentors.items()
            if breaks(learners, limit)
        ]
        than = f"{word} than {count(limit, 'learner')}"
        yield _verdict(code, found, f"a mentor would see {than}", f"no mentor sees {than}")

    return judge_mentors


def every_learner(judged: Judged, _value: bool) -> Iterator[Verdict]:  # noqa: FBT001 - the value of the rule
    """A mentor sees every learner in scope."""
    found = [Found.person(judged.keys, learner) for learner in judged.coverage.without_mentor()]
    yield _verdict("RR513", found, "a learner would have no mentor", "every learner has a mentor")


def every_class(judged: Judged, _value: bool) -> Iterator[Verdict]:  # noqa: FBT001 - the value of the rule
    """Every class in scope has a mentor, or each of its learners has one."""
    found = [Found.unit(judged.keys, unit) for unit in judged.coverage.classes_without_mentor()]
    yield _verdict("RR514", found, "a class would have no mentor", "every class has a mentor")


def every_school(judged: Judged, _value: bool) -> Iterator[Verdict]:  # noqa: FBT001 - the value of the rule
    """Every school in scope has a headteacher, of its own or of an organisation above it."""
    found = [
        Found.unit(judged.keys, unit) for unit in judged.coverage.schools_without_headteacher()
    ]
    yield _verdict(
        "RR515", found, "a school would have no headteacher", "every school has a headteacher"
    )


def no_self_mentoring(judged: Judged, _value: bool) -> Iterator[Verdict]:  # noqa: FBT001 - the value of the rule
    """Nobody mentors themselves, or a child of their own where the directory names guardians."""
    found = [
        Found.person(judged.keys, person, kinship(person, learner))
        for person, learner in judged.coverage.own_mentors()
    ]
    yield _verdict(
        "RR516",
        found,
        "a mentor would mentor themselves or a child of theirs",
        "nobody mentors themselves or a child of theirs",
    )


def require_reason(judged: Judged, reasons_for: Iterable[str]) -> Iterator[Verdict]:
    """A declared assignment of the kinds named has a reason."""
    wanted = frozenset(reasons_for)
    found = []
    for assignment in judged.declared:
        grant = judged.grants.get(assignment)
        individual = assignment.kind is TargetKind.LEARNER
        temporary = grant is not None and grant.ends is not None
        asked = (individual and ReasonFor.INDIVIDUAL_LEARNERS in wanted) or (
            temporary and ReasonFor.TEMPORARY_GRANTS in wanted
        )
        if asked and (grant is None or not grant.reason):
            found.append(Found.at(judged.keys, Address.assignment(*assignment)))
    yield _verdict("RR517", found, "a reason is missing", "every reason asked for is given")


def max_grant_days(judged: Judged, most: int) -> Iterator[Verdict]:
    """A declared assignment with an end lasts no longer than that, both days included."""
    found = []
    for assignment, grant in judged.grants.items():
        if grant.ends is not None:
            days = (grant.ends - (grant.begins or judged.as_of)).days + 1
            if days > most:
                address = Address.assignment(*assignment)
                found.append(Found.at(judged.keys, address, count(days, "day")))
    yield _verdict(
        "RR518",
        found,
        f"a grant would last more than {count(most, 'day')}",
        f"no grant lasts more than {count(most, 'day')}",
    )


def allowed_profiles(judged: Judged, allowed: Mapping[str, tuple[str, ...]]) -> Iterator[Verdict]:
    """A role is enabled on, and held by people of, the profiles that are allowed only."""
    directory = judged.after.directory
    for role in Role:
        if role not in allowed:
            continue
        named = frozenset(allowed[role])
        found = [
            Found(FoundKind.PROFILE, profile.id, judged.keys.profile(profile.id))
            for profile in directory.state.profiles
            if judged.scope.whole_site and role in profile.roles and profile.id not in named
        ]
        found += [
            Found.person(
                judged.keys, person, directory.profiles[directory.people[person].profile].name
            )
            for person in judged.holders(role, judged.after)
            if directory.people[person].profile not in named
        ]
        failed = f"the {role} role would be on a profile that is not allowed"
        verdict = _verdict("RR519", found, failed, f"the {role} role is on allowed profiles only")
        yield replace(verdict, role=role)


GUARDS: Final[Mapping[str, Guard]] = MappingProxyType(
    {
        guard.code: guard
        for guard in (
            Guard("RR501", Rule.MAX_REMOVALS, max_removals),
            Guard("RR502", None, emptied),
            Guard("RR508", Rule.PROTECTED, protected),
            Guard("RR510", Rule.MAX_ACCESS_GAIN, max_access_gain),
            Guard("RR511", Rule.MAX_LEARNERS_PER_MENTOR, learners_per_mentor("RR511", "more", gt)),
            Guard("RR512", Rule.MIN_LEARNERS_PER_MENTOR, learners_per_mentor("RR512", "fewer", lt)),
            Guard("RR513", Rule.EVERY_LEARNER_HAS_MENTOR, every_learner),
            Guard("RR514", Rule.EVERY_CLASS_HAS_MENTOR, every_class),
            Guard("RR515", Rule.EVERY_SCHOOL_HAS_HEADTEACHER, every_school),
            Guard("RR516", Rule.NO_SELF_MENTORING, no_self_mentoring),
            Guard("RR517", Rule.REQUIRE_REASON_FOR, require_reason),
            Guard("RR518", Rule.MAX_GRANT_DAYS, max_grant_days),
            Guard("RR519", Rule.ALLOWED_PROFILES, allowed_profiles),
        )
    }
)
"""Every guard by its code."""


def judge(
    judged: Judged, policies: Iterable[InForce], overrides: Mapping[str, str]
) -> tuple[Verdict, ...]:
    """Return every guard's verdicts, in the order of their codes.

    Args:
        judged: the plan's effect.
        policies: the rules in force; one stated in two places is judged twice.
        overrides: per code the reason that lifts a failed verdict. An override of a guard that
            forbids nothing is not recorded.
    """
    stated = list(policies)
    verdicts: list[Verdict] = []
    for guard in GUARDS.values():
        own = [each for each in stated if each.rule is guard.rule]
        if guard.rule is None:
            verdicts += guard.judge(judged, None)
        for each in own:
            for verdict in guard.judge(judged, each.value):
                verdicts.append(_placed(verdict, each))
    return tuple(
        replace(verdict, override=overrides[verdict.code])
        if verdict.forbids and verdict.code in overrides
        else verdict
        for verdict in verdicts
    )


def _placed(verdict: Verdict, policy: InForce) -> Verdict:
    """Say where the rule is stated, and what breaking it means."""
    message = verdict.message
    if policy.source is Source.SITE and not verdict.passed:
        message = f"{message}, against the site's policy {policy.rule}"
    elif policy.source is Source.MANIFEST and not verdict.passed and "policy." not in message:
        message = f"{message}, against policy.{policy.rule}"
    return replace(verdict, message=message, level=policy.level, source=policy.source)


def _verdict(code: str, found: list[Found], failed: str, kept: str) -> Verdict:
    """Make the verdict of a rule that nothing may break."""
    ordered = sorted(found, key=lambda each: (each.key, each.note))
    return Verdict(
        code=code,
        role=None,
        counted=len(found),
        allowed=0,
        passed=not found,
        message=failed if found else kept,
        found=tuple(ordered[:LISTED]),
    )
