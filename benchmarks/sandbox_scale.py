"""What a large site costs a sandbox, beside one of a twentieth and an empty one: `make bench`.

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
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import postgres

PEOPLE, ASSIGNMENTS, PART = 230_000, 1_000_000, 20
MOST_PER_ITEM, MOST_MEMORY, MOST_OF_A_PAGE, MOST_GROWTH = 2.0, 1.3, 3.0, 1.2
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


MEASURED = """
import resource, sys
from reconciler.sandbox.command import sandbox
sandbox(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def measured(*arguments: str | Path) -> tuple[float, int]:
    """Run `reconciler sandbox …` and return its seconds and its most kilobytes."""
    command = [sys.executable, "-c", MEASURED, *map(str, arguments)]
    began = time.perf_counter()
    run = subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    return time.perf_counter() - began, int(run.stderr.split()[-1])


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


class Verdict:
    """Prints what was measured, and remembers whether all of it was within its bounds."""

    good = True

    def add(self, what: str, ratio: float, most: float, seen: str) -> None:
        """Judge a ratio."""
        self.good = self.good and ratio <= most
        print(f"  {what:<28} {ratio:5.2f} (at most {most})  {seen}", flush=True)


def measure(urls: dict[str, str], folder: Path, counts: dict[str, int], told: Verdict) -> None:
    """Measure one kind of database, of which each site has its own."""
    seeding, saving = {}, {}
    for name in counts:
        # The first start makes an empty site, which the reset replaces by what is measured.
        Site(urls[name], folder, "--seed", folder / "empty.json").stop()
        seed = ("--seed", folder / f"{name}.json")
        seeding[name] = measured("reset", "--database", urls[name], "--yes", *seed)
        saving[name] = measured("export", "--database", urls[name], "-o", folder / "saved.json")
    each = {name: seeding[name][0] / counts[name] for name in ("large", "part")}
    told.add(
        "seeding, for each item",
        each["large"] / each["part"],
        MOST_PER_ITEM,
        f"{counts['large']:,} items in {seeding['large'][0]:.0f} s",
    )
    for what, of in (("seeding, memory", seeding), ("export, memory", saving)):
        large, part = of["large"][1], of["part"][1]
        told.add(what, large / part, MOST_MEMORY, f"{large / 1e3:.0f} MB in {of['large'][0]:.0f} s")
    large, empty = (Site(urls[name], folder) for name in ("large", "empty"))
    try:
        for who, path in PAGES:
            for _ in range(WARM):
                large.seconds(who, path), empty.seconds(who, path)
            pairs = [(large.seconds(who, path), empty.seconds(who, path)) for _ in range(TURNS)]
            here, there = (statistics.median(times) for times in zip(*pairs, strict=True))
            told.add(path, here / there, MOST_OF_A_PAGE, f"{here * 1e3:.1f} ms")
        before = large.memory()
        for name in WHOLE:
            large.read_whole(name)
        after = large.memory()
        told.add("server, memory", after / before, MOST_GROWTH, f"{after / 1e3:.0f} MB")
    finally:
        large.stop()
        empty.stop()


def main() -> int:
    """Measure both, and say whether everything is within its bounds."""
    told = Verdict()
    with tempfile.TemporaryDirectory() as name, databases(Path(name)) as kinds:
        folder = Path(name)
        parts = {"empty": 0, "part": PART, "large": 1}
        counts = {each: write_state(folder / f"{each}.json", part) for each, part in parts.items()}
        for kind, make in kinds.items():
            print(f"a site of {PEOPLE:,} people and {ASSIGNMENTS:,} assignments on {kind}")
            measure({each: make(each) for each in counts}, folder, counts, told)
    return 0 if told.good else 1


if __name__ == "__main__":
    sys.exit(main())
