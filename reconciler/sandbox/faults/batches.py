"""Changes of a batch that fail: taken out before the others are made, told among their results."""

import json
import logging
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.bodies import ChangeBody, read_changes
from reconciler.sandbox.faults.layers import answered
from reconciler.sandbox.faults.model import Items, Occurrence, fits
from reconciler.sandbox.faults.streams import Stream
from reconciler.sandbox.http import BODY_LIMIT
from reconciler.sandbox.problems import Problem

_LOG: Final = logging.getLogger(__name__)


async def fail_items(
    items: Items,
    occurrence: Occurrence,
    stream: Stream,
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Let some changes of a batch fail; a request that is no batch goes through untouched."""
    body, more = await _body(receive)
    failing = set() if more else _failing(body, items, occurrence, stream)
    if not failing:
        await app(scope, _again(body, receive, more=more), send)
        return
    _LOG.warning("%d changes of a batch are made to fail", len(failing))
    document = json.loads(body)
    changes: list[dict[str, Any]] = document["changes"]
    left = json.dumps({"changes": [each for each in changes if each["id"] not in failing]}).encode()
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers["content-length"] = str(len(left))
    # The results are joined as they are, not as they are compressed.
    del headers["accept-encoding"]
    within = {**scope, "headers": headers.raw}
    answer = await answered(app, within, _again(left, receive, more=False))
    if not answer.is_good:
        await answer.send(send)
        return
    made = json.loads(answer.body)
    results = {each["id"]: each for each in made["results"]}
    for each in changes:
        if each["id"] in failing:
            results[each["id"]] = _result(items.code, each, made["revision"])
    made["results"] = [results[each["id"]] for each in changes]
    joined = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
    answer.headers["content-length"] = str(len(joined))
    await send(answer.start)
    await send({"type": "http.response.body", "body": joined})


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """Read a request's body, and say whether that is not all: too large, or broken off."""
    body, more = b"", True
    while more and len(body) <= BODY_LIMIT:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body, more


def _again(body: bytes, receive: Receive, *, more: bool) -> Receive:
    """Return what gives a body that was read already, and then what else comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": more}]

    async def following() -> Message:
        return first.pop() if first else await receive()

    return following


def _failing(body: bytes, items: Items, occurrence: Occurrence, stream: Stream) -> set[str]:
    try:
        changes: list[ChangeBody] = read_changes(body)
    except Problem:  # refused as a whole, and not by us
        return set()
    return {
        change.id
        for change in changes
        if fits(items.address, change.address) and stream.meet(occurrence) is not None
    }


def _result(code: str, change: dict[str, Any], revision: int) -> dict[str, Any]:
    problem = Problem(code, "the sandbox was told to fail here", address=change["address"])
    return {
        "id": change["id"],
        "status": problem.status,
        "changed": False,
        "revision": revision,
        "problem": problem.document(),
    }
