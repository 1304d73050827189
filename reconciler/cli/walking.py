"""How `apply --interactive` goes through a plan: it shows each part, and asks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import click

from reconciler.apply import preflight
from reconciler.cli.asking import Declined
from reconciler.cli.running import Asked
from reconciler.connection import Connection
from reconciler.diagnostics import listing
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.errors import WrongUse
from reconciler.plain import count
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Action, Plan
from reconciler.plan.parts import About, Offer, Part, Walk, by_person, by_school
from reconciler.plan.schools import Schools
from reconciler.plan.select import Selection
from reconciler.reports import printing, text
from reconciler.reports.parts import offer_text


class Answer(NamedTuple):
    """What may be answered: with its first letter, or as a word."""

    word: str
    meaning: str
    follow: Callable[[Walk], None] | None


_SPLIT: Final = Answer("split", "go on person by person", Walk.split)
_BACK: Final = Answer("back", "decide again about the part before", Walk.back)
ANSWERS: Final = (
    Answer("yes", "take it", Walk.take),
    Answer("no", "leave it", Walk.leave),
    Answer("all", "take it and all that is still to come", Walk.take_rest),
    Answer("rest", "leave it and all that is still to come", Walk.leave_rest),
    _SPLIT,
    _BACK,
    Answer("quit", "apply nothing", None),
)
"""All answers; one without something to follow ends the walk."""


def walk(plan: Plan, asked: Asked, by: str | None) -> frozenset[Address]:
    """Show each part of a plan, ask whether it is to be applied, and return what is left out.

    Args:
        plan: what may be applied.
        asked: how it is shown.
        by: what the parts are about, school or person; schools by default, where there are several.

    Raises:
        Declined: the answer was to quit, or nothing was taken.
    """
    if not plan.actions:
        return frozenset()
    hidden = asked.redaction.plan(plan)
    pairs = zip(plan.actions, hidden.actions, strict=True)
    shown = {action.address: seen for action, seen in pairs}
    # By the schools as they may be shown: a part would tell where somebody withheld is.
    placed = [replace(each, school=shown[each.address].school) for each in plan.actions]
    printing.show(text.head_text(hidden), colour=asked.colour, stderr=True)
    steps = Walk(plan.actions, _parts(placed, by))
    while (offer := steps.offer) is not None:
        rendered = offer_text(offer, shown, full=asked.full)
        printing.show(rendered, colour=asked.colour, stderr=True)
        if offer.own:
            _follow(_answer(offer), steps)
        else:
            steps.leave()
    if not steps.taken:
        raise Declined("Not applied: nothing was taken. Nothing was changed.")
    total = count(len(plan.actions), "change")
    click.echo(f"\nTaken: {steps.taken:,} of {total}.\n", err=True)
    return steps.left


def walk_saved(plan: Plan, site: Connection, asked: Asked, by: str | None) -> frozenset[Address]:
    """Go through a saved plan, once it is known that it can be applied; what is taken is judged.

    Raises:
        WrongUse: the site has no API, and its runbook is made of a whole plan; or a pattern leaves
            nothing, or something without what it must wait for.
        PlanUnusable: the plan is stale, used, or for another site or day.
        InvalidInput: the policy file has mistakes, or does not fit the site.
        GuardRefused: a guard or policy refuses what was taken.
        SiteError: the site could not be read.
        JournalError: the journal cannot be read.
        Declined: as `walk`.
    """
    from reconciler.workflows import beside
    from reconciler.workflows.reading import before_plan, today_in
    from reconciler.workflows.recalling import earlier_runs, rosters_before

    if site.snapshot is not None:
        raise WrongUse("A runbook is made of a whole plan.", "Go through the manifest instead.")
    asked.redaction.plan(plan)  # so that it knows whom to hide in an error
    today = today_in(plan.timezone)
    preflight.check_days(plan, today)
    earlier = earlier_runs(plan, site.journal)
    original = before_plan(plan, site, earlier)
    chosen = Selection(asked.only, asked.excepted)
    preflight.check_selection(chosen, plan)
    directory = Directory(end_state(original, plan.actions))
    keys = Keys(directory, plan.basis.people, plan.basis.units)
    plan = _placed(plan, Schools(directory, keys, plan.as_of))
    actions = preflight.selected(plan, original, earlier, chosen, today)
    if doubtful := sum(action.address in earlier.doubtful for action in actions):
        found = f"{count(doubtful, 'change')} that an earlier run left in doubt"
        click.echo(
            f"{found} will be sent again in any case, to find out what became of it.", err=True
        )
    left = walk(replace(plan, actions=actions), asked, by)
    taken = {action.address for action in actions} - left
    _, warnings = preflight.check_guards(
        plan,
        original,
        [action for action in actions if action.address in taken | earlier.doubtful],
        today,
        asked.overrides,
        beside.site_policy(site),
        rosters_before(site.journal, plan.site) if plan.rosters else {},
    )
    for line in listing(asked.redaction.diagnostics(warnings)):
        click.echo(line, err=True)
    # All that was not taken, also what was not asked about: who is where may be another by then.
    return frozenset(action.address for action in plan.actions) - taken


def _placed(plan: Plan, schools: Schools) -> Plan:
    """Say of a plan from before actions told their school in which one they lie."""
    if any(action.school is not None for action in plan.actions):
        return plan
    pairs = zip(plan.actions, schools.of_steps(plan.actions), strict=True)
    return replace(plan, actions=tuple(replace(each, school=school) for each, school in pairs))


def _parts(actions: Sequence[Action], by: str | None) -> Sequence[Part]:
    parts = () if by == About.PERSON else by_school(actions)
    several = sum(part.about is About.SCHOOL for part in parts) > 1
    return parts if several or by == About.SCHOOL else by_person(actions)


def _answer(offer: Offer) -> Answer:
    """Ask until one of the answers is given that make sense now."""
    senseless = {
        _SPLIT: len(offer.part.people) < 2,
        _BACK: offer.number == 1,
    }
    known = {each.word[0]: each for each in ANSWERS if not senseless.get(each)}
    question = f"Take {count(len(offer.own) + len(offer.along), 'change')}? [{','.join(known)},?]"
    while True:
        try:
            said = click.prompt(question, default="?", show_default=False, err=True)
        except click.Abort:
            said = "quit"
        answer = known.get(said.strip().casefold()[:1])
        if answer is not None and answer.word.startswith(said.strip().casefold()):
            return answer
        for letter, each in known.items():
            click.echo(f"  {letter}  {each.word}: {each.meaning}", err=True)


def _follow(answer: Answer, steps: Walk) -> None:
    if answer.follow is None:
        raise Declined("Not applied: the answer was to quit. Nothing was changed.")
    answer.follow(steps)
