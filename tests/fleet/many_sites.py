"""Many small sandboxed sites in one process, over real HTTP, each with credentials of its own.

Run as a script: `many_sites.py NUMBER READY_FILE`. A site is at `/NAME` of the server, and holds a
school with two classes; its ids are made of its name, so that no two sites have one in common.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))  # for whoever runs it as a script

from sandboxes import Desk

START_SECONDS = 60


def names(number: int) -> list[str]:
    return [f"s{each:03}" for each in range(number)]


def state(name: str) -> dict[str, Any]:
    """What a site holds: two classes of two learners each, two teachers, nobody with a role."""
    staff = [
        {
            "id": f"{name}-p{each}",
            "sync_key": f"t-{each}",
            "username": f"{name}.t{each}",
            "email": None,
            "name": f"Teacher {each}",
            "profile": "p0",
            "active": True,
        }
        for each in range(2)
    ]
    learners = [
        {
            "id": f"{name}-l{each}",
            "sync_key": f"s-{each}",
            "username": f"{name}.s{each}",
            "email": None,
            "name": f"Learner {each}",
            "profile": "p1",
            "active": True,
        }
        for each in range(4)
    ]
    units = [
        ("u0", "top", "organisation", "Top", None),
        ("u1", "skole", "school", "Skole", "u0"),
        ("u2", "8a", "class", "8A", "u1"),
        ("u3", "8b", "class", "8B", "u1"),
    ]
    return {
        "format": "reconciler.state/1",
        "site": {
            "id": name,
            "name": f"Site {name}",
            "ilp": {"enabled": True, "published_templates": 1},
            "revision": 0,
        },
        "profiles": [
            {"id": "p0", "name": "Staff", "roles": ["mentor"]},
            {"id": "p1", "name": "Student", "roles": []},
        ],
        "people": staff + learners,
        "units": [
            dict(zip(("id", "sync_key", "kind", "title", "parent"), each, strict=True))
            for each in units
        ],
        "memberships": [
            {
                "unit": "u2" if each < 2 else "u3",
                "person": f"{name}-l{each}",
                "role": "learner",
                "primary": True,
                "begin": None,
                "end": None,
            }
            for each in range(4)
        ],
        "relations": [],
        "holders": [],
        "assignments": [],
    }


MANIFEST = """\
version: 1
site: {name}
mentors:
  - person: t-0
    classes: [8a]
  - person: t-1
    classes: [8b]
"""


@dataclass
class Sites:
    """The running server, and what a fleet of its sites needs."""

    url: str
    secrets: Mapping[str, str]
    process: "subprocess.Popen[bytes]"

    def write_fleet(self, directory: Path, chosen: list[str] | None = None, **more: Any) -> Path:
        """Write manifests, settings and the fleet's file; return that."""
        chosen = chosen or list(self.secrets)
        sites = {}
        tables = []
        for name in chosen:
            folder = directory / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "roles.yaml").write_text(MANIFEST.format(name=name))
            sites[name] = {"manifest": f"{name}/roles.yaml"}
            tables.append(
                f'[environments.{name}]\nurl = "{self.url}/{name}"\nclient_id = "pipeline"\n'
                f'client_secret = {{env = "SECRET_{name}"}}\n'
            )
        (directory / "reconciler.toml").write_text("\n".join(tables))
        file = directory / "fleet.yaml"
        file.write_text(json.dumps({"version": 1, **more, "sites": sites}))
        return file

    @property
    def variables(self) -> dict[str, str]:
        return {f"SECRET_{name}": secret for name, secret in self.secrets.items()}

    def assignments(self, name: str) -> set[str]:
        return {
            f"{each['role']}/{each['person']}/{each['kind']}/{each['target']}"
            for each in self.get(name, "assignments")["items"]
        }

    def writes(self, name: str) -> int:
        """How many writes a site has had."""
        return len(self.get(name, "events")["items"])

    def reset(self, *chosen: str) -> None:
        """Make sites what they were at first."""
        requests.post(f"{self.url}/reset/{','.join(chosen)}", timeout=60).raise_for_status()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let no site answer to changes that are posted before the block ends."""
        requests.post(f"{self.url}/hold/", timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.post(f"{self.url}/release/", timeout=10).raise_for_status()

    def posted(self) -> dict[str, int]:
        """How often changes were posted to each site since it was reset, answered or not."""
        answer = requests.get(f"{self.url}/posted/", timeout=10)
        return {name: int(number) for name, number in answer.json().items()}

    def get(self, name: str, path: str) -> Any:
        token = requests.post(
            f"{self.url}/{name}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=("pipeline", self.secrets[name]),
            timeout=10,
        ).json()["access_token"]
        answer = requests.get(
            f"{self.url}/{name}/v1/{path}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()


class FleetDesk(Desk):
    """A desk at many sites: no secret of theirs may be in anything that is printed."""

    sites: Sites

    def check_manners(self, said: str) -> None:
        super().check_manners(said)
        for secret in self.sites.secrets.values():
            assert secret not in said, "a secret in the output"
        assert "Learner " not in said, "a learner's name in the output"


def desk_at(directory: Path, sites: Sites) -> FleetDesk:
    desk = FleetDesk(directory, names=())
    desk.sites = sites
    desk.environment.update(sites.variables)
    sites.write_fleet(directory)
    return desk


@contextlib.contextmanager
def many_sites(number: int) -> Iterator[Sites]:
    """Serve so many sites in one process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        process = subprocess.Popen([sys.executable, __file__, str(number), str(ready)])
        try:
            end = time.monotonic() + START_SECONDS
            while not ready.exists():
                assert process.poll() is None, "the sites do not start"
                assert time.monotonic() < end, "the sites do not start in time"
                time.sleep(0.05)
            said = json.loads(ready.read_text())
            yield Sites(said["url"], said["secrets"], process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


ORDERS = ("reset", "hold", "release", "posted")


class FrontDesk:
    """What is done to the sites beside what they do by themselves; each of `ORDERS` is a path."""

    def __init__(self, fresh: Callable[[str], Any], contexts: dict[str, Any]) -> None:
        self._fresh, self._contexts = fresh, contexts
        self._posted: dict[str, int] = {}
        self._free = asyncio.Event()
        self._free.set()

    def reset(self, names: str) -> None:
        for name in names.split(","):
            self._contexts[name] = self._fresh(name)
            self._posted.pop(name, None)

    def hold(self, _rest: str) -> None:
        self._free.clear()

    def release(self, _rest: str) -> None:
        self._free.set()

    def posted(self, _rest: str) -> dict[str, int]:
        return self._posted

    async def pass_changes(self, name: str) -> None:
        self._posted[name] = self._posted.get(name, 0) + 1
        await self._free.wait()

    async def answer(self, send: Any, document: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})


