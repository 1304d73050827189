"""Tells drift from what is merely pending (design, section 4).

A difference is drift when the last write to its address was made by anyone but this reconciler's
own clients, and pending when one of them wrote it last, or nobody ever did: then it is the
manifest, the roster or the date that moved.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from reconciler.domain.address import Address
from reconciler.errors import ExitCode
from reconciler.plan.model import Action, Plan, Unmanaged
from reconciler.provider import Event


@dataclass(frozen=True, slots=True)
class Drifted:
    """A difference that somebody else made, or that may be; `event` says who and when, if known."""

    item: Action | Unmanaged
    event: Event | None


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Every difference of a plan, told apart.

    Attributes:
        plan: the plan that would end them.
        drifted: made by others, reported unmanaged things, and all of them on a site that keeps no
            events.
        pending: not yet applied.
        attributed: whether the site's events could be asked.
    """

    plan: Plan
    drifted: tuple[Drifted, ...]
    pending: tuple[Action, ...]
    attributed: bool

    @property
    def exit_code(self) -> ExitCode:
        """2 for drift, 3 for what is only pending, 0 for neither."""
        if self.drifted:
            return ExitCode.CHANGES
        return ExitCode.PENDING if self.pending else ExitCode.DONE


def classify(
    plan: Plan, events: Mapping[Address, Event] | None, own_actors: Collection[str]
) -> DriftReport:
    """Sort a plan's differences into drift and pending.

    Args:
        plan: what differs.
        events: the last write to each address ever written; None where the site keeps none.
        own_actors: the names under which this reconciler's own clients write.
    """
    known = events or {}
    drifted = [Drifted(item, known.get(item.address)) for item in plan.unmanaged]
    pending = []
    for action in plan.actions:
        event = known.get(action.address)
        if events is None or (event is not None and not event.is_by(own_actors)):
            drifted.append(Drifted(action, event))
        else:
            pending.append(action)
    return DriftReport(plan, tuple(drifted), tuple(pending), events is not None)
