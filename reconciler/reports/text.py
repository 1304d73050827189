"""Plans, drift, outcomes and explanations as text for people.

Colour and emphasis show on a terminal only; elsewhere the same words come plain. Whatever a site
or a manifest put into a key or a label, no control character reaches the terminal.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from rich.console import Group, RenderableType
from rich.text import Text

from reconciler.access.menu import Condition, Explanation
from reconciler.apply.outcome import ApplyResult, Outcome
from reconciler.codes import Severity
from reconciler.diagnostics import Diagnostic
from reconciler.domain.vocabulary import Role
from reconciler.drift import Drifted, DriftKind, DriftReport
from reconciler.errors import ExitCode
from reconciler.plain import plain
from reconciler.plan.model import Action, Deviation, Plan
from reconciler.policy.model import Verdict
from reconciler.policy.overrides import how_to_lift
from reconciler.provider import Verb
from reconciler.reports import view
from reconciler.reports.differing import differs, direction, done_by
from reconciler.reports.printing import Grid, indented, one_line
from reconciler.reports.summary import (
    Lists,
    Named,
    Told,
    busiest_rows,
    few_of_a_kind,
    gaining_rows,
    losing_rows,
    reason_rows,
    summary_groups,
    tally_rows,
    told_of_action,
    warning_rows,
)

_SIGNS = {Verb.ADD: "+", Verb.REMOVE: "-", Verb.CHANGE: "~"}
_STYLES = {Verb.ADD: "green", Verb.REMOVE: "red", Verb.CHANGE: "yellow"}
_OUTCOME_STYLES = {
    Outcome.SUCCEEDED: "green",
    Outcome.ALREADY: "green",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "red",
    Outcome.SKIPPED: "yellow",
    Outcome.MANUAL: "yellow",
}


ONE_HOLDER = " `plan --only mentor/PERSON --only 'mentor/PERSON/*'` plans for one holder alone."


def plan_text(
    plan: Plan, *, summary: bool = True, full: bool = False, lifting: bool = True
) -> Iterator[RenderableType]:
    """Render a plan, part by part: summary first, then only what changes, grouped by person.

    Without `summary`, the line is left out that says how much there is to do. Without `full`, a
    list that is too long to be read is counted. Without `lifting`, the line is left out that says
    which options lift what refuses the plan.
    """
    lists = Lists(full=full)
    yield from head_text(plan, summary=summary)
    yield from actions_text(plan.actions, lists)
    yield from _access(plan, lists)
    if plan.unmanaged:
        yield from _headed("Live but not declared (reported only)")
        if lists.counts(plan.unmanaged):
            yield _table(tally_rows(Told(each.name) for each in plan.unmanaged))
        else:
            yield from map(indented, view.unmanaged_rows(plan.unmanaged))
    if plan.warnings:
        yield Text()
        yield from _warnings(plan.warnings, lists)
    parts: tuple[_Part[Any], ...] = (
        _Part("Later", "bold", plan.upcoming, view.upcoming_rows),
        _Part("Moved", "bold", plan.moved, view.moved_rows),
        _Part("Accepted deviations", "bold", plan.accepted, view.accepted_rows, _deviating),
    )
    for part in parts:
        if part.items:
            yield from (Text(), one_line(part.heading, part.style), _listed(part, lists))
    failed = [verdict for verdict in plan.verdicts if not verdict.passed]
    if failed:
        yield from (*_headed("Guards"), *map(_verdict, failed))
    if lifting and (advice := how_to_lift(plan.verdicts, plan.made_by)):
        yield indented(advice)
    yield from _hint(lists, ONE_HOLDER)


def _headed(heading: str) -> tuple[RenderableType, ...]:
    return Text(), one_line(heading, "bold")


def head_text(plan: Plan, *, summary: bool = True) -> Iterator[RenderableType]:
    """Render the summary: of all of it, and school by school."""
    yield one_line(view.heading(plan), "bold")
    if summary:
        yield one_line(view.summary(plan))
    if plan.redacted:
        yield one_line(view.REDACTED, "yellow")
    if plan.actions:
        yield one_line(view.access_summary(plan.access))
    if plan.schools:
        yield from (*_headed("Schools"), _table(view.school_rows(plan.schools)))


def actions_text(actions: Sequence[Action], lists: Lists) -> Iterator[RenderableType]:
    """Render what changes, grouped by person."""
    counted = lists.counts(actions)
    groups = view.groups(few_of_a_kind(actions, told_of_action) if counted else actions)
    for group in (*(summary_groups(actions) if counted else ()), *groups):
        yield from (*_headed(group.title), _rows(group.rows))
    if counted:
        most = busiest_rows((action.name for action in actions), "change")
        if most:
            yield from (*_headed("Most changes"), _table(most))


def _access(plan: Plan, lists: Lists) -> Iterator[RenderableType]:
    if not plan.access:
        return
    if not (lists.counts(plan.actions) or lists.counts(plan.access)):
        yield from (*_headed("Access"), _sight(view.access_rows(plan)))
        return
    # Who gains stands by itself: among many who lose, nobody would look for them.
    for heading, rows in (
        ("Access: gain sight of", list(gaining_rows(plan))),
        ("Access: lose sight of", list(losing_rows(plan))),
    ):
        if rows:
            yield from (*_headed(heading), _table(rows))


def _warnings(found: Sequence[Diagnostic], lists: Lists) -> Iterable[RenderableType]:
    if lists.counts(found):
        return (one_line("Warnings", "bold yellow"), _table(warning_rows(found)))
    return map(diagnostic_text, found)


_Item = TypeVar("_Item", bound=Named)


def _named(item: Named) -> Told:
    return Told(item.name)


class _Part(NamedTuple, Generic[_Item]):
    """A list of a text, under its heading: how it is listed, and what is counted of an item."""

    heading: str
    style: str
    items: Sequence[_Item]
    rows: Callable[[Sequence[_Item]], Iterable[tuple[str, str]]]
    told: Callable[[_Item], Told] = _named


def _listed(part: _Part[Any], lists: Lists) -> RenderableType:
    """Render a list as its rows, or as what there is of what."""
    if not lists.counts(part.items):
        return _table(part.rows(part.items))
    names = (each.name for each in part.items)
    busiest = busiest_rows(names, "of them", "of them")
    few = part.rows(few_of_a_kind(part.items, part.told))
    return _table([*tally_rows(map(part.told, part.items)), *busiest, *few])


def _deviating(item: Deviation | Action) -> Told:
    return Told(item.name, view.DEVIATES[item.verb])


def _drifting(found: Drifted) -> Told:
    event = found.event
    by = f"; {done_by(event)} {event.author}" if event else ""
    return Told(found.name, f"{differs(found, brief=True)}{by}", event.at if event else None)


def _hint(lists: Lists, narrower: str = "") -> Iterator[RenderableType]:
    hint = lists.hint(narrower)
    if hint:
        yield from (Text(), one_line(hint, "yellow"))


_DRIFTS = {
    "Past their last day and still live": (DriftKind.EXPIRED,),
    "Accepted until a day that has passed": (DriftKind.LAPSED,),
    "Drifted": (DriftKind.CHANGED, DriftKind.UNMANAGED),
}


def drift_text(report: DriftReport, *, full: bool = False) -> Iterator[RenderableType]:
    """Render, part by part, what drifted, by whom, and what is only pending.

    Without `full`, a list that is too long to be read is counted.
    """
    lists = Lists(full=full)
    if not (report.drifted or report.pending or report.held_back):
        yield one_line(view.NO_DRIFT)
    drifts = {
        heading: [found for found in report.drifted if found.kind in kinds]
        for heading, kinds in _DRIFTS.items()
    }
    parts: tuple[_Part[Any], ...] = (
        *(
            _Part(heading, "bold red", found, _directions, _drifting)
            for heading, found in drifts.items()
        ),
        *(
            _Part(heading, "bold yellow", found, _causes, _deviating)
            for heading, found in (
                ("Not yet applied", report.pending),
                ("Held back, as a roster has lost too much", report.held_back),
            )
        ),
        _Part("Accepted deviations", "bold", report.plan.accepted, view.accepted_rows, _deviating),
        _Part("Moved", "bold", report.plan.moved, view.moved_rows),
        _Part("Ending soon", "bold yellow", report.ending, view.ending_rows),
    )
    for part in parts:
        if part.items:
            yield one_line(f"{part.heading}: {len(part.items)}", part.style)
            yield _listed(part, lists)
    if report.plan.held_back:
        verdict = report.plan.held_back
        yield indented(f"refused {verdict.code}: {verdict.message}", "red")
    if not report.attributed:
        yield one_line(view.UNATTRIBUTED)
    yield from _warnings(report.plan.warnings, lists)
    yield from _hint(lists)


def _directions(found: Iterable[Drifted]) -> list[tuple[str, str]]:
    return [(str(each.name), direction(each)) for each in found]


def _causes(actions: Sequence[Action]) -> list[tuple[str, str]]:
    return [(str(action.name), str(action.cause)) for action in actions]


def result_text(result: ApplyResult, plan: Plan, *, full: bool = False) -> Iterator[RenderableType]:
    """Render what happened: counts first, then everything that is not as it should be.

    Of the plan that was applied, what it leaves is told where there was nothing to do.
    """
    lists = Lists(full=full)
    if not result.outcomes:
        yield one_line(view.nothing(plan))
        return
    open_ends = [found for found in result.outcomes if not found.outcome.holds]
    yield one_line(f"Applied to {result.site}: {view.result_summary(result, plan)}", "bold")
    if lists.counts(open_ends):
        for outcome, style in _OUTCOME_STYLES.items():
            ended = [each for each in open_ends if each.outcome is outcome]
            if ended:
                counted = tally_rows(Told(each.action.name) for each in ended)
                yield from (one_line(f"{outcome}:", style), _table([*counted, *reason_rows(ended)]))
    else:
        for found in open_ends:
            action = found.action
            line = f"{found.outcome} {_SIGNS[action.verb]} {action.name}: {found.detail}"
            yield indented(line, _OUTCOME_STYLES[found.outcome])
    if result.note:
        yield one_line(result.note)
    if any(found.outcome is Outcome.MANUAL for found in open_ends):
        yield one_line("Do what is left by hand, in the admin pages; then run this again.")
    elif result.exit_code is ExitCode.PARTIAL:
        yield one_line("Run the same command again to finish; what is done is not repeated.")
    yield from _hint(lists)


def explanation_text(explanation: Explanation, name: str, *, planned: bool) -> RenderableType:
    """Render a person's menu, live or planned, and the conditions behind it."""
    shown = ", ".join(f"“{entry.label}” ({entry.entry})" for entry in explanation.menu)
    when = ", once that is applied" if planned else ""
    parts: list[RenderableType] = [
        one_line(f"{name} sees {shown or 'no entry of these roles'}{when}.", "bold")
    ]
    for condition in _telling(explanation):
        sign, style = ("✓", "green") if condition.met else ("✗", "red")
        parts.append(indented(f"{sign} {condition.text}", style))
        if condition.remedy:
            parts.append(indented(f"  {condition.remedy}"))
    return Group(*parts)


