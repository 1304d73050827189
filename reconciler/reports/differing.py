"""Which way a site went, in the words of every report: what is missing or too much, and who did it.

Whoever reads them is on call: that somebody gave themselves access, and that somebody lost a class,
must not look alike.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from reconciler.cause import CauseKind
from reconciler.drift import Drifted
from reconciler.plan.model import Action
from reconciler.provider import Event, Verb
from reconciler.reports import view

_PAST: Final[Mapping[str, str]] = MappingProxyType(
    {Verb.ADD.value: "added", Verb.REMOVE.value: "removed", Verb.CHANGE.value: "changed"}
)


def direction(found: Drifted) -> str:
    """Say how the site differs, and who made it so, and when."""
    event = found.event
    who = f"; {done_by(event)} {event.author} at {event.time}" if event else ""
    return f"{differs(found)}{who}"


def differs(found: Drifted, *, brief: bool = False) -> str:
    """Say how the site differs.

    Args:
        found: what drifted.
        brief: whether places, and what somebody wrote in words of their own, are left out.
    """
    item = found.item
    if isinstance(item, Action):
        words = _briefly(item) if brief else _wholly(item)
        until = item.cause.accepted_until
    else:
        words = f"{view.DEVIATES[Verb.REMOVE]} (reported only)"
        until = item.accepted_until
    accepted = f"; accepted until {until}" if until else ""
    return f"{words}{accepted}{'; held back (RR521)' if found.held_back else ''}"


def done_by(event: Event) -> str:
    """Say what the last write did: `removed by`, say; its author is to follow."""
    return f"{_PAST.get(event.verb, 'written')} by"


def _briefly(action: Action) -> str:
    if action.cause.kind is CauseKind.EXPIRED:
        return "on the site past its last day"
    return view.DEVIATES[action.verb]


def _wholly(action: Action) -> str:
    if action.verb is Verb.ADD:
        return view.DEVIATES[action.verb]
    if action.verb is Verb.CHANGE:
        return f"{view.label(action.before)} instead of {view.label(action.after)}"
    # A list of profiles is declared; what is too much is what does not stand in it.
    listed = action.cause.kind is CauseKind.DECLARED
    cause = replace(action.cause, accepted_until=None)
    return f"on the site though {'not in the list ' if listed else ''}{cause}"
