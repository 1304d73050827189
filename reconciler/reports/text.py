"""Plans, drift, outcomes and explanations as text for people.

Colour and emphasis show on a terminal only; elsewhere the same words come plain. Whatever a site
or a manifest put into a key or a label, no control character reaches the terminal.
"""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from reconciler.access.menu import Condition, Explanation
from reconciler.apply.outcome import ApplyResult, Outcome
from reconciler.cause import CauseKind
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.domain.vocabulary import Role
from reconciler.drift import Drifted, DriftKind, DriftReport
from reconciler.errors import ExitCode
from reconciler.plain import plain
from reconciler.plan.model import Action, Plan
from reconciler.policy.model import Verdict
from reconciler.provider import Verb
from reconciler.reports import view
from reconciler.reports.printing import Grid, indented, one_line

_SIGNS = {Verb.ADD: "+", Verb.REMOVE: "-", Verb.CHANGE: "~"}
_STYLES = {Verb.ADD: "green", Verb.REMOVE: "red", Verb.CHANGE: "yellow"}
_PAST = {Verb.ADD.value: "added", Verb.REMOVE.value: "removed", Verb.CHANGE.value: "changed"}
_OUTCOME_STYLES = {
    Outcome.SUCCEEDED: "green",
    Outcome.ALREADY: "green",
    Outcome.FAILED: "red",
    Outcome.UNKNOWN: "red",
    Outcome.SKIPPED: "yellow",
    Outcome.MANUAL: "yellow",
}


def plan_text(plan: Plan, *, summary: bool = True) -> RenderableType:
    """Render a plan: summary first, then only what changes, grouped by person.

    Without `summary`, the line is left out that says how much there is to do.
    """
    rows = view.access_rows(plan)
    parts = _head(plan, rows, summary=summary)
    for group in view.groups(plan.actions):
        parts.extend([Text(), one_line(group.title, "bold"), _rows(group.rows)])
    if rows:
        parts.extend([Text(), one_line("Access", "bold"), _access(rows)])
    if plan.unmanaged:
        parts.extend([Text(), one_line("Live but not declared (reported only)", "bold")])
        parts.extend(indented(line) for line in view.unmanaged_rows(plan.unmanaged))
    if plan.warnings:
        parts.extend([Text(), *map(diagnostic_text, plan.warnings)])
    for heading, listed in (
        ("Later", view.upcoming_rows(plan)),
        ("Moved", view.moved_rows(plan.moved)),
        ("Accepted deviations", view.accepted_rows(plan.accepted)),
    ):
        if listed:
            parts.extend([Text(), one_line(heading, "bold"), _table(listed)])
    failed = [verdict for verdict in plan.verdicts if not verdict.passed]
    if failed:
        parts.extend([Text(), one_line("Guards", "bold"), *map(_verdict, failed)])
    return Group(*parts)


def _head(plan: Plan, rows: list[view.AccessRow], *, summary: bool) -> list[RenderableType]:
    """Render the summary: of all of it, and school by school."""
    until = f", holds until {plan.holds_until}" if plan.holds_until else ""
    parts: list[RenderableType] = [
        one_line(f"Plan for {plan.site} on {plan.as_of}{until}", "bold"),
    ]
    if summary:
        parts.append(one_line(view.summary(plan)))
    if plan.redacted:
        parts.append(one_line("Redacted: people are hidden in it. For reading only.", "yellow"))
    if plan.actions:
        parts.append(one_line(view.access_summary(rows)))
    if plan.schools:
        parts.extend([Text(), one_line("Schools", "bold"), _table(view.school_rows(plan.schools))])
    return parts


_DRIFTS = {
    "Past their last day and still live": (DriftKind.EXPIRED,),
    "Accepted until a day that has passed": (DriftKind.LAPSED,),
    "Drifted": (DriftKind.CHANGED, DriftKind.UNMANAGED),
}


