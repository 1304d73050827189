"""Writes to a site through its API; only `apply` imports this module."""

from collections.abc import Sequence
from typing import Any, Final

from reconciler.domain.vocabulary import BATCH_LIMIT
from reconciler.errors import ContractViolation
from reconciler.provider import Change, ChangeResult, Verb
from reconciler.providers.rest.reader import RestReader
from reconciler.providers.rest.transport import Call

_PATH: Final = "/v1/changes"


class RestWriter(RestReader):
    """A `Writer` over HTTP: a reader that can also POST changes."""

    methods = frozenset(("GET", "POST"))
    scope = "roles.read roles.write"

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        """Make at most `BATCH_LIMIT` changes in one request; results stand in the same order.

        Raises:
            SiteError: the request as a whole failed; what happened to its changes is unknown.
            ValueError: there are more changes than one request takes.
        """
        if len(changes) > BATCH_LIMIT:
            raise ValueError(f"a request takes {BATCH_LIMIT} changes, not {len(changes)}")
        body = {"changes": [_item(str(number), each) for number, each in enumerate(changes)]}
        answer = self._transport.send(Call("POST", _PATH, body=body), self._authorisation).body
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list):
            raise ContractViolation(f"POST {_PATH}: the answer has no list of results.")
        by_id = {item.get("id"): item for item in results if isinstance(item, dict)}
        if len(results) != len(changes) or set(by_id) != {str(n) for n in range(len(changes))}:
            raise ContractViolation(f"POST {_PATH}: the results are not one for each change.")
        return [_result(by_id[str(number)]) for number in range(len(changes))]


def _item(number: str, change: Change) -> dict[str, Any]:
    item = {
        "id": number,
        "idempotency_key": change.key,
        "address": str(change.address),
        "verb": change.verb.value,
    }
    if change.verb is Verb.CHANGE:
        return {**item, "value": change.after, "expect": {"value": change.before}}
    return {**item, "expect": {"present": change.verb is Verb.REMOVE}}


def _result(item: dict[str, Any]) -> ChangeResult:
    status, changed, problem = item.get("status"), item.get("changed"), item.get("problem") or {}
    if isinstance(status, int) and isinstance(changed, bool) and isinstance(problem, dict):
        code, detail = str(problem.get("code") or ""), str(problem.get("detail") or "")
        return ChangeResult(status, changed, code, detail)
    raise ContractViolation(f"POST {_PATH}: a result is not readable.")