def _telling(explanation: Explanation) -> list[Condition]:
    """Leave out a role that the person was never given, where another one shows an entry."""
    met = {condition.code: condition.met for condition in explanation.conditions}
    hidden = [role for role in Role if explanation.menu and not met[f"{role}.added"]]
    return [
        condition
        for condition in explanation.conditions
        if condition.code.split(".")[0] not in hidden
    ]


def diagnostic_text(found: Diagnostic) -> RenderableType:
    """Render a diagnostic in one line."""
    style = "red" if found.severity is Severity.ERROR else "yellow"
    place = f"{found.position}: " if found.position else ""
    advice = f" {found.advice}" if found.advice else ""
    return Text.assemble(
        plain(place), (f"{found.severity} {found.code}", style), plain(f": {found.message}{advice}")
    )


def _rows(rows: Iterable[view.Row]) -> RenderableType:
    grid = Grid(2, signed=True)
    for row in rows:
        style = _STYLES[row.verb]
        grid.add_row((f"  {_SIGNS[row.verb]}", style), (row.what, style), (row.reason, "dim"))
    return grid


def _table(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Grid(2)
    for left, right in pairs:
        grid.add_row(f"  {left}", (right, "dim"))
    return grid


def _sight(rows: Iterable[view.AccessRow]) -> RenderableType:
    grid = Grid(3)
    for row in rows:
        for verb, word, keys in (
            (Verb.ADD, "gains", row.gained),
            (Verb.REMOVE, "loses", row.lost),
        ):
            if keys:
                grid.add_row(f"  {row.person}", (word, _STYLES[verb]), view.learners(keys))
    return grid


def _verdict(verdict: Verdict) -> RenderableType:
    return indented(view.verdict_words(verdict), "red" if verdict.refuses else "yellow")
