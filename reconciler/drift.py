"""Tells drift from what is merely pending (design, section 4).

A difference is drift when the last write to its address was made by anyone but this reconciler's
own clients, and pending when one of them wrote it last, or nobody ever did: then it is the
manifest, the roster or the date that moved. An assignment that is live past its last day is drift
whoever wrote it: somebody still sees whom they should not. So is what was accepted until a day that
has passed: somebody was to look after it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.cause import CauseKind
from reconciler.domain.address import Address
from reconciler.ending import Ending
from reconciler.errors import ExitCode
from reconciler.plan.model import Action, Plan, Unmanaged
from reconciler.provider import Event, Verb


class DriftKind(StrEnum):
    """Why a difference is drift.

    `changed`: somebody else wrote it, or may have. `unmanaged`: it is live, and reported only.
    `expired`: it is live past its last day. `lapsed`: it was accepted until a day that has passed.
    """

    CHANGED = "changed"
    UNMANAGED = "unmanaged"
    EXPIRED = "expired"
    LAPSED = "lapsed"


class OnSite(StrEnum):
    """How a site differs at an address: which way access moved, where it is an assignment.

    `missing`: what is wanted is not there. `surplus`: what is there is not wanted. `different`:
    another value is there.
    """

    MISSING = "missing"
    SURPLUS = "surplus"
    DIFFERENT = "different"


_REPAIRED_BY: Final = MappingProxyType(
    {
        Verb.ADD: OnSite.MISSING,
        Verb.REMOVE: OnSite.SURPLUS,
        Verb.CHANGE: OnSite.DIFFERENT,
    }
)


def on_site(item: Action | Unmanaged) -> OnSite:
    """Say how the site differs, which is the opposite of what repairs it."""
    return _REPAIRED_BY[item.verb] if isinstance(item, Action) else OnSite.SURPLUS


@dataclass(frozen=True, slots=True)
class Drifted:
    """A difference that is drift.

    Attributes:
        event: the last write to it, if that is known.
        held_back: whether an apply leaves it, as a roster has lost too much.
    """

    item: Action | Unmanaged
    event: Event | None
    kind: DriftKind
    held_back: bool = False

    @property
    def name(self) -> Address:
        """Where it is, in the manifest's keys."""
        return self.item.name

    @property
    def on_site(self) -> OnSite:
        """How the site differs there."""
        return on_site(self.item)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Every difference of a plan, told apart.

    Attributes:
        plan: the plan that would end them.
        drifted: made by others, reported unmanaged things, what is live or was accepted past its
            last day, and all of them on a site that keeps no events.
        pending: not yet applied.
        attributed: whether the site's events could be asked.
        ending: what holds, and ends soon; no difference yet.
        held_back: what is not yet applied, and waits as a roster has lost too much.
    """

    plan: Plan
    drifted: tuple[Drifted, ...]
    pending: tuple[Action, ...]
    attributed: bool
    ending: tuple[Ending, ...] = ()
    held_back: tuple[Action, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """2 for drift, 3 for what is only pending or held back, 0 for neither."""
        if self.drifted:
            return ExitCode.CHANGES
        return ExitCode.PENDING if self.pending or self.held_back else ExitCode.DONE


def classify(
    plan: Plan,
    events: Mapping[Address, Event] | None,
    own_actors: Collection[str],
    ending: tuple[Ending, ...] = (),
    held_back: Collection[Action] = (),
) -> DriftReport:
    """Sort a plan's differences, and what it holds back, into drift and pending.

    Args:
        plan: what differs.
        events: the last write to each address ever written; None where the site keeps none.
        own_actors: the names under which this reconciler's own clients write.
        ending: what ends soon.
        held_back: what the plan would do as well, had no roster lost too much.
    """
    known = events or {}
    drifted = [
        Drifted(
            item,
            known.get(item.address),
            DriftKind.LAPSED if item.accepted_until else DriftKind.UNMANAGED,
        )
        for item in plan.unmanaged
    ]
    pending: list[Action] = []
    waiting: list[Action] = []
    actions = [(action, False) for action in plan.actions]
    for action, held in (*actions, *((action, True) for action in held_back)):
        event = known.get(action.address)
        if action.cause.kind is CauseKind.EXPIRED:
            drifted.append(Drifted(action, event, DriftKind.EXPIRED, held))
        elif action.cause.accepted_until is not None:
            drifted.append(Drifted(action, event, DriftKind.LAPSED, held))
        elif events is None or (event is not None and not event.is_by(own_actors)):
            drifted.append(Drifted(action, event, DriftKind.CHANGED, held))
        else:
            (waiting if held else pending).append(action)
    return DriftReport(
        plan, tuple(drifted), tuple(pending), events is not None, ending, tuple(waiting)
    )
