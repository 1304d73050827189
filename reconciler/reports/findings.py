"""What a command found, in the one shape that every format for pipelines renders.

Whatever was looked at (a manifest, a plan, drift, a site), a pipeline wants to know the same of it:
which rule, how bad, in which line, and what to do.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from reconciler.apply.outcome import Outcome
from reconciler.codes import CODES, Severity
from reconciler.diagnostics import Diagnostic, Position
from reconciler.drift import Drifted, DriftKind, DriftReport, OnSite
from reconciler.plain import plain
from reconciler.plan.model import Action, Plan
from reconciler.policy.model import Verdict
from reconciler.reports.differing import direction
from reconciler.reports.outcomes import Outcomes, Settled
from reconciler.review import CHECKS, Review

_DRIFT: Final[Mapping[DriftKind, str]] = MappingProxyType(
    {
        DriftKind.CHANGED: "RR801",
        DriftKind.UNMANAGED: "RR802",
        DriftKind.EXPIRED: "RR803",
        DriftKind.LAPSED: "RR804",
    }
)

_PLACE: Final = re.compile(r"(:|\bline |\brow )\d+")
"""Numbers of lines within a sentence: they move, and the finding stays the same one."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One thing that was found, in harmless text.

    Attributes:
        code: its stable code; `title` is what the code means.
        message: what is wrong.
        position: where; a report's home stands in for what has no place.
        advice: what to do, if there is something.
        fingerprint: the same in every report for the same finding, wherever its line moves.
    """

    code: str
    title: str
    severity: Severity
    message: str
    position: Position
    advice: str | None
    fingerprint: str

    @property
    def text(self) -> str:
        """The message with its advice."""
        return f"{self.message} {self.advice}" if self.advice else self.message


@dataclass(frozen=True, slots=True)
class _Found:
    code: str
    title: str
    severity: Severity
    message: str
    position: Position | None = None
    advice: str | None = None


def of_diagnostics(found: Iterable[Diagnostic], home: str) -> Iterator[Reported]:
    """Report diagnostics.

    Args:
        found: what was found.
        home: the path under which that is told which has no place of its own.
    """
    return _reported(map(_diagnostic, found), home)


def of_plan(plan: Plan, home: str) -> Iterator[Reported]:
    """Report a plan's warnings, and what the guards have against it."""
    return _reported(_judged(plan), home)


def of_drift(report: DriftReport, home: str) -> Iterator[Reported]:
    """Report what drifted, each thing at its line where it has one, and what is held back.

    A policy that is broken is no drift; `of_plan` has it.
    """
    waiting = report.plan.held_back
    found = (
        *map(_drifted, report.drifted),
        *map(_diagnostic, report.plan.warnings),
        *([_verdict(waiting)] if waiting else []),
    )
    return _reported(found, home)


def of_review(review: Review, home: str) -> Iterator[Reported]:
    """Report what a review found, and what is odd about the manifest."""
    found = (
        _Found(
            CHECKS[each.check].code,
            CHECKS[each.check].title,
            each.severity,
            f"{CHECKS[each.check].title}: {each.found}",
        )
        for each in review.findings
    )
    return _reported((*found, *map(_diagnostic, review.warnings)), home)


def of_outcomes(run: Outcomes, home: str) -> Iterator[Reported]:
    """Report what failed of a run, or may have, each at its line where it has one."""
    failed = (_settled(each) for each in run.settled if each.failed)
    return _reported((*_of_run(run), *failed), home)


def of_run(run: Outcomes, home: str) -> Iterator[Reported]:
    """Report what there is to say of a run as a whole."""
    return _reported(_of_run(run), home)


def _of_run(run: Outcomes) -> Iterator[_Found]:
    if run.broken:
        yield _found("RR813", f"{run.title}: {run.broken}")
    yield from map(_diagnostic, run.warnings)


def _settled(settled: Settled) -> _Found:
    action = settled.action
    code = "RR812" if settled.outcome is Outcome.UNKNOWN else "RR811"
    why = f": {settled.detail}" if settled.detail else ""
    message = f"{action.verb.value} {action.name}: {settled.word}{why} ({action.cause})."
    return _found(code, message, action.cause.position)


def _judged(plan: Plan) -> Iterator[_Found]:
    yield from map(_diagnostic, plan.warnings)
    yield from (_verdict(each) for each in plan.verdicts if not each.passed)


def _found(code: str, message: str, position: Position | None = None) -> _Found:
    return _Found(code, CODES[code].title, CODES[code].severity, message, position)


def _diagnostic(found: Diagnostic) -> _Found:
    code = found.code
    return _Found(
        code, CODES[code].title, found.severity, found.message, found.position, found.advice
    )


def _verdict(verdict: Verdict) -> _Found:
    severity = Severity.ERROR if verdict.refuses else Severity.WARNING
    overridden = f" (overridden: {verdict.override})" if verdict.override else ""
    return _Found(verdict.code, CODES[verdict.code].title, severity, f"{verdict}{overridden}")


def _drifted(found: Drifted) -> _Found:
    cause = found.item.cause if isinstance(found.item, Action) else None
    # Of what is there and should not be, that is said already.
    why = f" ({cause})" if cause and found.on_site is not OnSite.SURPLUS else ""
    message = f"{found.name}: {direction(found)}{why}."
    return _found(_DRIFT[found.kind], message, cause.position if cause else None)


def _reported(found: Iterable[_Found], home: str) -> Iterator[Reported]:
    seen: Counter[str] = Counter()
    for each in found:
        place = each.position or Position(home)
        # A home is where a report needs a place: the same finding is at home elsewhere in another.
        file = each.position.file if each.position else ""
        same = "\0".join((each.code, file, _PLACE.sub(r"\1", each.message)))
        number = seen[same]
        seen[same] += 1
        yield Reported(
            each.code,
            each.title,
            each.severity,
            plain(each.message),
            place._replace(file=plain(place.file)),
            plain(each.advice) if each.advice else None,
            hashlib.sha256(f"{same}\0{number}".encode("utf-8", "backslashreplace")).hexdigest(),
        )
