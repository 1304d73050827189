"""Idempotency keys: a request that is repeated is answered again, and takes effect once.

Only what was done is kept. A refusal changed nothing, so the same key is judged afresh when it
comes again.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select

from reconciler.sandbox import tables
from reconciler.sandbox.changes import Change, ExpectPresent, ExpectValue
from reconciler.sandbox.problems import Problem
from reconciler.sandbox.store import Writing


def fingerprint(changes: Sequence[Change]) -> str:
    """Return what tells one request from another: its changes with their expectations."""
    asked = [
        [str(change.address), change.verb.value, change.value, _expectation(change)]
        for change in changes
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class Answers:
    """What a client's keys were answered: before, and so far in this transaction."""

    def __init__(self, writing: Writing, client: str, keys: Collection[str]) -> None:
        self._writing = writing
        self._client = client
        columns = tables.answers.c
        # All of a request's keys at once; few of them, if any, were used before.
        found = writing.connection.execute(
            select(columns.idempotency_key, columns.fingerprint, columns.answer).where(
                columns.client == client, columns.idempotency_key.in_(keys)
            )
        )
        self._known: dict[str, tuple[str, dict[str, Any]]] = {
            row.idempotency_key: (row.fingerprint, row.answer) for row in found
        }

    def recall(self, key: str, asked: str) -> dict[str, Any] | None:
        """Return what a key was answered before, or None.

        Raises:
            Problem: the key was used for something else.
        """
        before, answer = self._known.get(key, (asked, None))
        if before != asked:
            raise Problem(
                "idempotency_key_reused", "the idempotency key was used for another change"
            )
        return answer

    def remember(self, key: str, asked: str, answer: dict[str, Any]) -> None:
        """Keep the answer to a key."""
        self._known[key] = (asked, answer)
        row = {"client": self._client, "idempotency_key": key}
        self._writing.add_at_end(tables.answers, {**row, "fingerprint": asked, "answer": answer})


def _expectation(change: Change) -> dict[str, bool | str | None] | None:
    match change.expect:
        case ExpectPresent(present):
            return {"present": present}
        case ExpectValue(value):
            return {"value": value}
        case _:
            return None
