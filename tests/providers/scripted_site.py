"""A small site over real sockets that keeps the contract, except where a test's script says not.

For each path a test may queue steps. A step takes the answer that the contract would have and gives
another one, or does something to the connection; when the queue is empty, the site behaves again.
"""

import base64
import json
import socket
import ssl
import struct
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.errors import ExitCode, ReconcilerError

CLIENT_SECRET = "client-secret-4d41c0ffee"
TOKENS = ("bearer-one-9a3f", "bearer-two-77be", "bearer-three-51cd")
LEARNER_NAME = "Åse Læring"
KEPT = (CLIENT_SECRET, *TOKENS, LEARNER_NAME)
"""What no message, log or traceback may hold."""

ITEMS: dict[str, list[dict[str, Any]]] = {
    "profiles": [
        {"id": "p-staff", "name": "Staff", "roles": ["mentor"]},
        {"id": "p-student", "name": "Student", "roles": []},
    ],
    "labels": [
        {"role": "headteacher", "tool_name": None, "role_name": "Rektor"},
        {"role": "mentor", "tool_name": "Mine elever", "role_name": None},
    ],
    "people": [
        {"id": "1", "sync_key": "t-1", "username": "ola", "email": None, "name": "Ola Mentor",
         "profile": "p-staff", "active": True},
        *({"id": f"{n}", "sync_key": f"s-{n}", "username": f"l{n}", "email": f"l{n}@school.example",
           "name": LEARNER_NAME, "profile": "p-student", "active": True} for n in range(2, 6)),
    ],
    "units": [
        {"id": "u0", "sync_key": "site", "kind": "organisation", "title": "Kommune",
         "parent": None},
        {"id": "u1", "sync_key": "school", "kind": "school", "title": "Skole", "parent": "u0"},
        {"id": "u2", "sync_key": None, "kind": "class", "title": "8A", "parent": "u1"},
    ],
    "memberships": [
        {"unit": "u2", "person": "2", "role": "learner", "primary": True, "begin": "2026-08-17",
         "end": None},
    ],
    "relations": [{"person": "1", "learner": "3", "kind": "guardian"}],
    "holders": [{"role": "mentor", "person": "1"}],
    "assignments": [
        {"role": "mentor", "person": "1", "kind": "class", "target": "u2"},
        {"role": "mentor", "person": "1", "kind": "learner", "target": "2"},
    ],
}  # fmt: skip

SITE = {
    "id": "nordberg",
    "name": "Nordberg",
    "revision": 7,
    "actor": "pipeline",
    "capabilities": ["profiles", "labels", "holders", "assignments", "events", "telepathy"],
    "ilp": {"enabled": True, "published_templates": 2},
}


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """An answer, and how it is sent.

    Attributes:
        length: the Content-Length to claim, where it is not the true one.
        drop: how many bytes of the body are sent before the connection is reset; None sends all.
        pause: how many seconds to wait after each byte of the body.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    drop: int | None = None
    pause: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


Step = Callable[[Says], Says | None]
"""Gives another answer than the contract's; None resets the connection without a word."""
Always = Callable[[Says], Says]
"""A step that always answers."""


def says(status: int, body: object = b"", **headers: str) -> Always:
    """Always this answer; a body that is not bytes is sent as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        named.setdefault("Content-Type", "application/json")
    return lambda _usual: Says(status, body, named)


def problem(status: int, code: str, detail: str, **headers: str) -> Always:
    """A problem detail (RFC 9457)."""
    return says(
        status,
        {"type": "about:blank", "status": status, "code": code, "detail": detail},
        **{"Content_Type": "application/problem+json", **headers},
    )


def edited(edit: Callable[[Any], object]) -> Step:
    """The usual answer, its JSON edited in place, or replaced by what `edit` returns."""

    def step(usual: Says) -> Says:
        document = usual.json()
        other = edit(document)
        told = other if isinstance(other, dict | list) else document
        return replace(usual, body=json.dumps(told).encode())

    return step


def with_headers(**headers: str) -> Step:
    """The usual answer with other header fields."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda usual: replace(usual, headers={**usual.headers, **named})


def reset(_usual: Says) -> None:
    """The connection is reset before a byte of the answer."""


