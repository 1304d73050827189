"""What the site itself says of an action, when its answer did not, or when it is read back."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability
from reconciler.errors import SiteError
from reconciler.plan.end_state import stands
from reconciler.plan.model import Action
from reconciler.provider import Event, Reader
from reconciler.state import LiveState, Site

NEVER = "its request never took effect"
FOUND = "its answer was lost; the site's events confirm it"
DOUBT = "no readable answer came, and it did not stand when the site was read; run the same again"


@dataclass(frozen=True, slots=True)
class Writes:
    """The writes to some addresses since a revision, as the site's event log tells them.

    Attributes:
        clients: who we are to the site.
        by_address: per address (in ids) its events, the oldest first.
    """

    clients: Collection[str]
    by_address: Mapping[str, Sequence[Event]]

    def own(self, action: Action, since: int) -> Event | None:
        """Return the first write of ours after a revision that did what an action does."""
        for event in self.by_address.get(str(action.address), ()):
            if event.revision > since and self._ours(event) and event.verb == action.verb.value:
                return event
        return None

    def foreign(self, action: Action) -> Event | None:
        """Return the last write to an action's address, if it was not ours."""
        events = self.by_address.get(str(action.address), ())
        return events[-1] if events and not self._ours(events[-1]) else None

    def _ours(self, event: Event) -> bool:
        return event.is_by(self.clients)


def read_writes(
    reader: Reader, site: Site, revision: int, addresses: Iterable[Address]
) -> Writes | None:
    """Read who wrote to some addresses since a revision; None where the site cannot tell."""
    if Capability.EVENTS not in site.capabilities:
        return None
    wanted = {str(address) for address in addresses}
    by_address: dict[str, list[Event]] = {}
    try:
        for event in reader.events_since(revision):
            if event.address in wanted:
                by_address.setdefault(event.address, []).append(event)
    except SiteError:
        return None
    return Writes(site.own, by_address)


def became(action: Action, writes: Writes, since: int, *, arriving: bool) -> ActionOutcome | None:
    """Say what became of an action in doubt, by the site's events; None where it is too early.

    Args:
        action: as it was planned.
        writes: the writes to its address.
        since: the revision at which its plan was made.
        arriving: whether its request may still be under way.
    """
    own = writes.own(action, since)
    if own is not None:
        return ActionOutcome(action, Outcome.SUCCEEDED, FOUND, own.revision)
    return None if arriving else ActionOutcome(action, Outcome.FAILED, NEVER)


def needs_writes(found: ActionOutcome, state: LiveState) -> bool:
    """Whether the event log is needed to say what became of an action."""
    holds = stands(state, found.action)
    return found.outcome is Outcome.UNKNOWN or (found.outcome.holds and not holds)


def confirmed(
    found: ActionOutcome, state: LiveState, writes: Writes | None, since: int
) -> ActionOutcome:
    """Compare an outcome with what stands on the site now.

    Args:
        found: as it is known so far.
        state: the site, read after it.
        writes: the writes to its address, where they are known.
        since: the site's revision when the run began.
    """
    action = found.action
    match found.outcome, stands(state, action):
        case Outcome.UNKNOWN, holds:
            return _resolved(found, writes, since, holds=holds)
        case ((Outcome.SUCCEEDED | Outcome.ALREADY), False):
            return replace(found, outcome=Outcome.FAILED, detail=undone(found.action, writes))
        case ((Outcome.FAILED | Outcome.SKIPPED | Outcome.MANUAL), True):
            return replace(found, outcome=Outcome.ALREADY, detail="it was so when read back")
        case _:
            return found


def _resolved(
    found: ActionOutcome, writes: Writes | None, since: int, *, holds: bool
) -> ActionOutcome:
    """Settle an action whose answer was lost, as far as the site can tell."""
    own = writes.own(found.action, since) if writes else None
    if own is not None:
        done = replace(found, outcome=Outcome.SUCCEEDED, revision=own.revision)
        if holds:
            return replace(done, detail=FOUND)
        return replace(done, outcome=Outcome.FAILED, detail=undone(found.action, writes))
    if not holds:
        return replace(found, detail=DOUBT)
    if writes is not None:
        return replace(found, outcome=Outcome.ALREADY, detail="somebody else made it so")
    return replace(found, outcome=Outcome.SUCCEEDED, detail="confirmed by reading it back")


def undone(action: Action, writes: Writes | None) -> str:
    """Say why something that was done, or was so, does not stand: who changed it, if known."""
    foreign = writes.foreign(action) if writes else None
    if foreign is not None:
        return f"it was so, but {foreign.author} has changed it since, at {foreign.time}"
    return "the site said yes, but the read-back shows otherwise"
