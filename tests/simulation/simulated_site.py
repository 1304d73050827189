"""A model of a site's API in one process, with every fault that the contract allows.

It answers prepared requests through a requests adapter, so that the real client, retries and all,
talks to it. Nothing in it is random by itself: the schedule decides, and the same seed decides so
again.
"""

import base64
import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3
from doubles import broken_rule
from requests.adapters import BaseAdapter
from schedule import Schedule

from reconciler.domain.address import Address
from reconciler.plan.end_state import Undo, end_state, value_at
from reconciler.provider import Verb
from reconciler.providers.codec import COLLECTIONS, encode, encode_site
from reconciler.state import LiveState

URL = "http://127.0.0.1:9"
CLIENT, SECRET = "pipeline", "a-secret-of-the-simulation"

Observer = Callable[[LiveState, LiveState, "Written"], None]


@dataclass(frozen=True, slots=True)
class Written:
    """One effective write."""

    revision: int
    actor: str
    address: Address
    verb: Verb


@dataclass
class Server:
    """The site: its state, its events, the keys that it has answered, the tokens that are good."""

    state: LiveState
    schedule: Schedule
    observers: list[Observer] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    answered: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    late: list[bytes] = field(default_factory=list)
    asked: int = 0

    def write(self, address: Address, verb: Verb, after: object, actor: str) -> int:
        """Make an effective write and return its revision."""
        before = self.state
        made = end_state(before, [Undo(address, verb, after)])  # type: ignore[arg-type]
        revision = before.site.revision + 1
        self.state = replace(made, site=replace(made.site, revision=revision))
        written = Written(revision, actor, address, verb)
        self.written.append(written)
        for observer in self.observers:
            observer(before, self.state, written)
        return revision

    def arrive(self) -> None:
        """Let the requests arrive that were under way when their senders gave up."""
        while self.late:
            self.changes(self.late.pop(0))

    def handle(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        """Answer a request as the contract says."""
        parts = urlsplit(request.url or "")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        if parts.path == "/oauth/token":
            return self.token(request)
        return self.answer(request, parts.path.removeprefix("/v1/"), query, bytes(body))

    def answer(
        self, request: requests.PreparedRequest, name: str, query: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer a request for what stands at a path."""
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return problem(401, "invalid_token")
        if name == "changes":
            return self.changes(body)
        if name == "site":
            return answer(200, self.document()["site"])
        if name == "events":
            return self.events(int(query["after"]), query.get("address"))
        etag = f'"{self.state.site.revision}"'
        if request.headers.get("If-None-Match") == etag:
            return 304, {"ETag": etag}, b""
        return answer(200, {"items": self.document()[name], "next": None}, {"ETag": etag})

    def document(self) -> Mapping[str, Any]:
        collections = {
            shape.name: list(encode(shape, getattr(self.state, shape.name)))
            for shape in COLLECTIONS
        }
        return {"site": encode_site(self.state.site), **collections}

    def token(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        given = request.headers["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(given).decode() == f"{CLIENT}:{SECRET}"
        token = f"token-{len(self.tokens)}-{self.asked}"
        self.tokens.add(token)
        return answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 60})

    def events(self, after: int, address: str | None) -> tuple[int, dict[str, str], bytes]:
        items = [
            {
                "at": (datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=each.revision))
                .isoformat()
                .replace("+00:00", "Z"),
                "actor": each.actor,
                "actor_kind": "api" if each.actor == CLIENT else "console",
                "address": str(each.address),
                "verb": each.verb.value,
                "revision": each.revision,
            }
            for each in self.written
            if each.revision > after and address in (None, str(each.address))
        ]
        return answer(200, {"items": items, "next": None})

    def changes(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        results = [self.change(item) for item in json.loads(body)["changes"]]
        if self.schedule.happens("reordered results"):
            self.schedule.shuffle(results)
        return answer(200, {"revision": self.state.site.revision, "results": results})

    def change(self, item: Mapping[str, Any]) -> dict[str, Any]:
        key = item["idempotency_key"]
        if key in self.answered:
            return {**self.answered[key], "id": item["id"]}
        address, verb = Address.parse(item["address"]), Verb(item["verb"])
        expected = item["expect"]["value" if verb is Verb.CHANGE else "present"]
        if self.schedule.happens("one change of a batch fails"):
            return self.refused(item["id"], 500, "internal_error")
        if value_at(self.state, address) != expected:
            return self.refused(item["id"], 412, "expectation_failed")
        if rule := broken_rule(self.state, address, verb):
            return self.refused(item["id"], 409, rule)
        after = item["value"] if verb is Verb.CHANGE else verb is Verb.ADD
        revision = self.write(address, verb, after, CLIENT)
        result = {"id": item["id"], "status": 200, "changed": True, "revision": revision}
        self.answered[key] = result
        return result

    def refused(self, number: str, status: int, code: str) -> dict[str, Any]:
        return {
            "id": number,
            "status": status,
            "changed": False,
            "revision": self.state.site.revision,
            "problem": {"type": "about:blank", "title": code, "status": status, "code": code},
        }


def answer(
    status: int, document: object, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    body = gzip.compress(json.dumps(document).encode(), mtime=0)
    kind = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return status, {**kind, **(headers or {})}, body


def problem(
    status: int, code: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"title": code, "status": status, "code": code}).encode()
    return status, {"Content-Type": "application/problem+json", **(headers or {})}, body


class Wire(BaseAdapter):
    """Carries requests to the server, or not, or twice, or too late: as the schedule has it."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        server, schedule = self.server, self.server.schedule
        server.asked += 1
        schedule.step("a request leaves")
        schedule.let_others_write()
        faults = [fault for fault in FAULTS if fault.applies_to(request)]
        schedule.shuffle(faults)
        share = "changes" if is_change(request) else "reads"
        for fault in faults:
            if schedule.happens(fault.name, share):
                return FAULTS[fault](self, request)
        got = server.handle(request)
        if request.method == "POST" and schedule.happens("duplicate delivery"):
            got = server.handle(request)
        schedule.step("an answer arrives")
        return response(request, *got)


def is_change(request: requests.PreparedRequest) -> bool:
    return str(request.url).endswith("/v1/changes")


@dataclass(frozen=True)
class Fault:
    """A way in which a request fails; some only make sense for changes."""

    name: str
    only_changes: bool = False

    def applies_to(self, request: requests.PreparedRequest) -> bool:
        return not self.only_changes or is_change(request)


Failing = Callable[[Wire, requests.PreparedRequest], requests.Response]


def refused(_wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    pool = urllib3.connectionpool.HTTPConnectionPool("127.0.0.1")
    reason = urllib3.exceptions.NewConnectionError(pool, "refused")  # type: ignore[arg-type]
    raise requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, str(request.url), reason))


def reset() -> requests.ConnectionError:
    broken = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104))
    return requests.ConnectionError(broken)


