"""What the journal's tests tell again and again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import small
from sqlalchemy import Table, select

from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.journal.record import SqlJournal
from reconciler.plan.model import Action, Plan
from reconciler.provider import Change

SITE = "nord"

Opener = Callable[..., SqlJournal]
"""Opens a journal where it is told to, with settings that a test may choose."""


def plan_of(people: int = 2, plan_id: str = "plan-1") -> Plan:
    """A plan that makes mentors: a holder and an assignment for each."""
    wanted = [(f"t-{n}", "8a") for n in range(people)]
    return replace(small.plan(small.small_site(), small.wanting(*wanted)), id=plan_id)


def changes(actions: Sequence[Action], key: str = "k") -> list[Change]:
    return [
        Change(action.address, action.verb, None, None, f"{key}-{number}")
        for number, action in enumerate(actions)
    ]


def told(
    actions: Sequence[Action], outcome: Outcome, detail: str = "", revision: int | None = None
) -> list[ActionOutcome]:
    return [ActionOutcome(action, outcome, detail, revision) for action in actions]


def rows(journal: SqlJournal, table: Table) -> list[Any]:
    with journal.database.reading() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)).all())
