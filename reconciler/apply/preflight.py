"""What must hold before the first write: the right site and day, nothing moved, no refusal."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Final, NamedTuple

from reconciler.apply.journal import Earlier
from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability
from reconciler.errors import GuardRefused, PlanUnusable, SiteError, WrongUse, actor_id
from reconciler.manifest.model import Manifest
from reconciler.plain import first_of
from reconciler.plan.basis import concerns, digests, moved
from reconciler.plan.end_state import end_state, stands, undo
from reconciler.plan.judgement import Judgement, dependencies_on
from reconciler.plan.model import Action, Plan
from reconciler.plan.notes import bereft
from reconciler.plan.select import Selection
from reconciler.policy.guards import judge, judges_manifest
from reconciler.policy.model import InForce, Verdict
from reconciler.policy.overrides import how_to_lift, needless
from reconciler.policy.resolve import renewed, too_much
from reconciler.provider import Event, Reader
from reconciler.rules.shrink import shrunk
from reconciler.scope import Scope
from reconciler.state import LiveState

AGAIN = "Make a new plan and review it."


class Terms(NamedTuple):
    """In which words a refusal is told: what is carried out, and what to do instead."""

    noun: str
    advice: str


PLAN: Final = Terms("plan", AGAIN)

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


def check_unused(earlier: Earlier, advice: str = AGAIN) -> None:
    """Refuse a plan that an earlier run carried out.

    Raises:
        PlanUnusable: it was used before.
    """
    if earlier.used:
        raise PlanUnusable("The plan was used before.", advice)


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
    check_holds(plan, today)


def check_holds(plan: Plan, today: date, terms: Terms = PLAN) -> None:
    """Refuse a plan after a date in its manifest.

    Args:
        plan: as it was approved.
        today: the day on which it is to be carried out.
        terms: the words of a refusal.

    Raises:
        PlanUnusable: the last day has passed on which it would be made the same.
    """
    if plan.holds_until is not None and today > plan.holds_until:
        raise PlanUnusable(
            f"The {terms.noun} held until {plan.holds_until}, when a date in the manifest changes "
            f"it; today is {today}.",
            terms.advice,
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


def check_basis(
    plan: Plan, state: LiveState, earlier: Earlier, reader: Reader, terms: Terms = PLAN
) -> LiveState:
    """Refuse a plan when what it rests on has moved; what its own earlier run did is no move.

    Args:
        plan: as it was approved.
        state: the site as it is now.
        earlier: what earlier runs of the plan did.
        reader: asked who moved it, when something has.
        terms: the words of a refusal.

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
    own = [
        action
        for action in plan.actions
        if (action.address in earlier.sent or action.manual) and stands(state, action)
    ]
    done = {action.address for action in own if not action.manual}
    for action in plan.actions:
        if action.address in earlier.held and not stands(state, action):
            taken = _moves(plan, state, done, reader, [action.address])
            did = f"an earlier run of it did {action.name}, and somebody took that back since"
            stale = _stale(plan, state, terms, did, taken)
            raise stale.naming(plan.site, (*stale.people, *action.address.people_as(action.name)))
    original = end_state(state, map(undo, own))
    now = digests(Directory(original), plan.basis, plan.actions, plan.as_of)
    parts = moved(plan.basis.digests, now)
    if parts:
        changed = f"since it was made, the site's {', '.join(parts)} changed within its scope"
        raise _stale(plan, state, terms, changed, _moves(plan, state, done, reader, None))
    return original


def _moves(
    plan: Plan,
    state: LiveState,
    done: Collection[Address],
    reader: Reader,
    asked: Iterable[Address] | None,
) -> list[tuple[Address, Event]]:
    """Return what moved and who moved it, the last write to each address, as far as events tell.

    Args:
        plan: what rests on it.
        state: says which writes are this reconciler's own.
        done: what stands as earlier runs of the plan made it; only that is no move.
        reader: reads the events.
        asked: the addresses meant, or None for all that the plan may rest on.
    """
    if Capability.EVENTS not in state.site.capabilities:
        return []
    wanted = None if asked is None else set(asked)
    last: dict[Address, Event] = {}
    try:
        for event in reader.events_since(plan.revision):
            address = Address.parse(event.address)
            if (address in wanted) if wanted is not None else concerns(plan.basis, address):
                last[address] = event
    except (SiteError, ValueError):
        return []
    return [
        (address, event)
        for address, event in last.items()
        if address not in done or not event.is_by(state.site.own)
    ]


def _stale(
    plan: Plan,
    state: LiveState,
    terms: Terms,
    what: str,
    moves: Sequence[tuple[Address, Event]],
) -> PlanUnusable:
    """Say why a plan is stale, and who moved what."""
    keys = Keys(Directory(state), plan.basis.people, plan.basis.units)
    named = [(address, keys.name(address), event) for address, event in moves]
    told = [f"{name}: {event.verb} by {event.author} at {event.time}" for _, name, event in named]
    who = f" {first_of(told, _TOLD, between='; ')}." if told else ""
    people = [pair for address, name, _ in named for pair in address.people_as(name)]
    people += [(actor_id(event.actor), event.actor) for _, _, event in named if not event.by_client]
    return PlanUnusable(f"The {terms.noun} is stale: {what}.{who}", terms.advice).naming(
        plan.site, people
    )


def as_of_today(plan: Plan, state: LiveState, earlier: Earlier, today: date) -> tuple[Action, ...]:
    """Return a plan's actions, each with all that it must wait for today.

    Learners may have moved since the plan was made. A removal then has other successors, and no
    learner is to be left without a mentor on the way (design, section 2, "Dependencies").

    Args:
        plan: as it was approved.
        state: the live state without what the plan itself did earlier.
        earlier: what earlier runs of the plan did: that waits for nothing any more.
        today: the day on which it runs.
    """
    dependencies = dependencies_on(Directory(state), plan.actions, today)
    return tuple(
        action
        if action.address in earlier.held
        else replace(
            action,
            requires=tuple(
                sorted({*action.requires, *dependencies.of(action.address, action.verb)})
            ),
        )
        for action in plan.actions
    )


