"""The guards: what a run may do at most, and what has to be so in the end (design, section 5).

Each guard is a function from a plan's effect and the value of its rule to its findings; `GUARDS` is
the table of them. They cap `apply`, never `plan`: a plan that is refused still prints.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from operator import gt, lt
from types import MappingProxyType
from typing import Any, Final

from reconciler.access.coverage import kinship
from reconciler.cause import CauseKind, Grant
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.days import joined
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.manifest.policies import PolicyKey, ReasonFor
from reconciler.plain import count
from reconciler.policy.judged import Judged
from reconciler.policy.model import LISTED, ROSTER_SHRINK, Found, InForce, Source, Verdict
from reconciler.policy.protection import Protection


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule that plans are judged by.

    Attributes:
        code: its stable code.
        rule: the policy that sets it; None where it is always in force.
        judge: gives the verdicts, from the plan's effect and the rule's value.
        of_manifest: whether it judges what the manifest says, and not what the site would be. A
            saved plan does not hold that, so its own verdict is final.
    """

    code: str
    rule: PolicyKey | None
    judge: Callable[[Judged, Any], Iterable[Verdict]]
    of_manifest: bool = False


def max_removals(judged: Judged, limit: str) -> Iterator[Verdict]:
    """No more assignments of a role go, or lose their effect, than the limit allows, rounded up."""
    before, after = judged.before, judged.after
    gone = (before.in_scope - after.in_scope) | (
        (before.in_scope & before.effective) - after.effective
    )
    for role in Role:
        live = len(before.in_scope.of_role(role))
        going = gone.of_role(role)
        lost = len(going)
        percentage = limit.endswith("%")
        amount = Fraction(limit.rstrip("%"))  # 10 % of 30 is 3, whatever binary fractions say
        allowed = ceil(live * amount / 100 if percentage else amount)
        of = f" ({limit} of {live})" if percentage else ""
        over = sum(
            judged.removed.get(Address.assignment(*found)) is CauseKind.EXPIRED for found in going
        )
        ended = f", {over} of them past their last day" if over else ""
        yield Verdict(
            code="RR501",
            role=role,
            counted=lost,
            allowed=allowed,
            passed=lost <= allowed,
            message=f"{count(lost, f'{role} assignment')} would go{ended}; {allowed} allowed{of}",
        )


def max_roster_shrink(judged: Judged, limit: str) -> Iterator[Verdict]:
    """Where a roster has lost more than that since it was last applied, nothing is removed.

    Nor does anybody step in. It may have been cut off: a class without a teacher in it has one,
    most likely.
    """
    broken = [each for each in judged.said.shrunk if each.beyond(limit)]
    found = [Found.at(judged.keys, address) for address in judged.said.due if broken]
    lost = "; ".join(map(str, broken))
    yield _verdict(
        ROSTER_SHRINK,
        found,
        f"a roster has lost more than {limit} since it was last applied ({lost}), so its rules "
        "remove nothing and nobody steps in",
        "no roster has lost too much",
    )


def emptied(judged: Judged, _value: None) -> Iterator[Verdict]:
    """No role is left without anybody, or without anything, that it had."""
    for role in Role:
        held = [bool(judged.holders(role, side)) for side in (judged.before, judged.after)]
        assigned, effective = [], []
        for side in (judged.before, judged.after):
            own = side.in_scope.of_role(role)
            assigned.append(bool(own))
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
        Found.pair(judged.keys, person, learner, kinship(person, learner))
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
    for assignment in judged.said.declared:
        individual = assignment.kind is TargetKind.LEARNER and (
            ReasonFor.INDIVIDUAL_LEARNERS in wanted
        )
        for grant in judged.said.grants.get(assignment, (Grant(),)):
            temporary = grant.ends is not None and ReasonFor.TEMPORARY_GRANTS in wanted
            over = grant.days.are_over(judged.as_of)
            if (individual or temporary) and not over and not grant.reason:
                found.append(Found.at(judged.keys, Address.assignment(*assignment)))
                break
    yield _verdict("RR517", found, "a reason is missing", "every reason asked for is given")


def max_grant_days(judged: Judged, most: int) -> Iterator[Verdict]:
    """A declared assignment with an end lasts no longer than that, both days included.

    Grants of the same thing that follow each other without a day between count as one. What stays
    because it is accepted is a grant until that ends.
    """
    found = []
    for address, until in judged.said.accepted.items():
        left = (until - judged.as_of).days + 1
        if address.kind is AddressKind.ASSIGNMENT and left > most:
            found.append(Found.at(judged.keys, address, f"{count(left, 'day')}, accepted"))
    for assignment, grants in judged.said.grants.items():
        for stretch in joined(grant.days for grant in grants):
            days = stretch.count(judged.as_of)
            if days is not None and days > most and not stretch.are_over(judged.as_of):
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
    for role in Role:
        if role not in allowed:
            continue
        profiles = judged.coverage.profiles_beyond(role, allowed[role])
        people = judged.coverage.holders_beyond(role, allowed[role])
        found = [Found.profile(judged.keys, profile) for profile in profiles]
        found += [
            Found.person(judged.keys, person, judged.keys.profile_of(person).name)
            for person in people
        ]
        failed = f"the {role} role would be on a profile that is not allowed"
        verdict = _verdict("RR519", found, failed, f"the {role} role is on allowed profiles only")
        yield replace(verdict, role=role)


