"""What became of each action, and of the run as a whole: what happened, not what was meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ExitCode
from reconciler.plan.model import Action, Verdict


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
    """One action and what became of it; `detail` says why, where there is something to say."""

    action: Action
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """A whole run.

    Attributes:
        plan: the plan's id.
        site: the site's id.
        outcomes: one per selected action, in the plan's order.
        verified: whether a read-back confirmed every outcome.
        note: what kept the run or the read-back from its end, or an empty text.
        verdicts: what the guards said, overrides included.
    """

    plan: str
    site: str
    outcomes: tuple[ActionOutcome, ...]
    verified: bool
    note: str
    verdicts: tuple[Verdict, ...] = ()

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many actions had each outcome; outcomes that none had are left out."""
        found = [each.outcome for each in self.outcomes]
        return {outcome: found.count(outcome) for outcome in Outcome if outcome in found}

    @property
    def exit_code(self) -> ExitCode:
        """0 when all is as the plan wanted and was read back; 6 otherwise."""
        complete = self.verified and all(each.outcome.holds for each in self.outcomes)
        return ExitCode.DONE if complete else ExitCode.PARTIAL
