"""What a large site costs a sandbox, beside one of a twentieth and an empty one.

230,000 people with 621,000 memberships and 1,000,000 assignments, on SQLite and on PostgreSQL where
its server is installed. Everything is measured in this run; the ratios are what counts:

- the time that seeding takes for each item, beside that of a site of a twentieth;
- the most memory of seeding and of an export, beside those of a site of a twentieth;
- the median time of a page, in turn with the same page of an empty site;
- the server's memory after every collection was read to its end, beside before.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pytest
import requests
from figures import Figure, tell
from measure import PROGRAM, once

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import postgres

PEOPLE, ASSIGNMENTS, PART = 230_000, 1_000_000, 20
SMALLER = "site of a twentieth"
WARM, TURNS = 10, 101

PAGES = (
    ("api", "/v1/site"),
    ("api", "/v1/people"),
    ("api", "/v1/units"),
    ("api", "/v1/memberships"),
    ("api", "/v1/holders"),
    ("api", "/v1/assignments"),
    ("api", "/v1/events"),
    ("console", "/console/events"),
    ("console", "/console/profiles"),
    ("console", "/console/people?q=family7"),
    ("console", "/console/people?q=nobody-of-this-name"),
    ("console", "/console/mentor"),
    ("console", "/console/mentor?q=family7"),
    ("console", "/console/headteacher"),
)
"""Who asks for which page. A page of the console is added here, and is asked for signed in."""

WHOLE = ("people", "memberships", "assignments")


def write_state(path: Path, part: int) -> int:
    """Write a saved state with a part of everything, and return how many items are in it."""
    people, assignments = (PEOPLE // part, ASSIGNMENTS // part) if part else (0, 0)
    staff = people // 10
    learners = people - staff
    classes, schools = people // 25, people // 1_000
    heads = schools * 2
    site = {"id": "large", "name": "Large", "ilp": {"enabled": True, "published_templates": 1}}
    collections: dict[str, Iterable[dict[str, Any]]] = {
        "profiles": [
            {"id": "p-3", "name": "Staff", "roles": ["headteacher", "mentor"]},
            {"id": "p-4", "name": "Student", "roles": []},
        ],
        "people": (
            {
                "id": f"{n:07}",
                "sync_key": f"key-{n}",
                "username": f"user{n}",
                "email": f"user{n}@nordberg.example",
                "name": f"Given{n} Family{n % 5_000}",
                "profile": "p-3" if n < staff else "p-4",
                "active": True,
            }
            for n in range(people)
        ),
        "units": [
            unit("root", "organisation", None),
            *(unit(f"s-{n}", "school", "root") for n in range(schools)),
            *(unit(f"c-{n}", "class", f"s-{n % schools}") for n in range(classes)),
        ],
        "memberships": (
            {
                "unit": f"c-{(n * 7 + k) % classes}",
                "person": f"{staff + n:07}",
                "role": "learner",
                "primary": not k,
                "begin": "2026-08-01",
                "end": None,
            }
            for n in range(learners)
            for k in range(3)
        ),
        "relations": (),
        "holders": [
            *({"role": "mentor", "person": f"{n:07}"} for n in range(staff)),
            *({"role": "headteacher", "person": f"{n:07}"} for n in range(heads)),
        ],
        "assignments": chain(
            (
                {
                    "role": "mentor",
                    "person": f"{n % staff:07}",
                    "kind": "learner",
                    "target": f"{staff + (n // staff + n % staff * 41) % learners:07}",
                }
                for n in range(assignments)
            ),
            # Some of the whole municipality, the others of a school each.
            (
                {
                    "role": "headteacher",
                    "person": f"{n:07}",
                    "kind": "school" if n % 2 else "organisation",
                    "target": f"s-{n % schools}" if n % 2 else "root",
                }
                for n in range(heads)
            ),
        ),
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"format": "reconciler.state/1", "site": {json.dumps(site)}')
        count = sum(write_list(file, name, items) for name, items in collections.items())
        file.write("}")
    return count


def unit(key: str, kind: str, parent: str | None) -> dict[str, Any]:
    """Return a unit, whose id is its key."""
    return {"id": key, "sync_key": key, "kind": kind, "title": key, "parent": parent}


def write_list(file: IO[str], name: str, items: Iterable[dict[str, Any]]) -> int:
    """Write a collection, and return how many items it has."""
    file.write(f',\n"{name}": [')
    count = 0
    for count, each in enumerate(items, 1):
        file.write(("," if count > 1 else "") + json.dumps(each))
    file.write("]")
    return count


class Site:
    """A sandbox that serves a database."""

    def __init__(self, database: str, folder: Path, *more: str | Path) -> None:
        ready_file = folder / f"ready-{time.monotonic_ns()}.json"
        command = ["-m", "reconciler.sandbox", "--database", database, "--ready-file", ready_file]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, [*command, *more])], stderr=subprocess.DEVNULL
        )
        while not ready_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"no sandbox of {folder}")
            time.sleep(0.05)
        self.ready = json.loads(ready_file.read_text())
        self.api, self.console = requests.Session(), requests.Session()
        credentials = self.ready["client_id"], self.ready["client_secret"]
        token = self.api.post(
            self.ready["token_url"],
            data={"grant_type": "client_credentials"},
            auth=credentials,
            timeout=30,
        ).json()["access_token"]
        self.api.headers["Authorization"] = f"Bearer {token}"
        self._sign_in()

    def _sign_in(self) -> None:
        console = self.ready["console"]
        form = self.console.get(f"{console['url']}/sign-in", timeout=30).text
        found = re.search(r'name="csrf" value="([^"]+)"', form)
        fields = {"username": console["username"], "password": console["password"]}
        self.console.post(
            f"{console['url']}/sign-in",
            data={**fields, "csrf": found[1] if found else ""},
            timeout=30,
            allow_redirects=False,
        ).raise_for_status()

    def seconds(self, who: str, path: str) -> float:
        """Ask for a page once, and return how long that took."""
        session = {"api": self.api, "console": self.console}[who]
        began = time.perf_counter()
        answer = session.get(self.ready["url"] + path, timeout=60, allow_redirects=False)
        took = time.perf_counter() - began
        if answer.status_code != 200:
            raise RuntimeError(f"{path} was answered {answer.status_code}")
        return took

    def read_whole(self, name: str) -> None:
        """Read a collection to its end."""
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            parameters = {"limit": "1000", **cursor}
            url = f"{self.ready['url']}/v1/{name}"
            page = self.api.get(url, params=parameters, timeout=60).json()
            cursor = {"cursor": page["next"]} if page["next"] else None

    def memory(self) -> int:
        """Return the kilobytes that the process has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, Callable[[str], str]]]:
    """Give per kind of database what makes a fresh one."""
    with ExitStack() as stack:
        kinds: dict[str, Callable[[str], str]] = {"SQLite": lambda name: str(folder / f"{name}.db")}
        try:
            server = stack.enter_context(postgres.server())
        except pytest.skip.Exception as missing:
            print(f"PostgreSQL is left out: {missing}")
        else:

            def create(name: str) -> str:
                server.administer(f"CREATE DATABASE {name}")
                return server.url(name)

            kinds["PostgreSQL"] = create
        yield kinds


