"""The place where runs are recorded, before and after each request (design, promise 4).

Two Protocols: a `Journal` knows what earlier runs of a plan did and begins new ones; a `Run` is
told what is about to be sent and what came of it. `reconciler.journal` keeps them in a database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from reconciler.apply.outcome import ActionOutcome
from reconciler.domain.address import Address
from reconciler.plan.model import Action, Override, Plan
from reconciler.provider import Change


class RunEnd(StrEnum):
    """How a run ended; one that was killed has no end of its own."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier runs of a plan left behind.

    Attributes:
        used: whether all that was ever selected of the plan stood on the site in the end.
        selected: the addresses that were ever asked for.
        sent: those whose change was ever sent, whatever came of it.
        held: those at which a run had an effect, or found the site as the plan wants it.
        doubtful: those that were sent, but whose answer nobody learnt.
        arriving: those of them whose request is so young that it may still be under way.
        refused: per address how many of its requests were answered with a refusal.
    """

    used: bool = False
    selected: frozenset[Address] = frozenset()
    sent: frozenset[Address] = frozenset()
    held: frozenset[Address] = frozenset()
    doubtful: frozenset[Address] = frozenset()
    arriving: frozenset[Address] = frozenset()
    refused: Mapping[Address, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Doubt:
    """An action that a run sent, and of which nobody learnt what became.

    Attributes:
        run: the run's id.
        action: as it was planned.
        revision: the site's revision at which its plan was made.
        arriving: whether its request is so young that it may still be under way.
    """

    run: str
    action: Action
    revision: int
    arriving: bool


class Run(Protocol):
    """The record of one run; every method raises `JournalError` when it cannot write."""

    @property
    def id(self) -> str:
        """The run's id, as `history` shows it."""
        ...

    def sending(self, changes: Sequence[Change]) -> None:
        """Record that changes are about to be sent in one request.

        Raises:
            LeaseLost: another run may write to the site by now; nothing may be sent any more.
        """
        ...

    def settled(self, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what became of actions; a later word on the same action replaces an earlier one.

        An outcome of `unknown` leaves the action in doubt.
        """
        ...

    def cleared(self, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what turned out to have become of actions that earlier runs left in doubt.

        An effect is that of one run, the first that is known to have had it.
        """
        ...

    def end(self, end: RunEnd, note: str, *, used: bool) -> None:
        """Record how the run ended, and whether its plan is used now."""
        ...


class Journal(Protocol):
    """Every method raises `JournalError` when it cannot."""

    def earlier(self, plan: Plan) -> Earlier:
        """Return what earlier runs of this plan did."""
        ...

    def doubts(self, site: str, *, but: str) -> Sequence[Doubt]:
        """Return what runs left in doubt on a site, but those of one plan; the oldest run first."""
        ...

    def clear(self, site: str, found: Iterable[tuple[Doubt, ActionOutcome]]) -> None:
        """Record what turned out to have become of actions in doubt on a site.

        An effect is that of one run, the first that is known to have had it.
        """
        ...

    def begin(self, plan: Plan, selected: Sequence[Action], overrides: Sequence[Override]) -> Run:
        """Record that a run of the plan begins, with the actions that were selected of it."""
        ...
