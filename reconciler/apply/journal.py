"""The place where a run is recorded, before and after each request (design, promise 4).

A Protocol: `apply` tells it what it is about to do and what came of it, and asks it what an
earlier, unfinished run of the same plan did. `reconciler.journal` holds the one that keeps files.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from reconciler.apply.outcome import ActionOutcome
from reconciler.domain.address import Address
from reconciler.plan.model import Override, Plan


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier runs of a plan left behind.

    Attributes:
        used: whether all of the plan's selected actions have had their outcomes.
        sent: per address how often its change was sent, whatever came of it.
        held: the addresses at which the site was found, in the end, as the plan wanted it.
    """

    used: bool = False
    sent: Mapping[Address, int] = field(default_factory=lambda: MappingProxyType({}))
    held: frozenset[Address] = frozenset()


class Journal(Protocol):
    """Records runs; every method raises `JournalError` when it cannot."""

    def earlier(self, plan: Plan) -> Earlier:
        """Return what earlier runs of this plan did."""
        ...

    def begin(self, plan: Plan, overrides: Sequence[Override]) -> None:
        """Record that a run of the plan begins."""
        ...

    def sending(self, plan: Plan, addresses: Sequence[Address]) -> None:
        """Record that changes are about to be sent."""
        ...

    def settled(self, plan: Plan, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what became of actions."""
        ...

    def finish(self, plan: Plan) -> None:
        """Record that the plan is used."""
        ...
