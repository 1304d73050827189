"""A real sandbox process for every test that asks for one, over real HTTP."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import warm
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sandboxes import PROGRAM

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox.app import make_app
from reconciler.sandbox.context import ConsoleUser, Context
from reconciler.sandbox.oauth import Tokens
from reconciler.sandbox.reading import contract
from reconciler.sandbox.store import open_store

START_SECONDS = 20


class Running:
    """A sandbox process that listens."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.ready_file = directory / f"ready-{time.monotonic_ns()}.json"
        command = ["-m", "reconciler.sandbox", "--ready-file", self.ready_file, *arguments]
        self.process = warm.Process(command, os.environ, directory)
        started = time.monotonic()
        while not self.ready_file.exists():
            assert self.process.poll() is None, (self.process.stdout, self.process.stderr)
            assert time.monotonic() < started + START_SECONDS, "the sandbox did not start in time"
            time.sleep(0.01)
        self.ready: dict[str, Any] = json.loads(self.ready_file.read_text())
        self.url: str = self.ready["url"]
        self.sessions: dict[str, requests.Session] = {}

    def token(self, client: str = "main") -> str:
        found = self.ready if client == "main" else self.ready["clients"][client]
        answer = requests.post(
            self.ready["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(found["client_id"], found["client_secret"]),
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def call(self, method: str, path: str, client: str = "main", **kwargs: Any) -> Any:
        """Send a request to `/v1/…` as a client; one session, and one token, per client."""
        if client not in self.sessions:
            self.sessions[client] = requests.Session()
            self.sessions[client].headers["Authorization"] = f"Bearer {self.token(client)}"
        url = f"{self.url}/v1/{path}"
        return self.sessions[client].request(method, url, timeout=20, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.call("GET", path, **kwargs)

    def put(self, *segments: str, **kwargs: Any) -> Any:
        return self.call("PUT", "/".join(quote(part, safe="") for part in segments), **kwargs)

    def delete(self, *segments: str, **kwargs: Any) -> Any:
        return self.call("DELETE", "/".join(quote(part, safe="") for part in segments), **kwargs)

    def items(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(collection, params={"limit": "1000", **cursor})
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            if answer.json()["next"] is None:
                return found
            cursor = {"cursor": answer.json()["next"]}

    def revision(self) -> int:
        return self.get("site").json()["revision"]

    def events(self) -> list[dict[str, Any]]:
        return self.get("events", params={"limit": "1000"}).json()["items"]

    def batch(self, *changes: dict[str, Any], **kwargs: Any) -> Any:
        numbered = [
            {"id": f"c{n}", "idempotency_key": f"k-{time.monotonic_ns()}-{n}", **change}
            for n, change in enumerate(changes)
        ]
        return self.call("POST", "changes", json={"changes": numbered}, **kwargs)

    def stop(self) -> tuple[int, str, str]:
        for session in self.sessions.values():
            session.close()
        return self.process.end(), self.process.stdout, self.process.stderr


KEPT_IN = ("memory", "file", "postgresql")
REPRESENTATIVE = ("test_sandbox_reading", "test_sandbox_writing", "test_sandbox_batches")
"""The modules that `make test` runs on PostgreSQL, too; `make soak` runs all, and on files."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `make soak` what would say little more."""
    for item in items:
        kept_in = getattr(item, "callspec", None) and item.callspec.params.get("kept_in")
        if item.path.stem == "test_sandbox_databases":
            continue
        if kept_in == "file" or (kept_in == "postgresql" and item.path.stem not in REPRESENTATIVE):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="module", params=KEPT_IN)
def kept_in(request: pytest.FixtureRequest) -> str:
    """In which database the sites of a test are."""
    return str(request.param)


@pytest.fixture(scope="module")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Make fresh databases of a kind, as `--database` takes them."""
    made: list[str] = []

    def make(kind: str) -> str:
        if kind == "memory":
            return ":memory:"
        if kind == "file":
            return str(tmp_path_factory.mktemp("database") / "site.db")
        server = request.getfixturevalue("postgres_server")
        made.append(f"sandbox_{secrets.token_hex(6)}")
        # In a language's order, where "a" stands before "B": what is served must not follow it.
        server.administer(
            f"CREATE DATABASE {made[-1]} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'nb-NO'"
        )
        return str(server.url(made[-1]))

    yield make
    for name in made:
        request.getfixturevalue("postgres_server").administer(
            f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
        )


@pytest.fixture
def start(
    tmp_path: Path, kept_in: str, new_database: Callable[[str], str]
) -> Iterator[Callable[..., Running]]:
    """Start sandboxes, each with a database of its own unless one is named; all are stopped."""
    running: list[Running] = []

    def begin(*arguments: str | Path) -> Running:
        where = [] if "--database" in arguments else ["--database", new_database(kept_in)]
        running.append(Running(tmp_path, *map(str, arguments), *where))
        return running[-1]

    yield begin
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Run the sandbox's program, which refuses, and return what it says."""

    def run(*arguments: str | Path, code: int = 1) -> str:
        process = warm.Process([PROGRAM, "sandbox", *arguments], os.environ, tmp_path)
        assert process.wait(30) == code, (process.stdout, process.stderr)
        assert process.stdout == ""
        assert "Traceback" not in process.stderr
        return process.stderr

    return run


@pytest.fixture
def sandbox(start: Callable[..., Running]) -> Running:
    """A fresh built-in municipality."""
    return start()


@pytest.fixture(scope="module")
def quiet(
    tmp_path_factory: pytest.TempPathFactory, kept_in: str, new_database: Callable[[str], str]
) -> Iterator[Running]:
    """A built-in municipality that the tests of a module share, and do not change."""
    where = ("--database", new_database(kept_in))
    running = Running(tmp_path_factory.mktemp("sandbox"), *where)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def by_header(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox that the tests of a module share, which takes faults out of headers."""
    running = Running(tmp_path_factory.mktemp("by-header"), "--faults-by-header")
    yield running
    code, _, err = running.stop()
    assert code == 0
    assert "Traceback" not in err
    assert "ERROR" not in err


@pytest.fixture
def id_of(request: pytest.FixtureRequest) -> Callable[[Running, str], str]:
    """Find the id that belongs to a sync key of a person or a unit."""

    def find(running: Running, key: str) -> str:
        return next(
            item["id"]
            for collection in ("people", "units")
            for item in running.items(collection)
            if item["sync_key"] == key
        )

    return find


@pytest.fixture
def app() -> Iterator[FastAPI]:
    """The application itself, without a process."""
    store = open_store(":memory:")
    yield make_app(
        Context(
            store=store,
            tokens=Tokens((), 60),
            capabilities=frozenset(Capability),
            contract=contract(),
            console=ConsoleUser("admin", "secret"),
        )
    )
    store.close()


@pytest.fixture
def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every path that is served, with a method of it."""
    return set(_routes_of(app.routes))


def _routes_of(routes: Any) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield from ((route.path, method.lower()) for method in route.methods)
        else:
            # FastAPI keeps an included router as one entry.
            yield from _routes_of(route.original_router.routes)