class ScriptedSite:
    """The site: its content, the scripts of its paths, and what it was asked."""

    def __init__(self, *, certificate: Path | None = None) -> None:
        self.site: dict[str, Any] = json.loads(json.dumps(SITE))
        self.items: dict[str, list[Any]] = json.loads(json.dumps(ITEMS))
        self.versions: dict[str, int] = defaultdict(int)
        self.events: list[dict[str, Any]] = []
        self.page_size = 2
        self.asked: list[Asked] = []
        self.scripts: dict[str, list[Step]] = defaultdict(list)
        self.always: dict[str, Step] = {}
        self.good_tokens = list(TOKENS)
        self.tokens_given = 0
        self.stopping = threading.Event()
        site = self

        class Handler(_Handler):
            scripted = site

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def script(self, path: str, *steps: Step) -> None:
        """Queue steps for the next answers of a path."""
        self.scripts[path] += steps

    def connection(self, **settings: Any) -> Connection:
        """How to reach it, with client credentials unless a token is given."""
        return self.connection_to(self.url, **settings)

    @staticmethod
    def connection_to(site_url: str, **settings: Any) -> Connection:
        """How to reach any site."""
        given: dict[str, Any] = {"client_id": "pipeline", "client_secret": Secret(CLIENT_SECRET)}
        if "token" in settings:
            given = {}
        usual = {"url": site_url, "token_url": f"{site_url}/oauth/token", **given}
        return Connection(**{**usual, **settings})

    def paths(self, method: str | None = None) -> list[str]:
        """The paths that were asked for, in order, without the token requests."""
        return [
            each.path
            for each in self.asked
            if each.path != "/oauth/token" and method in (None, each.method)
        ]

    def answer(self, asked: Asked) -> Says | None:
        """Answer by the contract, then by the script."""
        usual = self._usual(asked)
        queue = self.scripts[asked.path]
        step = queue.pop(0) if queue else self.always.get(asked.path)
        return step(usual) if step else usual

    def _usual(self, asked: Asked) -> Says:
        if asked.path == "/oauth/token":
            return self._token(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return problem(401, "invalid_token", "The token is not known.")(Says(401))
        name = asked.path.removeprefix("/v1/")
        if name in self.items:
            return self._page(name, asked)
        special = {
            "site": lambda _asked: says(200, self.site)(Says(200)),
            "events": self._events,
            "changes": self._changes,
        }
        if name in special:
            return special[name](asked)
        return problem(404, "not_found", "There is no such thing.")(Says(404))

    def _changes(self, asked: Asked) -> Says:
        results = [
            {"id": each["id"], "status": 200, "changed": True, "revision": 8}
            for each in asked.json()["changes"]
        ]
        return says(200, {"revision": 8, "results": results})(Says(200))

    def _token(self, asked: Asked) -> Says:
        expected = base64.b64encode(f"pipeline:{CLIENT_SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {expected}":
            return says(401, {"error": "invalid_client"})(Says(401))
        token = TOKENS[self.tokens_given]
        self.tokens_given += 1
        return says(
            200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "x"}
        )(Says(200))

    def _page(self, name: str, asked: Asked) -> Says:
        etag = f'"{name}-{self.versions[name]}"'
        if asked.headers.get("if-none-match") == etag:
            return Says(304, headers={"ETag": etag})
        start = int(asked.query.get("cursor", "0").removeprefix("at-"))
        end = start + min(self.page_size, int(asked.query["limit"]))
        following = f"at-{end}" if end < len(self.items[name]) else None
        page = {"items": self.items[name][start:end], "next": following}
        return says(200, page, ETag=etag)(Says(200))

    def _events(self, asked: Asked) -> Says:
        wanted = asked.query.get("address")
        found = [
            event
            for event in self.events
            if event["revision"] > int(asked.query["after"]) and wanted in (None, event["address"])
        ]
        page = found[: self.page_size]
        more = len(found) > len(page)
        following = str(page[-1]["revision"]) if more else None
        return says(200, {"items": page, "next": following})(Says(200))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart
    scripted: ScriptedSite

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client went away, as some tests want

    def respond(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(
            self.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        self.scripted.asked.append(asked)
        answer = self.scripted.answer(asked)
        if answer is None:
            self.reset()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304 and "Transfer-Encoding" not in answer.headers:
            length = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if answer.pause:
            self.trickle(answer)
        else:
            self.wfile.write(answer.body[: answer.drop])
        if answer.drop is not None:
            self.reset()
        if answer.length is not None:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 - http.server's names

    def trickle(self, answer: Says) -> None:
        for byte in answer.body:
            self.wfile.write(bytes([byte]))
            if self.scripted.stopping.wait(answer.pause):
                return

    def reset(self) -> None:
        """Close so that the client gets a reset, not an end."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


@contextmanager
def running_site(*, certificate: Path | None = None) -> Iterator[ScriptedSite]:
    """Run a scripted site for as long as the block lasts."""
    site = ScriptedSite(certificate=certificate)
    try:
        yield site
    finally:
        site.stop()


def told(error: ReconcilerError) -> str:
    """All that a user could see of an error; it is a failure, and it holds no secret."""
    assert error.exit_code is ExitCode.FAILED
    seen = "".join(traceback.format_exception(error)) + (error.advice or "")
    for kept in KEPT:
        assert kept not in seen
    return f"{error} {error.advice or ''}"
