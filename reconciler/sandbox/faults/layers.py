"""What a fault does to a request and its answer, laid around the application.

Each layer is told what it does first, then the application within, then the request.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.faults.model import (
    Cut,
    Ending,
    Failure,
    Framing,
    Moment,
    Stale,
    Staleness,
    Truncation,
)
from reconciler.sandbox.http import BODY_LIMIT, entity_tags
from reconciler.sandbox.problems import Problem

Layer = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]
"""A fault that a request meets, told everything but the request."""

ENDING: Final = "reconciler.ending"
"""The type of the message by which a layer ends the connection: those around it hear of it too."""

_TOLD: Final = "the sandbox was told to fail here"
_CODES: Final = {429: "too_many_requests", 500: "internal_error", 503: "unavailable"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, kept back.

    Attributes:
        start: its beginning; empty where the connection is to end without one.
        body: what is to arrive of its body.
        ending: how the connection ends after that; None where the answer is whole.
    """

    start: Message
    body: bytes
    ending: Ending | None = None

    @property
    def headers(self) -> MutableHeaders:
        """Its headers, to be changed in place."""
        return MutableHeaders(scope=self.start)

    @property
    def is_good(self) -> bool:
        """Whether it is 200, and whole."""
        return self.ending is None and self.start["status"] == HTTPStatus.OK

    async def send(self, send: Send) -> None:
        """Send it as it is."""
        if self.start:
            await send(self.start)
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await self.finish(send)

    async def finish(self, send: Send) -> None:
        """Say that this was all, or end the connection."""
        if self.ending is None:
            await send({"type": "http.response.body", "body": b""})
        else:
            await end(send, self.ending)


async def end(send: Send, ending: Ending) -> None:
    """Let the connection end, whatever of the answer is still missing."""
    await send({"type": ENDING, "ending": ending})


async def answered(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """Let the application answer, and keep the answer back."""
    start: Message = {}
    body: list[bytes] = []
    endings: list[Ending] = []

    async def keep(message: Message) -> None:
        match message["type"]:
            case "http.response.start":
                start.update(message)
            case "http.response.body":
                body.append(message.get("body", b""))
            case _:
                endings.append(message["ending"])

    await app(scope, receive, keep)
    return Answer(start, b"".join(body), endings[0] if endings else None)


async def delay(seconds: float, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Wait before the request is handled."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        # The server is told to stop and does not wait that long. Nothing was done yet.
        stopping = Problem("unavailable", "the server stops", headers={"Retry-After": "1"})
        await stopping.response()(scope, receive, send)
    else:
        await app(scope, receive, send)


async def refuse(seconds: float, _app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 429; after so many seconds there is room again."""
    await _failure(429, math.ceil(seconds))(scope, receive, send)


async def fail(failure: Failure, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error instead of the request's effect, or after it."""
    if failure.when is Moment.AFTER:
        await answered(app, scope, receive)
    await _failure(failure.status, failure.retry_after)(scope, receive, send)


def _failure(status: int, retry_after: int | None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status in _CODES:
        return Problem(_CODES[status], _TOLD, headers=headers).response()
    # The others come from what stands before a server, and that speaks to browsers.
    phrase = f"{status} {HTTPStatus(status).phrase}"
    return HTMLResponse(f"<title>{phrase}</title><h1>{phrase}</h1>", status, headers)


async def cut(cutting: Cut, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Read the request, perhaps do what it asks for, and end the connection without an answer."""
    if cutting.when is Moment.AFTER:
        await answered(app, scope, receive)
    else:
        await _drop_body(receive)
    await end(send, cutting.ending)


async def _drop_body(receive: Receive) -> None:
    """Read what the client sends: a connection closed over unread data would be reset."""
    seen, more = 0, True
    while more and seen <= BODY_LIMIT:
        message = await receive()
        seen += len(message.get("body", b""))
        more = message.get("more_body", False)


async def truncate(
    truncation: Truncation, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send the beginning of the answer's body, and end the connection."""
    answer = await answered(app, scope, receive)
    size = len(answer.body)
    if not size:
        await answer.send(send)
        return
    arriving = size // 2 if truncation.bytes is None else truncation.bytes
    if truncation.framing is Framing.CHUNKED:
        # Without a length the server sends chunks, and the last one never comes.
        del answer.headers["Content-Length"]
    elif answer.ending is None:
        answer.headers["Content-Length"] = str(size)
        arriving = min(arriving, size - 1)
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.body[:arriving], "more_body": True})
    await end(send, Ending.CLOSE)


async def stale(stale: Stale, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Claim that what the client has still holds, or give what is new an ETag that is not."""
    answer = await answered(app, scope, receive)
    tags = entity_tags(Headers(scope=scope).get("if-none-match", ""))
    current = answer.headers.get("ETag") if answer.is_good else None
    if current is None:
        await answer.send(send)
    elif stale.answer is Staleness.OLD_ETAG:
        # One that the client knows, or one that no state of the site has.
        made_up = f'"{hashlib.sha256(current.encode()).hexdigest()[:32]}"'
        answer.headers["ETag"] = tags[0] if tags else made_up
        await answer.send(send)
    elif tags:
        kept = {
            name: answer.headers[name]
            for name in ("Cache-Control", "Vary")
            if name in answer.headers
        }
        await Response(status_code=304, headers={**kept, "ETag": tags[0]})(scope, receive, send)
    else:
        await answer.send(send)


async def slow_down(
    seconds: float, pieces: int, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send the answer's body in pieces, with a wait before each."""
    answer = await answered(app, scope, receive)
    if not answer.start:
        await answer.send(send)
        return
    size = math.ceil(len(answer.body) / pieces) or 1
    parts = [answer.body[start : start + size] for start in range(0, len(answer.body), size)]
    try:
        await send(answer.start)
        for part in parts:
            await asyncio.sleep(seconds / len(parts))
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await answer.finish(send)
    except asyncio.CancelledError:  # the server is told to stop, and does not wait that long
        await end(send, Ending.RESET)
