"""Writes to a site through its API; only `apply` imports this module."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.domain.vocabulary import BATCH_LIMIT
from reconciler.errors import ContractViolation
from reconciler.http.answers import plain_line
from reconciler.http.call import Call
from reconciler.http.transport import Transport
from reconciler.provider import Change, ChangeResult, Verb
from reconciler.providers.rest.peer import WRITE_SCOPE
from reconciler.providers.rest.reader import RestReader

_CHANGES: Final = "/v1/changes"
_ADVICE: Final = "What was changed is not known from it; read the site again."


class _WritingTransport(Transport):
    """Reads, and posts changes."""

    methods = frozenset(("GET", "POST"))


class RestWriter(RestReader):
    """A `Writer` over HTTP: a reader that can also POST changes."""

    transport = _WritingTransport
    scope = WRITE_SCOPE

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        """Make at most `BATCH_LIMIT` changes in one request; results stand in the same order.

        Raises:
            RequestRefused: the request as a whole was refused; none of its changes had an effect.
            SiteError: the request as a whole failed; what happened to its changes is unknown.
            ValueError: there are more changes than one request takes.
        """
        if len(changes) > BATCH_LIMIT:
            raise ValueError(f"a request takes {BATCH_LIMIT} changes, not {len(changes)}")
        numbered = {str(number): change for number, change in enumerate(changes, 1)}
        items = [_item(number, change) for number, change in numbered.items()]
        call = Call("POST", _CHANGES, document={"changes": items})
        answer = self._send(call)
        results = _results(call.name, answer.document)
        if len(results) != len(items) or {found.get("id") for found in results} != set(numbered):
            raise ContractViolation(
                f"{call.name}: the answer has not exactly one result for each change.", _ADVICE
            )
        by_id = {found["id"]: _result(call.name, found, answer.repeated) for found in results}
        return [by_id[number] for number in numbered]


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


def _results(name: str, document: object) -> list[dict[str, Any]]:
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not all(
        isinstance(found, dict) and isinstance(found.get("id"), str) for found in results
    ):
        raise ContractViolation(f"{name}: the answer is not a list of results.", _ADVICE)
    return results


def _result(name: str, found: Mapping[str, Any], repeated: bool) -> ChangeResult:  # noqa: FBT001 - handed on
    status, changed, problem = found.get("status"), found.get("changed"), found.get("problem")
    revision = found.get("revision")
    if (
        type(status) is not int
        or not 200 <= status <= 599
        or not isinstance(changed, bool)
        or type(revision) is not int
        or not isinstance(problem, dict | None)
    ):
        raise ContractViolation(f"{name}: the result {found['id']} is not readable.", _ADVICE)
    said = problem or {}
    code, detail = (plain_line(str(said.get(key) or "")) for key in ("code", "detail"))
    return ChangeResult(status, changed, revision, code, detail, repeated)
