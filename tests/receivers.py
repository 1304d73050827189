"""Who is told how runs went, over real sockets: a webhook's receiver, and a Pushgateway."""

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from prometheus_client.parser import text_string_to_metric_families

HANG_SECONDS = 20


@dataclass(frozen=True)
class Got:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str]]
HANG: Answer = (0, {})
"""No answer: the connection stays open, and nothing comes."""
TRICKLE: Answer = (1, {})
"""An answer whose headers come byte by byte, and never to their end."""


@dataclass
class Receiver:
    """A server that takes whatever comes.

    Attributes:
        url: its address.
        got: what came, in order.
        answers: what is answered next, the first first; 200 where there is nothing.
    """

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def take(self, got: Got) -> Answer:
        self.got.append(got)
        return self.answers.pop(0) if self.answers else (200, {})


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples_of(text: bytes) -> Samples:
    """The samples of a text, as Prometheus' own parser reads them."""
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.documentation, family.name
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def valued(found: Samples, name: str, **labels: str) -> float:
    """The one value of a metric with these labels among others."""
    (value,) = (
        value
        for (named, with_), value in found.items()
        if named == name and labels.items() <= dict(with_).items()
    )
    return value


@dataclass
class Gateway(Receiver):
    """A Pushgateway: PUT replaces a group, POST what has the same names in it.

    Attributes:
        groups: per group its samples.
        credentials: what it asks for, if anything.
    """

    groups: dict[tuple[tuple[str, str], ...], Samples] = field(default_factory=dict)
    credentials: str = ""

    def take(self, got: Got) -> Answer:
        answer = super().take(got)
        if answer[0] != 200:
            return answer
        if self.credentials:
            wanted = f"Basic {base64.b64encode(self.credentials.encode()).decode()}"
            if got.headers.get("Authorization") != wanted:
                return 401, {}
        parts = got.path.removeprefix("/metrics/").split("/")
        group = tuple(map(_label, parts[::2], parts[1::2]))
        assert group[0][0] == "job"
        new = samples_of(got.body)
        names = {name for name, _ in new}
        before = self.groups.get(group, {}) if got.method == "POST" else {}
        self.groups[group] = {
            **{key: value for key, value in before.items() if key[0] not in names},
            **new,
        }
        return 200 if got.method == "PUT" else 202, {}

    def samples(self) -> Samples:
        """Everything that Prometheus would scrape."""
        found: Samples = {}
        for group, samples in self.groups.items():
            for (name, labels), value in samples.items():
                found[name, tuple(sorted({**dict(labels), **dict(group)}.items()))] = value
        return found


def _label(name: str, value: str) -> tuple[str, str]:
    if name.endswith("@base64"):
        return name.removesuffix("@base64"), base64.urlsafe_b64decode(value).decode()
    assert re.fullmatch("[a-z_]+", name)
    return name, unquote(value)


@contextmanager
def receiving(receiver: Any) -> Iterator[Any]:
    """Let a receiver listen."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = Got(self.command, self.path, dict(self.headers), body)
            status, headers = receiver.take(got)
            if not status:
                receiver.over.wait(HANG_SECONDS)
                self.close_connection = True
                return
            if status == TRICKLE[0]:
                self._trickle()
                return
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _trickle(self) -> None:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            with suppress(OSError):
                while not receiver.over.wait(0.05):
                    self.wfile.write(b"a")

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
