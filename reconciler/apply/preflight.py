"""What must hold before the first write: the right site and day, nothing moved, no refusal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from reconciler.apply.journal import Earlier
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability, Role
from reconciler.errors import GuardRefused, PlanUnusable, SiteError
from reconciler.manifest.model import Limit
from reconciler.plan.basis import concerns, digests, moved
from reconciler.plan.end_state import end_state, undo, value_at
from reconciler.plan.guards import judge
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, Plan, Verdict
from reconciler.provider import Event, Reader
from reconciler.scope import Scope
from reconciler.state import LiveState

AGAIN = "Make a new plan and review it."

_TOLD = 3
"""So many moves are told one by one; the rest is counted."""


def check_days(plan: Plan, today: date) -> None:
    """Refuse a plan on a day for which it does not hold.

    Raises:
        PlanUnusable: it was made for a later day, or a date in the manifest has passed since.
    """
    if today < plan.as_of:
        raise PlanUnusable(
            f"The plan is for {plan.as_of} and later; today is {today}.",
            "Apply it then, or make a plan for today.",
        )
    if plan.holds_until is not None and today > plan.holds_until:
        raise PlanUnusable(
            f"The plan held until {plan.holds_until}, when a date in the manifest changes it; "
            f"today is {today}.",
            AGAIN,
        )


def check_site(plan: Plan, site: str) -> None:
    """Refuse a plan that was made for another site.

    Raises:
        PlanUnusable: the ids differ.
    """
    if plan.site != site:
        raise PlanUnusable(
            f"The plan is for the site {plan.site}, but this is {site}.", "Check the environment."
        )


def check_basis(plan: Plan, state: LiveState, earlier: Earlier, reader: Reader) -> LiveState:
    """Refuse a plan when what it rests on has moved; what its own earlier run did is no move.

    Args:
        plan: as it was approved.
        state: the site as it is now.
        earlier: what earlier runs of the plan did.
        reader: asked who moved it, when something has.

    Returns:
        The state as it was before the plan's own earlier run.

    Raises:
        PlanUnusable: something in scope is not what it was when the plan was made.
    """
    if not plan.basis.digests:
        raise PlanUnusable(
            "The plan is the inverse of another one, for reading only.",
            "`reconciler rollback RUN` makes one that can be applied.",
        )
    for action in plan.actions:
        if action.address in earlier.held and not stands(state, action):
            raise PlanUnusable(
                f"The plan is stale: an earlier run of it did {action.name}, "
                f"and somebody took that back since.{_who(plan, state, reader, [action.address])}",
                AGAIN,
            )
    own = [
        action
        for action in plan.actions
        if (action.address in earlier.sent or action.manual) and stands(state, action)
    ]
    original = end_state(state, map(undo, own))
    now = digests(Directory(original), plan.basis, plan.actions, plan.as_of)
    parts = moved(plan.basis.digests, now)
    if parts:
        names = ", ".join(parts)
        raise PlanUnusable(
            f"The plan is stale: since it was made, the site's {names} changed within its scope."
            f"{_who(plan, state, reader, None)}",
            AGAIN,
        )
    return original


def _who(plan: Plan, state: LiveState, reader: Reader, asked: Iterable[Address] | None) -> str:
    """Say what moved and who moved it, as far as the site's events tell; else an empty text.

    Args:
        plan: what rests on it.
        state: names what moved.
        reader: reads the events.
        asked: the addresses meant, or None for all that the plan may rest on.
    """
    if Capability.EVENTS not in state.site.capabilities:
        return ""
    wanted = None if asked is None else set(asked)
    keys = Keys(Directory(state), plan.basis.people, plan.basis.units)
    own = {action.address for action in plan.actions}
    last: dict[Address, Event] = {}
    try:
        for event in reader.events_since(plan.revision):
            address = Address.parse(event.address)
            if (address in wanted) if wanted is not None else concerns(plan.basis, address):
                last[address] = event
    except (SiteError, ValueError):
        return ""
    told = [
        f"{keys.name(address)}: {event.verb} by {event.author} at {event.time}"
        for address, event in last.items()
        if address not in own or not (state.site.actor and event.is_by({state.site.actor}))
    ]
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f" {'; '.join(told[:_TOLD])}{more}." if told else ""


def stands(state: LiveState, action: Action) -> bool:
    """Whether the site is as an action wants it."""
    return value_at(state, action.address) == action.after


def check_guards(
    plan: Plan, state: LiveState, actions: Sequence[Action], overrides: Mapping[str, str]
) -> tuple[Verdict, ...]:
    """Judge the selected actions by the limits that the plan carries.

    Args:
        plan: gives the limits, the scope and the overrides recorded in it.
        state: the live state without what the plan itself did earlier.
        actions: the selected ones.
        overrides: further ones, for this run.

    Raises:
        GuardRefused: a guard refuses, and no override lifts it.
    """
    directory = Directory(state)
    limits = {
        verdict.role: Limit(verdict.allowed, percentage=False)
        for verdict in plan.verdicts
        if verdict.code == "RR501"
    }
    if set(limits) != set(Role):
        raise PlanUnusable("The plan's file lacks a guard's verdict.", AGAIN)
    lifted = {override.code: override.reason for override in plan.overrides} | dict(overrides)
    judgement = Judgement(directory, Scope.of(directory, plan.basis.scope), actions, plan.as_of)
    verdicts = judge(judgement.cases(limits), lifted)
    refuse(verdicts)
    return verdicts


def refuse(verdicts: Iterable[Verdict]) -> None:
    """Raise for the verdicts that refuse, all of them in one message.

    Raises:
        GuardRefused: there is one.
    """
    refusing = [verdict for verdict in verdicts if verdict.refuses]
    if refusing:
        reasons = "; ".join(f"{verdict.code}: {verdict.message}" for verdict in refusing)
        codes = " ".join(f"--override {code}" for code in sorted({v.code for v in refusing}))
        raise GuardRefused(
            f"Refused by a guard: {reasons}.",
            f'If it is meant, run again with {codes} --reason "why".',
        )
