"""A run and what became of its actions: the one view that tables, pages and checks are made of.

It is made of what `apply` has just done, or of what the journal has of a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.apply.outcome import ApplyResult, Outcome
from reconciler.cause import SHORT_ID
from reconciler.diagnostics import Diagnostic
from reconciler.plan.model import Action, Plan
from reconciler.policy.model import Verdict
from reconciler.reports import view

NOT_SENT: Final = "not sent"
"""What is said of an action that no request carried, and that has no outcome."""


@dataclass(frozen=True, slots=True)
class Settled:
    """An action and what became of it; without an outcome it was never sent."""

    action: Action
    outcome: Outcome | None
    detail: str

    @property
    def word(self) -> str:
        """Its outcome in words."""
        return self.outcome.value if self.outcome else NOT_SENT

    @property
    def holds(self) -> bool:
        """Whether the site is as the action wanted it."""
        return self.outcome is not None and self.outcome.holds

    @property
    def failed(self) -> bool:
        """Whether it failed, or may have: nobody knows what became of it."""
        return self.outcome in (Outcome.FAILED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """A run.

    Attributes:
        run: its id; empty where there was nothing to do.
        site: the site's id.
        summary: what became of it, in a line.
        broken: what kept it from its end or from being read back; empty where nothing did.
        settled: its actions, in the plan's order.
        facts: what else is known of it: what each is, and what it says.
        verdicts: what the guards said.
        warnings: what the reader should know.
    """

    run: str
    site: str
    summary: str
    broken: str
    settled: Sequence[Settled]
    facts: Sequence[tuple[str, str]] = ()
    verdicts: Sequence[Verdict] = ()
    warnings: Sequence[Diagnostic] = ()

    @property
    def title(self) -> str:
        """What it is called."""
        return (
            f"Run {self.run[:SHORT_ID]} on {self.site}"
            if self.run
            else f"Nothing was applied to {self.site}"
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan, and the plan, both as they may be shown."""

    result: ApplyResult
    plan: Plan


def of_applied(applied: Applied) -> Outcomes:
    """View what `apply` has just done."""
    result = applied.result
    return Outcomes(
        result.run,
        result.site,
        view.result_summary(result, applied.plan),
        result.note,
        [Settled(each.action, each.outcome, each.detail) for each in result.outcomes],
        [("Run", result.run), ("Plan", result.plan)],
        result.verdicts,
        result.warnings,
    )