def check_selection(selection: Selection, plan: Plan) -> None:
    """Refuse what nothing of a plan is meant by, as far as that can be told yet.

    What a selection by place means is told once it knows its places (`Selection.on`).

    Raises:
        WrongUse: a pattern matches nothing, or nothing is left.
    """
    if selection.by_place and selection.places is None:
        return
    for option, there in selection.unmatched(plan.actions):
        named = (action.address.people_as(action.name) for action in plan.actions)
        raise WrongUse(
            f"{option} matches no action of the plan.",
            f"{there} The plan's addresses stand in `reconciler show PLAN --format json`.",
        ).naming(plan.site, chain.from_iterable(named))
    if selection.narrows and not selection.of(plan.actions, plan.site):
        raise WrongUse(
            "--only and --except leave nothing of the plan.",
            "Choose patterns that leave something.",
        )


def selected(
    plan: Plan, state: LiveState, earlier: Earlier, selection: Selection, today: date
) -> tuple[Action, ...]:
    """Return what a run of a plan sends: what is asked for, and what an earlier run left in doubt.

    Args:
        plan: as it was approved.
        state: the live state without what the plan itself did earlier.
        earlier: what earlier runs of the plan did.
        selection: what is asked for.
        today: the day on which it runs, and on which places are where they are.

    Returns:
        The actions in order, each with all that it must wait for today.

    Raises:
        WrongUse: nothing is meant, or something would be left without what it must wait for.
    """
    actions = as_of_today(plan, state, earlier, today)
    if selection.by_place:
        directory = Directory(state)
        keys = Keys(directory, plan.basis.people, plan.basis.units)
        selection = selection.on(directory, keys, today)
        check_selection(selection, plan)
    chosen = {action.address for action in selection.of(actions, plan.site)} | earlier.doubtful
    return tuple(action for action in actions if action.address in chosen)


def check_guards(
    plan: Plan,
    state: LiveState,
    actions: Sequence[Action],
    today: date,
    overrides: Mapping[str, str] | None,
    site_policy: Manifest | None,
    rosters_before: Mapping[str, RosterSize],
) -> tuple[tuple[Verdict, ...], tuple[Diagnostic, ...]]:
    """Judge the selected actions by the policies that the plan carries, and by the site's own.

    What the plan says of the site's policy is not relied on where the file is at hand: it may have
    become stricter, and a plan may have been made without it. Nor is the day for which the plan was
    made: who is in which unit is what it is today.

    Args:
        plan: gives the policies, the scope and the overrides recorded in it.
        state: the live state without what the plan itself did earlier.
        actions: the selected ones.
        today: the day on which it runs.
        overrides: further ones, for this run; None where a new plan alone can have some.
        site_policy: the site-wide policy file, where there is one.
        rosters_before: per roster how much there was in it when it was last applied.

    Returns:
        What the guards say, and warnings.

    Raises:
        GuardRefused: a guard refuses, and no override lifts it.
        PlanUnusable: the site has a policy about the manifest that the plan does not know, or what
            one of its rosters had was not known to it.
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
    _check_rosters(plan, policies, rosters_before)
    judgement = Judgement(directory, Scope.of(directory, plan.basis.scope), actions, today)
    judged = judgement.judged(keys, counted=plan.counted)
    given = overrides or {}
    verdicts = judge(judged, policies, given, plan.verdicts)
    # What a roster's loss holds back is in no plan that was saved, whatever is lifted now.
    if overrides is None or any(each.holds_back for each in verdicts):
        refuse(verdicts, plan.site, plan.made_by)
    else:  # what the plan itself lifts stays lifted, for the reason that it has
        refuse([each for each in verdicts if each.refuses or each.code in given], plan.site)
    return verdicts, (*needless(verdicts, given), *bereft(judged, verdicts))


def _check_rosters(
    plan: Plan, policies: Collection[InForce], before: Mapping[str, RosterSize]
) -> None:
    """Refuse a plan by a roster that was cut off, where it was made without knowing that (RR521).

    Who plans against a saved state, or with the library, may not know what was applied last. Who
    knew it has held back what the roster lacks, or lifted that.

    Raises:
        PlanUnusable: it has lost more than a policy allows since another time than the plan knew.
    """
    lost = [
        each
        for each in shrunk(plan.rosters, before)
        if plan.basis.rosters.get(each.name) != each.before and too_much([each], policies)
    ]
    if lost:
        told = "; ".join(map(str, lost))
        raise PlanUnusable(
            "The plan was made without knowing what its rosters had when they were last applied, "
            f"and they have lost too much since ({told}).",
            "Look whether they are whole, and plan against the site itself.",
        )


def refuse(verdicts: Sequence[Verdict], site: str, command: str = "again") -> None:
    """Raise for the verdicts on a site that refuse, all of them in one message.

    Args:
        verdicts: what the guards say.
        site: its id.
        command: what is to be run with overrides.

    Raises:
        GuardRefused: there is one.
    """
    refusing = [verdict for verdict in verdicts if verdict.refuses]
    if refusing:
        reasons = "; ".join(f"{verdict.code}: {verdict}" for verdict in refusing)
        raise GuardRefused(
            f"Refused by a guard: {reasons}.",
            how_to_lift(verdicts, command),
            ((verdict.code, verdict.message) for verdict in refusing),
        ).naming(
            site,
            (person for verdict in refusing for each in verdict.found for person in each.people),
        )