def serve(number: int, ready: Path) -> None:
    import uvicorn  # noqa: PLC0415 - the tests' own process needs none of it

    from reconciler.domain.vocabulary import Capability  # noqa: PLC0415 - as above
    from reconciler.sandbox.app import make_app  # noqa: PLC0415 - as above
    from reconciler.sandbox.connections import PromptConnection  # noqa: PLC0415 - as above
    from reconciler.sandbox.context import ConsoleUser, Context  # noqa: PLC0415 - as above
    from reconciler.sandbox.oauth import Client, Scope, Tokens  # noqa: PLC0415 - as above
    from reconciler.sandbox.options import MEMORY, Seed  # noqa: PLC0415 - as above
    from reconciler.sandbox.reading import contract  # noqa: PLC0415 - as above
    from reconciler.sandbox.store import open_store  # noqa: PLC0415 - as above

    logging.basicConfig(level=logging.ERROR)
    document = contract()
    secret_of = {name: secrets.token_urlsafe(24) for name in names(number)}
    seed = ready.with_name("seed.json")

    def fresh(name: str) -> Context:
        seed.write_text(json.dumps(state(name)))
        return Context(
            store=open_store(MEMORY, Seed(seed)),
            tokens=Tokens([Client("pipeline", secret_of[name], frozenset(Scope))], 3600),
            capabilities=frozenset(Capability),
            contract=document,
            console=ConsoleUser("admin", "unused"),
        )

    contexts = {name: fresh(name) for name in secret_of}
    meant: ContextVar[Context] = ContextVar("meant")
    meant.set(next(iter(contexts.values())))  # whose console the application asks about

    class Meant:
        """The context of the site that a request is for: one application serves all of them."""

        def __getattr__(self, name: str) -> Any:
            return getattr(meant.get(), name)

    app = make_app(Meant())  # type: ignore[arg-type]
    desk = FrontDesk(fresh, contexts)

    async def by_prefix(scope: dict[str, Any], receive: Any, send: Any) -> None:
        _, name, rest = scope["path"].split("/", 2)
        if name in ORDERS:
            await desk.answer(send, getattr(desk, name)(rest))
            return
        if rest == "v1/changes":
            await desk.pass_changes(name)
        meant.set(contexts[name])
        raw = scope["raw_path"].split(b"/", 2)[2]
        await app({**scope, "path": f"/{rest}", "raw_path": b"/" + raw}, receive, send)

    async def main() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            by_prefix,
            http=PromptConnection,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        said = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "secrets": secret_of}
        partial = ready.with_suffix(".part")
        partial.write_text(json.dumps(said))
        partial.replace(ready)
        await server.serve(sockets=[listener])

    asyncio.run(main())


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
