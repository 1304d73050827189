"""The guards: what a run may do at most, judged on the end state (design, section 5).

Each guard is a function from what it judges to one verdict; `GUARDS` lists them. They cap `apply`,
never `plan`: a plan that is refused still prints.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import Final

from reconciler.domain.vocabulary import Role
from reconciler.manifest.model import Limit
from reconciler.plain import count
from reconciler.plan.model import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """What the guards look at, for one role, within the scope.

    Attributes:
        live: how many assignments there are now.
        left: how many there are in the end.
        lost: how many of them go, or lose their effect with their holder or profile role.
        effective_before: how many have effect now.
        effective_after: how many have effect in the end.
        holders_before: how many people hold the role now.
        holders_after: how many hold it in the end.
    """

    role: Role
    live: int
    left: int
    lost: int
    effective_before: int
    effective_after: int
    holders_before: int
    holders_after: int
    max_removals: Limit


def max_removals(judged: Judged) -> Verdict:
    """Guard RR501: no more removals than `policy.max_removals` allows, rounded up."""
    limit = judged.max_removals
    amount = Fraction(str(limit.amount))  # 10 % of 30 is 3, whatever binary fractions say
    allowed = ceil(judged.live * amount / 100 if limit.percentage else amount)
    of = f" ({limit} of {judged.live})" if limit.percentage else ""
    return Verdict(
        code="RR501",
        role=judged.role,
        counted=judged.lost,
        allowed=allowed,
        passed=judged.lost <= allowed,
        message=f"{count(judged.lost, f'{judged.role} assignment')} would go; "
        f"policy.max_removals allows {allowed}{of}",
    )


def emptied(judged: Judged) -> Verdict:
    """Guard RR502: no role is left without anybody, or without anything, that it had."""
    nobody = judged.holders_before > 0 and judged.holders_after == 0
    unassigned = judged.live > 0 and judged.left == 0
    nothing = unassigned or (judged.effective_before > 0 and judged.effective_after == 0)
    left = "" if nobody else " assignment" if unassigned else " assignment with effect"
    return Verdict(
        code="RR502",
        role=judged.role,
        counted=int(nobody or nothing),
        allowed=0,
        passed=not (nobody or nothing),
        message=f"no {judged.role}{left} would be left"
        if nobody or nothing
        else f"the {judged.role} role is not emptied",
    )


GUARDS: Final[Mapping[str, Callable[[Judged], Verdict]]] = MappingProxyType(
    {"RR501": max_removals, "RR502": emptied}
)
"""Every guard by its code."""


def judge(cases: Iterable[Judged], overrides: Mapping[str, str]) -> tuple[Verdict, ...]:
    """Return every guard's verdict on every role; `overrides` lifts failed ones, with a reason.

    An override of a guard that passes anyway is not recorded.
    """
    verdicts = []
    for judged in cases:
        for guard in GUARDS.values():
            verdict = guard(judged)
            if not verdict.passed and verdict.code in overrides:
                verdict = replace(verdict, override=overrides[verdict.code])
            verdicts.append(verdict)
    return tuple(verdicts)
