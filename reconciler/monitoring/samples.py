"""What came of a run, as numbers: pure functions from results to samples.

Names and units are by Prometheus' conventions: base units, points in time instead of ages, which go
stale, and `_total` for counters alone, of which a program that ends has none. No label names a
person.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.apply.outcome import ApplyResult, Outcome
from reconciler.cause import CauseKind
from reconciler.drift import DriftKind, DriftReport
from reconciler.errors import ExitCode, GuardRefused
from reconciler.plan.model import Plan
from reconciler.provider import Verb

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reconciler_last_run_timestamp_seconds": "When the last run ended.",
        "reconciler_last_run_success": "Whether the last run did what it was to do (1) or not (0).",
        "reconciler_last_run_exit_code": "The exit code of the last run.",
        "reconciler_last_run_duration_seconds": "How long the last run took.",
        "reconciler_last_success_timestamp_seconds": "When the last run that succeeded ended.",
        "reconciler_plan_actions": "How many changes the plan has, by what they do.",
        "reconciler_plan_refused": "Whether a guard refuses the plan (1) or not (0).",
        "reconciler_drift_items": "How many things drifted, by why they are drift.",
        "reconciler_pending_items": "How many changes are not yet applied.",
        "reconciler_held_back_items": "How many changes wait, as a roster has lost too much.",
        "reconciler_grants_past_end": "How many assignments are live past their last day.",
        "reconciler_grants_ending_soon": "How many assignments and accepted deviations end soon.",
        "reconciler_apply_actions": "How many changes of the last apply there were, by outcome.",
        "reconciler_roster_timestamp_seconds": "When the newest file of a roster was written.",
    }
)
"""Every metric with its help; all of them are gauges."""

RAN: Final = "reconciler_last_run_timestamp_seconds"
SUCCEEDED: Final = "reconciler_last_success_timestamp_seconds"
_REFUSED: Final = "reconciler_plan_refused"

SUCCESS: Final = frozenset({ExitCode.DONE, ExitCode.CHANGES, ExitCode.PENDING})
"""The exit codes of a run that did what it was to do, whatever it found."""


class Sample(NamedTuple):
    """One number: the metric's name, its labels beside those of the run, and the value."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, measured.

    Attributes:
        command: what was run: `drift`, or `fleet drift`.
        site: what the site is called where it was asked for: the environment's name, or the
            fleet's. Empty for a fleet as a whole, and where variables name the site.
        code: the exit code.
        ended: when it ended, in seconds since 1970.
        seconds: how long it took; None where that is not known.
        samples: what it found.
        target: tells sites of the same name apart where many jobs write to the same place
            (`reconciler.monitoring.job.Job`); empty in a file that somebody named.
        placed: whether it is known which site it was about: a run that fails before its settings
            are read may be about any.
    """

    command: str
    site: str
    code: ExitCode
    ended: float
    seconds: float | None = None
    samples: tuple[Sample, ...] = ()
    target: str = ""
    placed: bool = True

    @property
    def succeeded(self) -> bool:
        """Whether it did what it was to do."""
        return self.code in SUCCESS

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """What tells its samples from those of other runs."""
        named = (("command", self.command), ("site", self.site), ("target", self.target))
        return tuple((name, value) for name, value in named if value)

    def all_samples(self) -> Iterator[Sample]:
        """Yield what it found and how it went, with all labels.

        The time of the last success is among them only where it succeeded: what holds the samples
        keeps the one of before.
        """
        told = {
            RAN: self.ended,
            "reconciler_last_run_success": float(self.succeeded),
            "reconciler_last_run_exit_code": float(self.code),
        }
        if self.seconds is not None:
            told["reconciler_last_run_duration_seconds"] = self.seconds
        if self.succeeded:
            told[SUCCEEDED] = self.ended
        for name, value in told.items():
            yield Sample(name, self.labels, value)
        for found in self.samples:
            yield found._replace(labels=(*self.labels, *found.labels))


def of_plan(plan: Plan) -> tuple[Sample, ...]:
    """Measure a plan."""
    verbs = Counter(action.verb.value for action in plan.actions)
    return (
        *_by("reconciler_plan_actions", "verb", Verb, verbs),
        _one(_REFUSED, plan.refused),
        _one(
            "reconciler_grants_past_end",
            sum(action.cause.kind is CauseKind.EXPIRED for action in plan.actions),
        ),
    )


def of_error(error: BaseException) -> tuple[Sample, ...]:
    """Measure why a run came to nothing: a guard may refuse a plan when it is carried out, too."""
    return (_one(_REFUSED, value=1),) if isinstance(error, GuardRefused) else ()


def of_drift(report: DriftReport) -> tuple[Sample, ...]:
    """Measure drift."""
    kinds = Counter(found.kind.value for found in report.drifted)
    return (
        *_by("reconciler_drift_items", "kind", DriftKind, kinds),
        _one("reconciler_pending_items", len(report.pending)),
        _one("reconciler_held_back_items", len(report.held_back)),
        _one("reconciler_grants_past_end", kinds[DriftKind.EXPIRED.value]),
        _one("reconciler_grants_ending_soon", len(report.ending)),
    )


def of_result(result: ApplyResult) -> tuple[Sample, ...]:
    """Measure what became of a plan's actions."""
    outcomes = {outcome.value: number for outcome, number in result.counts.items()}
    return tuple(_by("reconciler_apply_actions", "outcome", Outcome, outcomes))


def of_rosters(written: Mapping[str, float]) -> tuple[Sample, ...]:
    """Measure rosters.

    Args:
        written: per roster when it was written, in seconds since 1970.
    """
    return tuple(
        Sample("reconciler_roster_timestamp_seconds", (("roster", name),), at)
        for name, at in sorted(written.items())
    )


def _by(name: str, label: str, words: Iterable[str], counts: Mapping[str, int]) -> Iterator[Sample]:
    """Yield a sample for every word: what is absent alerts nobody, and has no end either."""
    for word in words:
        yield Sample(name, ((label, str(word)),), float(counts.get(str(word), 0)))


def _one(name: str, value: int) -> Sample:
    return Sample(name, (), float(value))