GUARDS: Final[Mapping[str, Guard]] = MappingProxyType(
    {
        guard.code: guard
        for guard in (
            Guard("RR501", PolicyKey.MAX_REMOVALS, max_removals),
            Guard("RR502", None, emptied),
            Guard("RR508", PolicyKey.PROTECTED, protected),
            Guard("RR510", PolicyKey.MAX_ACCESS_GAIN, max_access_gain),
            Guard(
                "RR511", PolicyKey.MAX_LEARNERS_PER_MENTOR, learners_per_mentor("RR511", "more", gt)
            ),
            Guard(
                "RR512",
                PolicyKey.MIN_LEARNERS_PER_MENTOR,
                learners_per_mentor("RR512", "fewer", lt),
            ),
            Guard("RR513", PolicyKey.EVERY_LEARNER_HAS_MENTOR, every_learner),
            Guard("RR514", PolicyKey.EVERY_CLASS_HAS_MENTOR, every_class),
            Guard("RR515", PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER, every_school),
            Guard("RR516", PolicyKey.NO_SELF_MENTORING, no_self_mentoring),
            Guard("RR517", PolicyKey.REQUIRE_REASON_FOR, require_reason, of_manifest=True),
            Guard("RR518", PolicyKey.MAX_GRANT_DAYS, max_grant_days, of_manifest=True),
            Guard("RR519", PolicyKey.ALLOWED_PROFILES, allowed_profiles),
            Guard(ROSTER_SHRINK, PolicyKey.MAX_ROSTER_SHRINK, max_roster_shrink, of_manifest=True),
        )
    }
)
"""Every guard by its code."""


def judge(
    judged: Judged,
    policies: Iterable[InForce],
    overrides: Mapping[str, str],
    seen: Collection[Verdict] | None = None,
) -> tuple[Verdict, ...]:
    """Return every guard's verdicts, in the order of their codes.

    Args:
        judged: the plan's effect.
        policies: the rules in force; one stated in two places is judged twice.
        overrides: per code the reason that lifts a failed verdict. An override of a guard that
            forbids nothing is not recorded.
        seen: the verdicts of a saved plan that is judged again. What was lifted in it stays
            lifted, as far as those who lifted it have seen.
    """
    stated = list(policies)
    verdicts: list[Verdict] = []
    for guard in GUARDS.values():
        own = [each for each in stated if each.rule is guard.rule]
        if guard.rule is None:
            verdicts += guard.judge(judged, None)
        for each in own:
            if guard.of_manifest and seen is not None:
                verdicts += _of_plan(seen, guard, each)
            else:
                verdicts += (_placed(found, each) for found in guard.judge(judged, each.value))
    return tuple(_lifted(verdict, overrides, seen or ()) for verdict in verdicts)


def judges_manifest(rule: PolicyKey) -> bool:
    """Whether a rule is about what the manifest says, so that a saved plan has to have known it."""
    return any(guard.rule is rule and guard.of_manifest for guard in GUARDS.values())


def _of_plan(seen: Iterable[Verdict], guard: Guard, policy: InForce) -> Iterator[Verdict]:
    for verdict in seen:
        if verdict.code == guard.code and verdict.source is policy.source:
            yield verdict


def _lifted(verdict: Verdict, overrides: Mapping[str, str], seen: Iterable[Verdict]) -> Verdict:
    if not verdict.forbids:
        return verdict
    earlier = (each.override for each in seen if each.lifts(verdict))
    return replace(verdict, override=overrides.get(verdict.code) or next(earlier, None))


_STATED: Final = {
    Source.DEFAULT: "the built-in limit {}",
    Source.MANIFEST: "policy.{}",
    Source.SITE: "the site's policy {}",
}


def _placed(verdict: Verdict, policy: InForce) -> Verdict:
    """Say where the rule is stated, and what breaking it means."""
    message = verdict.message
    if not verdict.passed:
        message = f"{message}, against {_STATED[policy.source].format(policy.rule)}"
    return replace(verdict, message=message, level=policy.level, source=policy.source)


def _verdict(code: str, found: list[Found], failed: str, kept: str) -> Verdict:
    """Make the verdict of a rule that nothing may break."""
    ordered = sorted(found, key=lambda each: (each.key, each.note, each.id))
    cut = len(ordered) > LISTED
    return Verdict(
        code=code,
        role=None,
        counted=len(found),
        allowed=0,
        passed=not found,
        message=failed if found else kept,
        found=tuple(ordered[:LISTED]),
        digest=hashlib.sha256(repr(ordered).encode()).hexdigest() if cut else None,
    )