def measure(urls: dict[str, str], folder: Path, counts: dict[str, int]) -> Iterator[Figure]:
    """Measure one kind of database, of which each site has its own."""
    seeding, saving = {}, {}
    for name in counts:
        # The first start makes an empty site, which the reset replaces by what is measured.
        Site(urls[name], folder, "--seed", folder / "empty.json").stop()
        seed = ("--seed", folder / f"{name}.json")
        database = ("--database", urls[name])
        seeding[name] = once([PROGRAM, "sandbox", "reset", *database, "--yes", *seed])
        saved = folder / "saved.json"
        saving[name] = once([PROGRAM, "sandbox", "export", *database, "-o", saved])
    each = {name: seeding[name].wall / counts[name] * 1e6 for name in ("large", "part")}
    yield Figure("seeding an item (wall)", each["large"], each["part"], SMALLER, "µs")
    for what, of in (("seeding", seeding), ("export", saving)):
        large, part = of["large"].peak / 1e6, of["part"].peak / 1e6
        yield Figure(f"{what}, memory", large, part, SMALLER, "MB")
    yield from pages(Site(urls["large"], folder), Site(urls["empty"], folder))


def pages(large: Site, empty: Site) -> Iterator[Figure]:
    """Ask both for each page in turn, then read the large one whole."""
    try:
        for who, path in PAGES:
            for _ in range(WARM):
                large.seconds(who, path), empty.seconds(who, path)
            pairs = [(large.seconds(who, path), empty.seconds(who, path)) for _ in range(TURNS)]
            here, there = (statistics.median(times) for times in zip(*pairs, strict=True))
            yield Figure(f"{path} (wall)", here * 1e3, there * 1e3, "empty site", "ms")
        before = large.memory()
        for name in WHOLE:
            large.read_whole(name)
        yield Figure("server, memory", large.memory() / 1e3, before / 1e3, "before reading", "MB")
    finally:
        large.stop()
        empty.stop()


def figures() -> Iterator[Figure]:
    """Measure both kinds of database."""
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as kinds:
        folder = Path(name)
        parts = {"empty": 0, "part": PART, "large": 1}
        counts = {each: write_state(folder / f"{each}.json", part) for each, part in parts.items()}
        for kind, make in kinds.items():
            for each in measure({name: make(name) for name in counts}, folder, counts):
                yield replace(each, name=f"sandbox on {kind}: {each.name}")


if __name__ == "__main__":
    sys.exit(tell(figures()))
