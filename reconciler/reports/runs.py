"""Recorded runs, as text for people and as documents for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType

from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import Outcome
from reconciler.cause import SHORT_ID
from reconciler.journal.history import RecordedAction, RunDetails, RunSummary
from reconciler.plan.items import change_document
from reconciler.plan.model import ROLLBACK_OF
from reconciler.redact import Redaction
from reconciler.reports import csv_table, lines, markdown
from reconciler.reports.documents import Document, to_texts
from reconciler.reports.outcomes import NOT_SENT, Outcomes, Settled
from reconciler.reports.printing import Grid, one_line

HISTORY_FORMAT: Final = "reconciler.history/1"
RUN_FORMAT: Final = "reconciler.run/1"


def hidden_run(redaction: Redaction, details: RunDetails) -> RunDetails:
    """Hide people in a recorded run: who it was about, and who ran it."""
    if not redaction.active:
        return details
    site = details.summary.site
    redaction.meet(site, (each.action for each in details.actions))
    return replace(
        details,
        summary=hidden_summary(redaction, details.summary),
        actions=tuple(
            replace(
                each,
                action=redaction.action(site, each.action),
                detail=redaction.text(each.detail),
            )
            for each in details.actions
        ),
    )


def hidden_summary(redaction: Redaction, run: RunSummary) -> RunSummary:
    """Hide who ran something, and what they wrote."""
    if not redaction.active:
        return run
    return replace(
        run,
        who=redaction.actor(run.site, run.who),
        note=redaction.text(run.note),
        overrides=tuple(
            replace(each, reason=redaction.free_text(each.reason) or "") for each in run.overrides
        ),
    )


def runs_document(found: Iterable[RunSummary]) -> Document:
    """Describe a list of runs."""
    return {"format": HISTORY_FORMAT, "runs": [_summary(run) for run in found]}


def run_document(details: RunDetails) -> Document:
    """Describe a run and its actions."""
    return {
        "format": RUN_FORMAT,
        **_summary(details.summary),
        "actions": [_action(found) for found in details.actions],
    }


def runs_json(found: Iterable[RunSummary]) -> Iterator[str]:
    """Render a list of runs as its document."""
    return to_texts(runs_document(found))


def run_json(details: RunDetails) -> Iterator[str]:
    """Render a run as its document."""
    return to_texts(run_document(details))


def runs_lines(found: Iterable[RunSummary]) -> Iterator[str]:
    """Render each run as a line."""
    return (lines.line("run", **_summary(run)) for run in found)


_COLUMNS: Final = ("run", "site", "status", "began_at", "ended_at", "who", "host", "commit", "note")


def runs_csv(found: Iterable[RunSummary]) -> Iterator[str]:
    """Render each run as a row."""
    rows = (
        (
            *(summary[column] for column in _COLUMNS),
            *(str(run.counts.get(outcome, 0)) for outcome in Outcome),
            str(run.open),
        )
        for run, summary in ((run, _summary(run)) for run in found)
    )
    return csv_table.written((*_COLUMNS, *(each.value for each in Outcome), "not_sent"), rows)


def runs_markdown(found: Sequence[RunSummary]) -> Iterator[str]:
    """Render a list of runs, folded; what somebody wrote of one is left out."""
    rows = [
        (
            run.id[:SHORT_ID],
            f"{_time(run.began_at)} on {run.site} by {run.who}@{run.host}: {_ended(run)}",
        )
        for run in found
    ]
    head = ["### Runs\n", *([] if rows else ["No run is recorded.\n"])]
    return markdown.fitted(head, markdown.listed("Runs", rows))


def outcomes(details: RunDetails) -> Outcomes:
    """View a recorded run as every format of a run does."""
    run = details.summary
    settled = [Settled(each.action, each.outcome, each.detail) for each in details.actions]
    return Outcomes(run.id, run.site, f"{_ended(run)}.", _broken(run), settled, _facts(run))


def _broken(run: RunSummary) -> str:
    if run.note or run.end not in (None, RunEnd.INTERRUPTED):
        return run.note
    # Who is asked to stop notes it: without a note, the next command has ended what was killed.
    return "It still runs." if run.running else "It was killed."


def runs_text(found: Iterable[RunSummary]) -> RenderableType:
    """Render a list of runs, one in a line."""
    table = Grid(7)
    listed = list(found)
    for run in listed:
        ended = status(run)
        table.add_row(
            run.id[:SHORT_ID],
            _time(run.began_at),
            run.site,
            f"{run.who}@{run.host}",
            _commit(run),
            (ended, _STYLES.get(ended, "")),
            _counts(run),
        )
    return table if listed else one_line("No run is recorded.")


def run_text(details: RunDetails) -> RenderableType:
    """Render a run: what is known of it, then each of its actions."""
    head = Grid(2)
    for name, value in _facts(details.summary):
        if value:
            head.add_row((name, "dim"), value)
    table = Grid(4)
    for found in details.actions:
        outcome = found.outcome.value if found.outcome else NOT_SENT
        detail = found.detail or (f"at revision {found.revision}" if found.revision else "")
        table.add_row(
            f"  {outcome}", found.action.verb.value, str(found.action.name), (detail, "dim")
        )
    return Group(head, one_line(""), table)


def _facts(run: RunSummary) -> list[tuple[str, str]]:
    return [
        ("Run", run.id),
        ("Site", run.site),
        ("Plan", run.plan),
        ("Manifest", " ".join(part for part in (run.commit, run.manifest) if part)),
        ("By", f"{run.who}@{run.host}"),
        ("Correlation", run.correlation or ""),
        ("Began", _time(run.began_at)),
        ("Ended", _time(run.ended_at) if run.ended_at else "—"),
        ("Outcome", _ended(run)),
        ("Note", run.note),
        *((f"Override {each.code}", each.reason) for each in run.overrides),
    ]


def _ended(run: RunSummary) -> str:
    return f"{status(run)}: {_counts(run)}".removesuffix(": ")


def status(run: RunSummary) -> str:
    """Say in a word how a run ended, or that it has not."""
    if run.end is not None:
        return run.end.value
    return "running" if run.running else "killed"


_STYLES: Final[Mapping[str, str]] = {
    "done": "green",
    "partial": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "killed": "red",
}


def _counts(run: RunSummary) -> str:
    parts = [f"{number} {outcome.value}" for outcome, number in run.counts.items()]
    if run.open:
        parts.append(f"{run.open} {NOT_SENT}")
    return ", ".join(parts)


def _commit(run: RunSummary) -> str:
    """Shorten a commit as Git does; the mark of a manifest that differs from it stays."""
    if run.commit is None:
        rolled_back = run.manifest.removeprefix(ROLLBACK_OF)
        return f"{ROLLBACK_OF}{rolled_back[:SHORT_ID]}" if rolled_back != run.manifest else ""
    return run.commit[:SHORT_ID] + ("+" if run.commit.endswith("+") else "")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _summary(run: RunSummary) -> dict[str, Any]:
    return {
        "run": run.id,
        "plan": run.plan,
        "site": run.site,
        "status": status(run),
        "began_at": run.began_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "who": run.who,
        "host": run.host,
        "correlation_id": run.correlation,
        "commit": run.commit,
        "manifest": run.manifest,
        "note": run.note or None,
        "counts": {outcome.value: number for outcome, number in run.counts.items()},
        "open": run.open,
        "overrides": [{"code": each.code, "reason": each.reason} for each in run.overrides],
    }


def _action(found: RecordedAction) -> dict[str, Any]:
    action = found.action
    return {
        **change_document(action),
        "cause": str(action.cause),
        "sent": found.sent,
        "outcome": found.outcome.value if found.outcome else None,
        "detail": found.detail or None,
        "revision": found.revision,
    }
