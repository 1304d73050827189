"""What must hold before the first write: the right site and day, nothing moved, no refusal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from reconciler.apply.journal import Earlier
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability
from reconciler.errors import GuardRefused, PlanUnusable, SiteError
from reconciler.manifest.model import Manifest
from reconciler.plan.basis import concerns, digests, moved
from reconciler.plan.end_state import end_state, undo, value_at
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, Plan
from reconciler.policy.guards import judge, judges_manifest
from reconciler.policy.model import Verdict
from reconciler.policy.resolve import renewed
from reconciler.provider import Event, Reader
from reconciler.scope import Scope
from reconciler.state import LiveState

AGAIN = "Make a new plan and review it."

_TOLD = 3
"""So many moves are told one by one; the rest is counted."""


def check_readable(plan: Plan) -> None:
    """Refuse a plan that is for reading only.

    Raises:
        PlanUnusable: pseudonyms stand for its people.
    """
    if plan.redacted:
        raise PlanUnusable(
            "The plan is redacted: pseudonyms stand for people, and it is for reading only.",
            "Apply the plan as it was made, without --redact.",
        )


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
    plan: Plan,
    state: LiveState,
    actions: Sequence[Action],
    today: date,
    overrides: Mapping[str, str],
    site_policy: Manifest | None,
) -> tuple[Verdict, ...]:
    """Judge the selected actions by the policies that the plan carries, and by the site's own.

    What the plan says of the site's policy is not relied on where the file is at hand: it may have
    become stricter, and a plan may have been made without it. Nor is the day for which the plan was
    made: who is in which unit is what it is today.

    Args:
        plan: gives the policies, the scope and the overrides recorded in it.
        state: the live state without what the plan itself did earlier.
        actions: the selected ones.
        today: the day on which it runs.
        overrides: further ones, for this run.
        site_policy: the site-wide policy file, where there is one.

    Raises:
        GuardRefused: a guard refuses, and no override lifts it.
        PlanUnusable: the site has a policy about the manifest that the plan does not know.
        InvalidInput: the policy file does not fit the site.
    """
    directory = Directory(state)
    keys = Keys(directory, plan.basis.people, plan.basis.units)
    policies = renewed(plan.policies, directory, site_policy)
    for each in policies:
        if judges_manifest(each.rule) and each not in plan.policies:
            raise PlanUnusable(
                f"The plan was made without the site's policy {each.rule} as it is now.", AGAIN
            )
    judgement = Judgement(directory, Scope.of(directory, plan.basis.scope), actions, today)
    verdicts = judge(judgement.judged(keys), policies, overrides, plan.verdicts)
    refuse(verdicts)
    return verdicts


def refuse(verdicts: Iterable[Verdict]) -> None:
    """Raise for the verdicts that refuse, all of them in one message.

    Raises:
        GuardRefused: there is one.
    """
    refusing = [verdict for verdict in verdicts if verdict.refuses]
    if refusing:
        reasons = "; ".join(f"{verdict.code}: {verdict}" for verdict in refusing)
        codes = " ".join(f"--override {code}" for code in sorted({v.code for v in refusing}))
        raise GuardRefused(
            f"Refused by a guard: {reasons}.",
            f'If it is meant, run again with {codes} --reason "why".',
        )