def reset_before(_wire: Wire, _request: requests.PreparedRequest) -> requests.Response:
    raise reset()


def reset_after(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    wire.server.handle(request)
    raise reset()


def timeout_before(_wire: Wire, _request: requests.PreparedRequest) -> requests.Response:
    raise requests.ReadTimeout("slow")


def timeout_after(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    wire.server.handle(request)
    raise requests.ReadTimeout("slow")


def too_late(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    body = request.body or b""
    wire.server.late.append(body.encode() if isinstance(body, str) else bytes(body))
    raise requests.ReadTimeout("slow")


def truncated(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    status, headers, body = wire.server.handle(request)
    return response(request, status, headers, body[: len(body) // 2], length=len(body))


def html(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    if wire.server.schedule.flip():
        wire.server.handle(request)
    return response(request, 502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")


def sign_in_page(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    if wire.server.schedule.flip():
        wire.server.handle(request)
    return response(request, 200, {"Content-Type": "text/html"}, b"<h1>Sign in</h1>")


def expired(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
    if not str(request.url).endswith("/oauth/token"):
        wire.server.tokens.clear()
    return response(request, *wire.server.handle(request))


def failing_with(status: int, *, after: bool = False, wait: str | None = None) -> Failing:
    def fail(wire: Wire, request: requests.PreparedRequest) -> requests.Response:
        if after:
            wire.server.handle(request)
        headers = {"Retry-After": wait} if wait else {}
        return response(request, *problem(status, "unavailable", headers))

    return fail


FAULTS: dict[Fault, Failing] = {
    Fault("connection refused"): refused,
    Fault("reset before the commit"): reset_before,
    Fault("reset after the commit"): reset_after,
    Fault("time-out before the commit"): timeout_before,
    Fault("time-out after the commit"): timeout_after,
    Fault("a request arrives late", only_changes=True): too_late,
    Fault("truncated body"): truncated,
    Fault("502 with HTML"): html,
    Fault("a sign-in page"): sign_in_page,
    Fault("token expired"): expired,
    Fault("429 with Retry-After"): failing_with(429, wait="3"),
    Fault("429 without"): failing_with(429),
    Fault("500 before"): failing_with(500),
    Fault("500 after", only_changes=True): failing_with(500, after=True),
    Fault("503 with a date"): failing_with(503, wait="Tue, 24 Nov 2026 03:00:00 GMT"),
    Fault("503 after", only_changes=True): failing_with(503, after=True),
}
ELSEWHERE = ("reordered results", "one change of a batch fails", "duplicate delivery")
"""The faults that are drawn in other places."""


def response(
    request: requests.PreparedRequest,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    length: int | None = None,
) -> requests.Response:
    """Make the response that urllib3 would have read off a socket."""
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers={**headers, "Content-Length": str(len(body) if length is None else length)},
        status=status,
        preload_content=False,
        request_method=request.method,
    )
    made = requests.Response()
    made.status_code = status
    made.headers = requests.structures.CaseInsensitiveDict(raw.headers)  # type: ignore[assignment]
    made.raw = raw
    made.url = str(request.url)
    made.request = request
    return made
