"""Sites that lose answers or refuse, and what the tests of an apply look at."""

from dataclasses import replace

from doubles import MemoryJournal, MemorySite
from small import plan, small_site, wanting
from strategies import AT, ref

from reconciler.apply.outcome import ApplyResult
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability, Role
from reconciler.errors import Unreachable
from reconciler.manifest.model import ProfileSetting
from reconciler.provider import ChangeResult
from reconciler.state import LiveState, Profile

HOLDER = Address.holder("mentor", "10")
CLASS = Address.assignment("mentor", "10", "class", "u2")
LATER = "2026-11-24 03:00:00+00:00"
STATE = small_site()
MADE = plan(STATE, wanting(("t-0", "8a")))
"""Makes t-0 a holder and gives them the class 8a."""
ONE = plan(STATE, wanting(("t-0", "8a")), only=["mentor/t-0"])
"""Makes them a holder only."""

VIKAR = (
    Profile("p0", "Staff", frozenset({Role.MENTOR})),
    Profile("p1", "Student", frozenset()),
    Profile("p9", "Vikar", frozenset()),
)
BOTH = {Role.MENTOR: ProfileSetting((ref("Staff"), ref("Vikar")), AT)}
"""Gives the role to a profile on which it is not enabled yet, too."""

NEW_PLAN = "Make a new plan and review it."
NEVER = "its request never took effect"
DOUBT = "no readable answer came, and it did not stand when the site was read; run the same again"
FOUND = "its answer was lost; the site's events confirm it"
TAKEN_BACK = f"it was so, but admin (console) has changed it since, at {LATER}"


class Killed(BaseException):
    pass


def outcomes(result) -> dict[str, str]:
    return {str(each.action.name): each.outcome.value for each in result.outcomes}


def reasons(result: ApplyResult) -> list[tuple[str, str]]:
    return [(each.outcome.value, each.detail) for each in result.outcomes]


def without_events(state: LiveState) -> LiveState:
    return without(state, Capability.EVENTS)


def without(state: LiveState, capability: Capability) -> LiveState:
    left = state.site.capabilities - {capability}
    return replace(state, site=replace(state.site, capabilities=left))


def answering(site: MemorySite, answers: dict[Address, ChangeResult]) -> None:
    """Let a site answer some changes without making them."""
    plain = site._answer
    site._answer = lambda change: answers.get(change.address) or plain(change)


def losing(site: MemorySite, *, arrives: bool, then=lambda: None) -> None:
    """Let a site lose every answer, to requests that arrived or that did not."""
    plain = site.send

    def lost(changes):
        if arrives:
            plain(changes)
        then()
        raise Unreachable("The connection broke.")

    site.send = lost


def recorded(journal: MemoryJournal, event: str) -> list[object]:
    return [what for name, what in journal.events if name == event]
