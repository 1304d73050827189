"""The statements of the journal, and the rows that go into them and come out of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    func,
    insert,
    null,
    or_,
    select,
    true,
    update,
)

from reconciler.apply.journal import Doubt, Earlier
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.domain.address import Address
from reconciler.journal.placeholders import is_forgotten
from reconciler.journal.tables import actions, plans, requests, runs
from reconciler.plan.document import summary_document, to_document
from reconciler.plan.items import action_document, read_action
from reconciler.plan.model import Action, Plan

_T = TypeVar("_T")
Row = dict[str, Any]

_ROWS_AT_ONCE: Final = 5_000

_UNDER_WAY: Final = timedelta(minutes=15)
"""So long after it was sent, a request that nobody saw answered may still reach the site."""

_CARRIED: Final = (requests.c.run == actions.c.run) & (requests.c.number == actions.c.request)
"""Joins an action to the request that carried it last."""

_LEFT_OUT: Final = frozenset(
    (
        *("actions", "access", "people", "unmanaged", "upcoming", "accepted", "moved", "warnings"),
        "digest",
    )
)
"""What a plan's header leaves out: it stands in the actions, or nobody needs it after the run."""

_LATEST: Final[Row] = {
    "outcome": bindparam("new_outcome"),
    "detail": bindparam("new_detail"),
    "revision": func.coalesce(bindparam("new_revision"), actions.c.revision),
    "settled_at": bindparam("new_settled_at"),
}
_AT: Final = (
    actions.c.run == bindparam("at_run"),
    actions.c.address == bindparam("at_address"),
)

MARK: Final = (
    update(actions)
    .where(*_AT)
    .values(
        request=bindparam("new_request"),
        key=bindparam("new_key"),
        answered=False,
        outcome=null(),
        settled_at=null(),
    )
)
"""Marks an action as being sent; an earlier word on it in the same run is no longer the last."""

SETTLE: Final = (
    update(actions)
    .where(*_AT)
    .values(**_LATEST, answered=or_(actions.c.answered, bindparam("new_answered") == true()))
)
"""Records what became of an action, and keeps what is known of its answer and its effect."""


def _in_doubt(table: FromClause) -> ColumnElement[bool]:
    sent = table.c.request.is_not(None)
    return or_(table.c.outcome == Outcome.UNKNOWN.value, table.c.outcome.is_(None) & sent)


_IN_DOUBT: Final = _in_doubt(actions)

CLEAR: Final = update(actions).where(*_AT, _IN_DOUBT).values(**_LATEST)
"""Records what became of an action that an earlier run left in doubt, and of no other."""

ANSWER: Final = (
    update(requests)
    .where(requests.c.run == bindparam("at_run"), requests.c.number == bindparam("at_number"))
    .values(answered_at=bindparam("new_answered_at"))
)
"""Records that every change of a request was answered."""


def clean(text: str) -> str:
    """Return a text that every database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def chunks(rows: Iterable[_T]) -> Iterator[list[_T]]:
    """Cut rows into lists of a size that a driver digests well."""
    rest = iter(rows)
    while chunk := list(islice(rest, _ROWS_AT_ONCE)):
        yield chunk


def latest(run: int, found: ActionOutcome, now: datetime) -> Row:
    """Return the parameters of `SETTLE` and `CLEAR` for one outcome."""
    return {
        "at_run": run,
        "at_address": str(found.action.address),
        "new_outcome": found.outcome.value,
        "new_detail": clean(found.detail),
        "new_revision": found.revision,
        "new_settled_at": now,
    }


def action_rows(run: int, selected: Sequence[Action]) -> Iterator[Row]:
    """Yield the rows of a run's actions, in the form that `read_action` reads back."""
    for number, action in enumerate(selected):
        row = action_document(action)
        del row["grant"]  # a reason may say more of a person than a record should keep
        yield {"run": run, "number": number, **row, "answered": False, "detail": ""}


def add_plan(connection: Connection, plan: Plan) -> None:
    """Record a plan, if it is new."""
    known = select(plans.c.id).where(plans.c.id == plan.id)
    if connection.execute(known).first() is not None:
        return
    # A document of all the actions would be made only to be thrown away.
    short = replace(
        plan,
        actions=(),
        access=(),
        people={},
        unmanaged=(),
        upcoming=(),
        accepted=(),
        moved=(),
        warnings=(),
        verdicts=tuple(replace(verdict, found=(), digest=None) for verdict in plan.verdicts),
    )
    header = {**to_document(short), "summary": summary_document(plan)}
    connection.execute(
        insert(plans).values(
            id=plan.id,
            site=plan.site,
            manifest=plan.manifest,
            commit=plan.commit,
            used=False,
            header={name: part for name, part in header.items() if name not in _LEFT_OUT},
        )
    )


