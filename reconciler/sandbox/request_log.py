"""The log of requests, a JSON object in each line: who asked for what, in which trace."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.options import SandboxRefused

_TRACE: Final = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a log to write on at its end; a new one is private.

    Raises:
        SandboxRefused: it cannot be written.
    """
    try:
        number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise SandboxRefused(f"{path} cannot be written: {error.strerror}") from None
    with open(number, "a", encoding="utf-8", buffering=1) as log:  # noqa: PTH123 - a descriptor
        yield log


class RequestLog:
    """Logs each request with its answer; no query, no body, no credentials.

    Args:
        app: what answers.
        log: takes the lines.
    """

    def __init__(self, app: ASGIApp, log: TextIO) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status: int | None = None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            trace = _TRACE.fullmatch(Headers(scope=scope).get("traceparent", ""))
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": round((time.monotonic() - began) * 1000),
                "trace_id": trace[1] if trace else None,
            }
            self._log.write(json.dumps(line) + "\n")