def drift_text(report: DriftReport) -> RenderableType:
    """Render what drifted, by whom, and what is only pending."""
    parts: list[RenderableType] = []
    if not (report.drifted or report.pending or report.held_back):
        parts.append(one_line(view.NO_DRIFT))
    for heading, kinds in _DRIFTS.items():
        listed = [found for found in report.drifted if found.kind in kinds]
        if listed:
            parts.append(one_line(f"{heading}: {len(listed)}", "bold red"))
            parts.append(_table([(str(found.item.name), _direction(found)) for found in listed]))
    for heading, style, rows in (
        ("Not yet applied", "bold yellow", _causes(report.pending)),
        ("Held back, as a roster has lost too much", "bold yellow", _causes(report.held_back)),
        ("Accepted deviations", "bold", view.accepted_rows(report.plan.accepted)),
        ("Moved", "bold", view.moved_rows(report.plan.moved)),
        ("Ending soon", "bold yellow", view.ending_rows(report.ending)),
    ):
        if rows:
            parts.extend([one_line(f"{heading}: {len(rows)}", style), _table(rows)])
    if report.plan.held_back:
        verdict = report.plan.held_back
        parts.append(indented(f"refused {verdict.code}: {verdict.message}", "red"))
    if not report.attributed:
        parts.append(
            one_line("There are no events to ask who changed what, so everything counts as drift.")
        )
    parts.extend(map(diagnostic_text, report.plan.warnings))
    return Group(*parts)


def _causes(actions: Iterable[Action]) -> list[tuple[str, str]]:
    return [(str(action.name), str(action.cause)) for action in actions]


def result_text(result: ApplyResult, plan: Plan) -> RenderableType:
    """Render what happened: counts first, then everything that is not as it should be.

    Of the plan that was applied, what it leaves is told where there was nothing to do.
    """
    if not result.outcomes:
        return one_line(view.nothing(plan))
    open_ends = [found for found in result.outcomes if not found.outcome.holds]
    parts: list[RenderableType] = [
        one_line(f"Applied to {result.site}: {view.result_summary(result, plan)}", "bold")
    ]
    for found in open_ends:
        line = f"{found.outcome} {_SIGNS[found.action.verb]} {found.action.name}: {found.detail}"
        parts.append(indented(line, _OUTCOME_STYLES[found.outcome]))
    if result.note:
        parts.append(one_line(result.note))
    if any(found.outcome is Outcome.MANUAL for found in open_ends):
        parts.append(one_line("Do what is left by hand, in the admin pages; then run this again."))
    elif result.exit_code is ExitCode.PARTIAL:
        parts.append(
            one_line("Run the same command again to finish; what is done is not repeated.")
        )
    return Group(*parts)


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
        note = f"{row.why}; {row.note}" if row.note else row.why
        style = _STYLES[row.verb]
        grid.add_row((f"  {_SIGNS[row.verb]}", style), (row.what, style), (note, "dim"))
    return grid


def _table(pairs: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Grid(2)
    for left, right in pairs:
        grid.add_row(f"  {left}", (right, "dim"))
    return grid


def _access(rows: Iterable[view.AccessRow]) -> RenderableType:
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
    if verdict.override is not None:
        told = f"overridden {verdict.code}: {verdict} (reason: {verdict.override})"
        return indented(told, "yellow")
    if not verdict.refuses:
        return indented(f"advice {verdict.code}: {verdict}", "yellow")
    return indented(f"refused {verdict.code}: {verdict}", "red")


def _differs(action: Action, kind: DriftKind) -> str:
    """Say how the site differs at an address."""
    cause = action.cause
    if kind is DriftKind.EXPIRED:
        return str(cause)
    until = f"; accepted until {cause.accepted_until}" if cause.accepted_until else ""
    if action.verb is Verb.ADD:
        return f"missing on the site{until}"
    if action.verb is Verb.CHANGE:
        return f"{view.label(action.before)} instead of {view.label(action.after)}{until}"
    # A list of profiles is declared; what is too much is what does not stand in it.
    listed = cause.kind is CauseKind.DECLARED
    return f"on the site though {'not in the list ' if listed else ''}{cause}"


def _direction(found: Drifted) -> str:
    action = found.item
    if isinstance(action, Action):
        words = _differs(action, found.kind)
        if found.held_back:
            words = f"{words}; held back (RR521)"
    else:
        words = "on the site, not declared (reported only)"
        if action.accepted_until:
            words = f"{words}; accepted until {action.accepted_until}"
    if found.event is None:
        return words
    did = _PAST.get(found.event.verb, found.event.verb)
    at = found.event.at.isoformat(sep=" ", timespec="seconds")
    return f"{words}; {did} by {found.event.actor} at {at}"