def read_actions(connection: Connection, run: int) -> list[Action]:
    """Read the actions of a run back, in the plan's order."""
    found = connection.execute(
        select(actions).where(actions.c.run == run).order_by(actions.c.number)
    ).mappings()
    return [read_action(dict(row)) for row in found]


def read_earlier(connection: Connection, plan_id: str, *, used: bool, now: datetime) -> Earlier:
    """Add up what all the runs of a plan did, in the order in which they began."""
    column = actions.c
    rows = connection.execute(
        select(
            column.address,
            column.request,
            column.answered,
            column.outcome,
            column.revision,
            requests.c.sent_at,
        )
        .join(runs, runs.c.number == column.run)
        .outerjoin(requests, _CARRIED)
        .where(runs.c.plan == plan_id)
        .order_by(runs.c.number, column.number)
    )
    selected: set[Address] = set()
    sent: set[Address] = set()
    held: set[Address] = set()
    doubtful: set[Address] = set()
    arriving: set[Address] = set()
    refused: Counter[Address] = Counter()
    for text, request, answered, outcome, revision, sent_at in rows:
        address = Address.parse(text)
        selected.add(address)
        if request is not None:
            sent.add(address)
        if revision is not None or (outcome is not None and Outcome(outcome).holds):
            held.add(address)
        if outcome == Outcome.UNKNOWN or (outcome is None and request is not None):
            doubtful.add(address)  # until it is cleared, whatever later runs found there
            if _may_arrive(sent_at, now):
                arriving.add(address)
        if outcome == Outcome.FAILED and answered:
            refused[address] += 1
    return Earlier(
        used=used,
        selected=frozenset(selected),
        sent=frozenset(sent),
        held=frozenset(held),
        doubtful=frozenset(doubtful),
        arriving=frozenset(arriving),
        refused=MappingProxyType(refused),
    )


def _may_arrive(sent_at: datetime | None, now: datetime) -> bool:
    return sent_at is not None and now - sent_at < _UNDER_WAY


def read_doubts(connection: Connection, site: str, but: str, now: datetime) -> list[Doubt]:
    """Find what runs left in doubt on a site, but those of one plan; the oldest run first.

    What named somebody who has been forgotten stays in doubt: the site does not know it any more.
    """
    found = connection.execute(
        select(actions, runs.c.id.label("run_id"), plans.c.header, requests.c.sent_at)
        .join(runs, runs.c.number == actions.c.run)
        .join(plans, plans.c.id == runs.c.plan)
        .outerjoin(requests, _CARRIED)
        .where(runs.c.site == site, runs.c.plan != but, _IN_DOUBT)
        .order_by(actions.c.run, actions.c.number)
    ).mappings()
    return [
        Doubt(
            run=row["run_id"],
            action=read_action(dict(row)),
            revision=row["header"]["revision"],
            arriving=_may_arrive(row["sent_at"], now),
        )
        for row in found
        if not is_forgotten(Address.parse(row["address"]))
    ]


def in_doubt_before(connection: Connection, plan_id: str, run: int) -> list[tuple[int, str]]:
    """Find which earlier runs of a plan left which addresses in doubt, the oldest run first."""
    found = connection.execute(
        select(actions.c.run, actions.c.address)
        .join(runs, runs.c.number == actions.c.run)
        .where(runs.c.plan == plan_id, runs.c.number < run, _IN_DOUBT)
        .order_by(actions.c.run)
    )
    return [(number, address) for number, address in found]


def claimed_effects(connection: Connection, site: str) -> set[tuple[str, int]]:
    """Return which effects (address, revision) runs have recorded where others are in doubt."""
    doubtful = actions.alias()
    in_doubt = select(doubtful.c.address).where(_in_doubt(doubtful))
    found = connection.execute(
        select(actions.c.address, actions.c.revision)
        .join(runs, runs.c.number == actions.c.run)
        .where(
            runs.c.site == site,
            actions.c.revision.is_not(None),
            actions.c.address.in_(in_doubt),
        )
    )
    return {(address, revision) for address, revision in found}


class Claims:
    """Sees to it that an effect is that of one run, whichever was known first to have had it.

    Args:
        connection: reads the effects that are recorded at the addresses in doubt.
        site: the one on which the runs were.
    """

    def __init__(self, connection: Connection, site: str) -> None:
        self._made = claimed_effects(connection, site)

    def settle(self, found: ActionOutcome) -> ActionOutcome:
        """Return what is to be recorded of a run in doubt: the effect is its own or another's."""
        if found.revision is None:
            return found
        effect = (str(found.action.address), found.revision)
        if effect in self._made:
            return ActionOutcome(found.action, Outcome.ALREADY, "another run has done it")
        self._made.add(effect)
        return found
