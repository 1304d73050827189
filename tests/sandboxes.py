"""The real console script against a real sandbox process, over real HTTP.

What every command owes is checked after each run here, whatever the test is about: no traceback, no
secret and no learner's name in what it printed, and no defect of ours reported to a user.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import warm
import yaml
from jsonschema import Draft202012Validator, FormatChecker

ROOT = Path(__file__).parents[1]
PROGRAM = Path(sys.executable).with_name("reconciler")
START_SECONDS = 30
RUN_SECONDS = 60


@cache
def validator(schema: str) -> Draft202012Validator:
    """A validator for a published schema, `plan` say."""
    text = (ROOT / "schemas" / f"{schema}-v1.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text), format_checker=FormatChecker())


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self, schema: str) -> Any:
        """Its standard output as JSON, checked against its published schema."""
        document = json.loads(self.out)
        validator(schema).validate(document)
        return document


class Site:
    """A sandbox that listens, by its ready file: what another client or its administrator does."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.url: str = ready["url"]
        self._sessions: dict[str, requests.Session] = {}

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()

    @property
    def secrets(self) -> list[str]:
        clients = [self.ready, *self.ready["clients"].values()]
        return [self.ready["console"]["password"], *(each["client_secret"] for each in clients)]

    def client(self, name: str) -> dict[str, str]:
        found: dict[str, str] = self.ready if name == "main" else self.ready["clients"][name]
        return found

    def token(self, client: str = "main") -> str:
        found = self.client(client)
        answer = requests.post(
            self.ready["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(found["client_id"], found["client_secret"]),
            timeout=10,
        )
        return str(answer.json()["access_token"])

    def variables(self, client: str = "main") -> dict[str, str]:
        """The environment variables with which a command finds this site, as a client."""
        found = self.client(client)
        return {
            "RECONCILER_URL": self.url,
            "RECONCILER_TOKEN_URL": self.ready["token_url"],
            "RECONCILER_CLIENT_ID": found["client_id"],
            "RECONCILER_CLIENT_SECRET": found["client_secret"],
        }

    def call(self, method: str, *segments: str, client: str = "other", **kwargs: Any) -> Any:
        """Send a request to `/v1/…` as a client and return its JSON."""
        if client not in self._sessions:
            self._sessions[client] = requests.Session()
            self._sessions[client].headers["Authorization"] = f"Bearer {self.token(client)}"
        path = "/".join(quote(segment, safe="") for segment in segments)
        answer = self._sessions[client].request(
            method, f"{self.url}/v1/{path}", timeout=20, **kwargs
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def items(self, collection: str, *, onwards: str = "cursor") -> list[dict[str, Any]]:
        """All that there is; `onwards` is the parameter that takes the `next` of a page."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": ""}
        while page["next"] is not None:
            where = {onwards: page["next"]} if page["next"] else {}
            page = self.call("GET", collection, params={"limit": "1000", **where})
            found += page["items"]
        return found

    def ids(self, collection: str) -> dict[str, str]:
        """The ids of people or units by their sync keys."""
        return {item["sync_key"]: item["id"] for item in self.items(collection)}

    def revision(self) -> int:
        return int(self.call("GET", "site")["revision"])

    def events(self) -> list[dict[str, Any]]:
        return self.items("events", onwards="after")

    def writes(self) -> int:
        """How many writes there have been since the site was made."""
        return len(self.events())

    def assignments(self) -> set[str]:
        """All assignments as people read them: `mentor/t-0412/class/8a`."""
        people = {item["id"]: item["sync_key"] for item in self.items("people")}
        units = {item["id"]: item["sync_key"] or item["title"] for item in self.items("units")}
        return {
            f"{each['role']}/{people[each['person']]}/{each['kind']}/"
            f"{(people if each['kind'] == 'learner' else units)[each['target']]}"
            for each in self.items("assignments")
        }

    def assign(self, name: str, *, method: str = "PUT", client: str = "other") -> None:
        """Make an assignment (or a holder) as another client: `mentor/t-0412/class/8a`."""
        role, person, *rest = name.split("/")
        person = self.ids("people")[person]
        if not rest:
            self.call(method, "holders", role, person, client=client)
            return
        kind, target = rest
        target = self.ids("people" if kind == "learner" else "units")[target]
        self.call(method, "assignments", role, person, kind, target, client=client)

    def unassign(self, name: str, *, client: str = "other") -> None:
        """Take an assignment (or a holder) away as another client."""
        self.assign(name, method="DELETE", client=client)


class Sandbox(Site):
    """A process of its own that is a site."""

    def __init__(self, directory: Path, *arguments: str, **variables: str) -> None:
        ready_file = directory / f"ready-{time.monotonic_ns()}.json"
        command: list[str | Path] = [PROGRAM, "sandbox", "--port", "0"]
        command += ["--ready-file", ready_file, *arguments]
        self.process = warm.Process(command, {**clean_environment(), **variables}, directory)
        end = time.monotonic() + START_SECONDS
        while not ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.end()
                raise AssertionError(f"no sandbox: {self.process.stderr}")
            time.sleep(0.02)
        super().__init__(json.loads(ready_file.read_text()))

    def stop(self) -> None:
        self.close()
        self.process.end()


def ended(process: "subprocess.Popen[bytes]") -> Done:
    """Wait for a command that was started."""
    out, err = process.communicate(timeout=RUN_SECONDS)
    return Done(process.returncode, out.decode(), err.decode())


@contextmanager
def running(directory: Path, *arguments: str, **variables: str) -> Iterator[Sandbox]:
    """Run a sandbox for as long as the block lasts; variables are set in its environment."""
    sandbox = Sandbox(directory, *arguments, **variables)
    try:
        yield sandbox
    finally:
        sandbox.stop()


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would steer the reconciler."""
    steering = ("CI", "RECONCILER_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TRACEPARENT")
    return {key: value for key, value in os.environ.items() if not key.startswith(steering)}


@cache
def municipality_names() -> tuple[str, ...]:
    """The names of everybody in the built-in municipality."""
    from reconciler.sandbox.municipality import municipality  # noqa: PLC0415 - only where needed

    return tuple(person.name for person in municipality().people)


def example(**changes: Any) -> dict[str, Any]:
    """The example's manifest as data, with other sections; None leaves a section out."""
    text = (ROOT / "examples" / "roles.yaml").read_text(encoding="utf-8")
    # The base loader reads everything as text, and so the class `no` too.
    manifest = {**yaml.load(text, Loader=yaml.BaseLoader), "version": 1, **changes}  # noqa: S506 - text only
    return {key: value for key, value in manifest.items() if value is not None}


class Desk:
    """Where one user works: a directory, an environment, and commands that are run in it."""

    def __init__(
        self,
        directory: Path,
        sandbox: Sandbox | None = None,
        *,
        client: str = "main",
        names: Iterable[str] | None = None,
    ) -> None:
        self.directory = directory
        self.names = municipality_names() if names is None else tuple(names)
        self.sandbox = sandbox
        self.environment = {
            **clean_environment(),
            **(sandbox.variables(client) if sandbox else {}),
            "RECONCILER_STATE_DIR": str(directory / "state"),
            "RECONCILER_CACHE_DIR": str(directory / "cache"),
        }

    def use_token(self, token: str) -> None:
        """Sign in with a token from now on, instead of a client's id and secret."""
        for name in ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET", "RECONCILER_TOKEN_URL"):
            self.environment.pop(name, None)
        self.environment["RECONCILER_TOKEN"] = token

    def write(self, manifest: Mapping[str, Any] | str, name: str = "roles.yaml") -> str:
        """Write a manifest and return its name."""
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(dict(manifest))
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def run(self, *arguments: str | Path, expect: int = 0, **variables: str) -> Done:
        """Run a command; its exit code, and what every command owes, are checked."""
        command = [PROGRAM, *arguments]
        process = warm.Process(command, {**self.environment, **variables}, self.directory)
        try:
            code = process.wait(RUN_SECONDS)
        finally:
            process.end()
        done = Done(code, process.stdout, process.stderr)
        assert done.code == expect, f"exit {done.code}, not {expect}\n{done.out}\n{done.err}"
        self.check_manners(done.out + done.err)
        if done.code not in (0, 2, 3, 4, 6):
            assert (done.err or done.out).strip(), "it failed without a word"
        return done

    def start(self, *arguments: str, own_group: bool = False) -> "subprocess.Popen[bytes]":
        """Start a command, cold, and do not wait for it; signals can reach all of its own group."""
        return subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=own_group,
        )

    def check_manners(self, said: str) -> None:
        """Check what holds for everything that a command ever prints."""
        assert "Traceback" not in said, said
        assert "Exception ignored" not in said, said
        assert "defect of its own" not in said, said
        for secret in self.sandbox.secrets if self.sandbox else ():
            assert secret not in said, "a secret in the output"
        for name in self.names:
            assert name not in said, f"the name {name} in the output"
