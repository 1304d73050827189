"""Idempotency keys: a request that is repeated is answered again, and takes effect once.

Only what was done is kept. A refusal changed nothing, so the same key is judged afresh when it
comes again.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from reconciler.sandbox import tables
from reconciler.sandbox.changes import Change, ExpectPresent, ExpectValue
from reconciler.sandbox.problems import Problem


def fingerprint(changes: Sequence[Change]) -> str:
    """Return what tells one request from another: its changes with their expectations."""
    asked = [
        [str(change.address), change.verb.value, change.value, _expectation(change)]
        for change in changes
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def recall(connection: Connection, client: str, key: str, asked: str) -> dict[str, Any] | None:
    """Return what a client's key was answered before, or None.

    Raises:
        Problem: the key was used for something else.
    """
    columns = tables.answers.c
    found = connection.execute(
        select(columns.fingerprint, columns.answer).where(
            columns.client == client, columns.idempotency_key == key
        )
    ).first()
    if found is None:
        return None
    if found.fingerprint != asked:
        raise Problem("idempotency_key_reused", "the idempotency key was used for another change")
    return dict(found.answer)


def remember(
    connection: Connection, client: str, key: str, asked: str, answer: dict[str, Any]
) -> None:
    """Keep the answer to a client's key."""
    connection.execute(
        insert(tables.answers),
        {"client": client, "idempotency_key": key, "fingerprint": asked, "answer": answer},
    )


def _expectation(change: Change) -> dict[str, bool | str | None] | None:
    match change.expect:
        case ExpectPresent(present):
            return {"present": present}
        case ExpectValue(value):
            return {"value": value}
        case _:
            return None
