"""What became of each action, and of the run as a whole: what happened, not what was meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.diagnostics import Diagnostic
from reconciler.errors import ExitCode
from reconciler.plan.model import Action
from reconciler.policy.model import Verdict


class Outcome(StrEnum):
    """What became of an action."""

    SUCCEEDED = "succeeded"
    ALREADY = "already"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    MANUAL = "manual"

    @property
    def holds(self) -> bool:
        """Whether the site is now as the action wanted it."""
        return self in (Outcome.SUCCEEDED, Outcome.ALREADY)


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """One action and what became of it.

    Attributes:
        detail: why, where there is something to say.
        revision: the site's revision at which this run's own change took effect, whatever became
            of it afterwards; None where it had no effect, or the site did not say.
    """

    action: Action
    outcome: Outcome
    detail: str = ""
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """A whole run.

    Attributes:
        run: the run's id in the journal; empty where nothing was selected.
        plan: the plan's id.
        site: the site's id.
        outcomes: one per selected action, in the plan's order.
        verified: whether the site was read back, and the outcomes corrected by it.
        note: what kept the run or the read-back from its end, or an empty text.
        verdicts: what the guards said, overrides included.
        warnings: what the reader should know.
        interrupted: whether it was asked to stop, and did.
    """

    run: str
    plan: str
    site: str
    outcomes: tuple[ActionOutcome, ...]
    verified: bool
    note: str
    verdicts: tuple[Verdict, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    interrupted: bool = False

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many actions had each outcome; outcomes that none had are left out."""
        found = [each.outcome for each in self.outcomes]
        return {outcome: found.count(outcome) for outcome in Outcome if outcome in found}

    @property
    def exit_code(self) -> ExitCode:
        """0 when all is as the plan wanted, was read back and is recorded; 6 for a part of it.

        1 when nothing of it is: refused as a whole, it was not applied in part.
        """
        found = {each.outcome for each in self.outcomes}
        if self.verified and not self.note and all(outcome.holds for outcome in found):
            return ExitCode.DONE
        if self.verified and not self.interrupted and found <= {Outcome.FAILED, Outcome.SKIPPED}:
            return ExitCode.FAILED
        return ExitCode.PARTIAL
