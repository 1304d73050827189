"""School systems over real sockets: OneRoster, with the ways that services differ, and SS 12000.

The one serves what stands in a OneRoster CSV bundle, so that both ways of reading have to agree.
"""

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "roster-token-51cd"
SECRET = "roster-secret-9a3f"
BASES = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}

Row = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]
Replies = dict[str, Callable[[Any], Reply | None]]


@dataclass
class Ways:
    """How a service behaves.

    Attributes:
        page: how many rows it gives at most, whatever is asked for.
        short: how many rows fewer on every second page.
        overlap: how many rows of the page before come again.
        total: what X-Total-Count says: nothing, the rows of all, of the page, or something else.
        link: whether a Link header names the next page, if there is one.
        text_booleans: whether `primary` and `enabledUser` are texts.
        moments: whether dates are moments at midnight.
        replies: per collection what is answered in place of its rows; called with the offset.
    """

    page: int = 1000
    short: int = 0
    overlap: int = 0
    total: str | None = None
    link: bool = False
    text_booleans: bool = False
    moments: bool = False
    replies: Replies = field(default_factory=dict)


@dataclass
class SchoolSystem:
    """A service that runs.

    Attributes:
        url: its address.
        asked: the requests that came in: path, query and the credentials.
        ways: how it behaves.
    """

    url: str
    rows: dict[str, list[Row]]
    version: str
    ways: Ways
    base: str
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str], credentials: str) -> Reply:
        """Answer a request for rows."""
        if credentials != f"Bearer {TOKEN}":
            status = {"imsx_codeMajor": "failure", "imsx_description": "Who are you?"}
            return reply(401, {"imsx_StatusInfo": status})
        name = path.removeprefix(f"{self.base}/")
        if not path.startswith(self.base) or name not in self.rows:
            return reply(404, {"error": {"code": "unknownobject", "message": "No such thing."}})
        offset = int(query["offset"])
        instead = self.ways.replies.get(name, lambda _: None)(offset)
        if instead is not None:
            return instead
        rows, ways = self.rows[name], self.ways
        size = max(1, min(int(query["limit"]), ways.page) - ways.short * (offset % 2))
        first = max(0, offset - ways.overlap)
        given = rows[first : first + size]
        headers = {}
        if ways.total is not None:
            counted = {"all": str(len(rows)), "page": str(len(given))}
            headers["X-Total-Count"] = counted.get(ways.total, ways.total)
        if ways.link and rows:
            more = first + size < len(rows)
            relations = ["first", *(["next"] if more else []), "last"]
            headers["Link"] = ", ".join(
                f'<{self.url}{path}?offset={offset + size},0>; rel="{each}"' for each in relations
            )
        return reply(200, {name: given}, headers)


def reply(status: int, document: object, headers: dict[str, str] | None = None) -> Reply:
    """Make an answer of JSON."""
    kind = {"Content-Type": "application/json; charset=UTF-8"}
    return status, kind | (headers or {}), json.dumps(document).encode()


@contextmanager
def serving(
    bundle: Path, version: str, ways: Ways | None = None, base: str | None = None
) -> Iterator[SchoolSystem]:
    """Serve what stands in a bundle."""
    ways = ways or Ways()
    rows = _rows(bundle, version, ways)
    system = SchoolSystem("", rows, version, ways, BASES[version] if base is None else base)
    with listening(system.answer, system.asked) as system.url:
        yield system


@dataclass
class Ss12000:
    """An SS 12000 service that gives its items in pages.

    Attributes:
        items: per collection what there is.
        page: how many items it gives at once.
        replies: per collection what is answered in place of its items; called with the token.
        url: its address.
        asked: the requests that came in.
    """

    items: dict[str, list[Row]]
    page: int = 2
    replies: Replies = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str], credentials: str) -> Reply:
        """Answer a request for a page."""
        name, token = path.removeprefix("/v2.0/"), query.get("pageToken", "")
        if credentials != f"Bearer {TOKEN}":
            return reply(401, {"code": "UNAUTHORISED", "message": "Vem är du?"})
        instead = self.replies.get(name, lambda _: None)(token)
        if instead is not None:
            return instead
        first = int(token or 0)
        more = first + self.page < len(self.items[name])
        return reply(
            200,
            {
                "data": self.items[name][first : first + self.page],
                "pageToken": str(first + self.page) if more else None,
            },
        )


