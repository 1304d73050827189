"""Forgets a person: nothing in the journal names them any more, and its counts stay true.

A person is found by id or key in the addresses of actions, and with them every key under which they
were recorded. Each of these words is then looked for in every free text as well. What is derived
from ids goes, too: an idempotency key, or the digest of a plan about few people, can be guessed.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from reconciler.errors import LeaseHeld, ReconcilerError
from reconciler.journal.lease import Held
from reconciler.journal.record import SqlJournal
from reconciler.journal.tables import leases
from reconciler.journal.traces import Traces, search
from reconciler.plain import first_of


def find_traces(journal: SqlJournal, person: str, site: str | None = None) -> Traces | None:
    """Tell where the journal names a person; None where it does not.

    Args:
        journal: where to look.
        person: by id, or by a key that the journal holds.
        site: the id of the site whose person is meant; needed where several have one.

    Raises:
        LeaseHeld: it does not, but an apply is writing, and may name them yet.
        WrongUse: it is not clear who is meant.
        JournalError: the journal cannot be read.
    """
    with journal.database.reading() as connection:
        now = journal.database.clock(connection)
        found = search(connection, person, site, now)
        if found is None:
            refuse_writing(connection, site, now)
        return found.traces() if found else None


def forget(
    journal: SqlJournal, person: str, traces: Traces, *, in_doubt: bool = False
) -> Traces | None:
    """Put a placeholder in the place of everything that names a person, in one transaction.

    A plan about the person that was not carried out to the end counts as used from then on: what
    its earlier runs did can no longer be told from what others did. On SQLite, `scrub` the database
    afterwards.

    Args:
        journal: where to forget.
        person: by id, or by a key that the journal holds.
        traces: what was found, and agreed to.
        in_doubt: forget also where nobody knows what became of an action.

    Returns:
        What was forgotten; None where somebody else has forgotten the person since.

    Raises:
        LeaseHeld: an apply is writing to the site.
        ReconcilerError: nobody knows yet what became of one of the person's actions.
        WrongUse: it is not clear who is meant.
        JournalError: the journal cannot be written.
    """
    database = journal.database
    try:
        # Nobody goes on with what they read of the old rows; and a lease that ran out is replaced.
        with journal.lease(traces.site), database.writing() as connection:
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            found = search(connection, person, traces.site, database.clock(connection))
            if found is None:
                return traces if traces.lease else None
            told = found.traces()
            refuse_doubts(person, told, in_doubt=in_doubt)
            found.write(connection)
            return replace(told, rows=told.rows + traces.lease, lease=traces.lease)
    except LeaseHeld as held:
        raise LeaseHeld(str(held), _WHEN_ENDED) from held


_WHEN_ENDED: Final = "Run it again when that apply has ended."


def refuse_writing(connection: Connection, site: str | None, now: datetime) -> None:
    """Refuse to say that nobody is named while somebody may be writing their name.

    Raises:
        LeaseHeld: an apply is writing to the site, or to any where none is said.
    """
    statement = select(leases).where(leases.c.expires > now)
    if site is not None:
        statement = statement.where(leases.c.site == site)
    row = connection.execute(statement).first()
    if row is not None:
        raise Held(row.site, row.holder, row.since, row.expires).error(_WHEN_ENDED)


def refuse_doubts(person: str, traces: Traces, *, in_doubt: bool) -> None:
    """Refuse to forget what may still have to be found out on the site.

    Raises:
        ReconcilerError: nobody knows yet what became of one of the person's actions.
    """
    if traces.doubtful and not in_doubt:
        named = first_of(traces.doubtful, _MOST_NAMED)
        raise ReconcilerError(
            f"Nobody knows yet what became of all that was sent about {person}: see run {named}.",
            f"Apply to {traces.site} again: that settles it. Where it stays unknown, on a site "
            "without events say, forget it with --in-doubt.",
        )


_MOST_NAMED: Final = 5  # runs that a refusal names
