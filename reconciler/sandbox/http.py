"""The parts of HTTP that several endpoints need: conditions, parameters, bodies, limits."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.problems import Problem

BODY_LIMIT: Final = 5_000_000
"""Bytes that a request's body may have."""

_DROPPED_LIMIT: Final = 2 * BODY_LIMIT

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_GZIP_REFUSED = re.compile(r"\b(gzip|x-gzip)\s*;\s*q=0(\.0{0,3})?\s*(,|$)", re.IGNORECASE)


def matches(header: str | None, etag: str, *, weak: bool) -> bool:
    """Whether an `If-None-Match` (weak) or `If-Match` (strong comparison) names the ETag.

    Args:
        header: the header's value, or None.
        etag: the current ETag, without quotes.
        weak: whether a tag with the prefix `W/` counts (RFC 9110, section 8.8.3.2).
    """
    if header is None:
        return False
    if header.strip() == "*":
        return True
    tags = entity_tags(header)
    return f'"{etag}"' in tags or (weak and f'W/"{etag}"' in tags)


def entity_tags(header: str) -> list[str]:
    """Return the entity tags that a header names, as they are written."""
    return _ENTITY_TAG.findall(header)


def read_query(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """Return the query's parameters.

    Raises:
        Problem: one is not known, or stands twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise Problem("invalid_parameter", f"there is no parameter {name[:100]!r} here")
        if name in found:
            raise Problem("invalid_parameter", f"the parameter {name!r} stands twice")
        found[name] = value
    return found


def whole_number(
    query: Mapping[str, str], name: str, *, default: int, least: int, most: int
) -> int:
    """Return a parameter as a whole number.

    Raises:
        Problem: it is no number, or outside the bounds.
    """
    text = query.get(name)
    if text is None:
        return default
    if re.fullmatch(r"[0-9]{1,19}", text) and least <= int(text) <= most:
        return int(text)
    raise Problem("invalid_parameter", f"{name} is a whole number from {least} to {most}")


def path_segment(request: Request, name: str) -> str:
    """Return a path parameter decoded; see `EncodedPath`.

    Raises:
        Problem: it is not UTF-8.
    """
    try:
        return unquote(request.path_params[name], errors="strict")
    except UnicodeDecodeError:
        raise Problem("invalid_address", f"the path's {name} is not UTF-8") from None


def media_type(request: Request) -> str:
    """Return what a request says its body is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def json_body(request: Request) -> bytes:
    """Return a JSON request's body.

    Raises:
        Problem: it is of another media type.
    """
    allowed = {"application/json"}
    if request.method == "PATCH":
        allowed.add("application/merge-patch+json")
    if media_type(request) not in allowed:
        raise Problem("unsupported_media_type", f"the body must be {' or '.join(sorted(allowed))}")
    return await request.body()


async def no_body(request: Request) -> None:
    """See to it that the request has no body.

    Raises:
        Problem: it has one.
    """
    if await request.body():
        raise Problem("invalid_body", "this request takes no body")


class EncodedPath:
    """Lets the API's routes see the path as it was sent, so that an id may hold a `/`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            scope = {**scope, "path": scope["raw_path"].decode("ascii")}
        await self._app(scope, receive, send)


class LimitedBody:
    """Refuses a body over the limit: at once by its declared length, else while it comes in.

    A connection on which a client still sends when it has its answer is closed. A little more is
    read and dropped before: closed at once, a client that is sending would lose the answer.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Problem], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = Problem("body_too_large", f"a body has at most {BODY_LIMIT} bytes")
        headers = Headers(scope=scope)
        declared = int(headers.get("content-length", "0"))
        sending = declared > 0 or "transfer-encoding" in headers
        seen = 0

        async def counted() -> Message:
            nonlocal seen, sending
            message = await receive()
            seen += len(message.get("body", b""))
            sending = message.get("more_body", False)
            if seen > BODY_LIMIT:
                raise too_large
            return message

        async def answered(message: Message) -> None:
            nonlocal seen, sending
            if sending and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (last and sending):
                await send(message)
                return
            await send({**message, "more_body": True})
            while sending and seen <= _DROPPED_LIMIT:
                following = await receive()
                seen += len(following.get("body", b""))
                sending = following.get("more_body", False)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        if declared > BODY_LIMIT:
            await self._answer(Request(scope), too_large)(scope, receive, answered)
        else:
            await self._app(scope, counted, answered)


class GzipRefusal:
    """Hides gzip from the compression where a client refuses it with `q=0`, and says `Vary`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepted = Headers(scope=scope).get("accept-encoding", "")
        if _GZIP_REFUSED.search(accepted):
            scope = {
                **scope,
                "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"],
            }

        async def varied(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # The compression says so itself where it had a choice.
                if "accept-encoding" not in headers.get("vary", "").lower():
                    headers.add_vary_header("Accept-Encoding")
            await send(message)

        await self._app(scope, receive, varied)
