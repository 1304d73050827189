"""The one way to write to a site."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from platformdirs import user_state_path

from reconciler.apply import engine
from reconciler.apply.engine import Progress
from reconciler.apply.outcome import ApplyResult
from reconciler.connection import Connection
from reconciler.journal import FileJournal
from reconciler.plan.model import Plan
from reconciler.providers.rest.writer import RestWriter


def apply_plan(
    plan: Plan,
    connection: Connection,
    *,
    today: date | None = None,
    only: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    journal_directory: Path | None = None,
) -> ApplyResult:
    """Make a plan's actions happen on a site: exactly those, or fewer.

    Args:
        plan: as it was approved.
        connection: the site, with credentials that may write.
        today: the day on which it runs; today in the plan's time zone by default.
        only: address patterns that narrow the run.
        overrides: per guard code the reason to lift its refusal in this run.
        progress: told how many of how many actions are settled.
        journal_directory: where runs are recorded; RECONCILER_STATE_DIR, or else the user's state
            directory, by default.

    Raises:
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        JournalError: the run cannot be recorded; nothing was sent.
        SiteError: the site could not be read; nothing was sent.
    """
    state = os.environ.get("RECONCILER_STATE_DIR")
    home = Path(state) if state else user_state_path("reconciler", appauthor=False)
    with RestWriter(connection) as writer:
        return engine.apply_plan(
            plan,
            writer,
            FileJournal(journal_directory or home / "runs", lambda: datetime.now(UTC)),
            today=today or datetime.now(ZoneInfo(plan.timezone)).date(),
            only=only,
            overrides=overrides,
            progress=progress,
        )