@contextmanager
def serving_ss12000(
    items: dict[str, list[Row]], replies: Replies | None = None
) -> Iterator[Ss12000]:
    """Serve organisations, persons, groups and duties."""
    system = Ss12000(items, replies=replies or {})
    with listening(system.answer, system.asked) as system.url:
        yield system


@contextmanager
def listening(
    answer: Callable[[str, dict[str, str], str], Reply],
    asked: list[tuple[str, dict[str, str], str]],
) -> Iterator[str]:
    """Run a server on a free port; its token endpoint gives the token to everybody."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer leaves in one piece, or the kernel waits for the rest

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            credentials = self.headers.get("Authorization", "")
            asked.append((parts.path, query, credentials))
            self._send(*answer(parts.path, query, credentials))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            credentials = self.headers.get("Authorization", "")
            scope = {key: values[0] for key, values in form.items()}
            asked.append((self.path, scope, credentials))
            self._send(*reply(200, {"access_token": TOKEN, "token_type": "Bearer"}))

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _rows(bundle: Path, version: str, ways: Ways) -> dict[str, list[Row]]:
    """Write a bundle's rows as a service does, ordered by sourcedId."""
    tables = {name: _table(bundle, name) for name in ("orgs", "users", "classes", "enrollments")}
    held = _table(bundle, "roles")
    convert = {
        "orgs": lambda row: {"parent": _reference(row["parentSourcedId"])},
        "classes": lambda row: {
            "school": _reference(row["schoolSourcedId"]),
            "grades": _listed(row["grades"]),
        },
        "users": lambda row: {
            "enabledUser": _boolean(row["enabledUser"], ways),
            "agents": [_reference(each) for each in _listed(row["agentSourcedIds"])],
            "orgs": [_reference(each) for each in _listed(row.get("orgSourcedIds") or "")],
            "primaryOrg": _reference(row.get("primaryOrgSourcedId") or ""),
            "roles": [
                _role(each, ways) for each in held if each["userSourcedId"] == row["sourcedId"]
            ],
        },
        "enrollments": lambda row: {
            "class": _reference(row["classSourcedId"]),
            "school": _reference(row["schoolSourcedId"]),
            "user": _reference(row["userSourcedId"]),
            "primary": _boolean(row["primary"], ways),
            **_days(row, ways),
        },
    }
    return {
        name: [
            {key: value for key, value in row.items() if value and not key.endswith(("Id", "Ids"))}
            | {"sourcedId": row["sourcedId"], "status": row["status"] or "active"}
            | {key: value for key, value in convert[name](row).items() if value not in (None, [])}
            for row in sorted(rows, key=lambda row: row["sourcedId"])
        ]
        for name, rows in tables.items()
    }


def _table(bundle: Path, name: str) -> list[Row]:
    path = bundle / f"{name}.csv"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _role(row: Row, ways: Ways) -> Row:
    return {
        "roleType": row["roleType"],
        "role": row["role"],
        "org": _reference(row["orgSourcedId"]),
        **_days(row, ways),
    }


def _reference(key: str) -> Row | None:
    return {"href": f"https://example.org/{key}", "sourcedId": key, "type": "x"} if key else None


def _listed(cell: str) -> list[str]:
    return [each.strip() for each in cell.split(",") if each.strip()]


def _boolean(cell: str, ways: Ways) -> object:
    if not cell:
        return None
    return cell if ways.text_booleans else cell == "true"


def _days(row: Row, ways: Ways) -> Row:
    moment = "T00:00:00.000Z" if ways.moments else ""
    return {key: row[key] + moment for key in ("beginDate", "endDate") if row[key]}
