"""The demo: the whole story, with the real commands against a real sandbox, in a minute.

Every command is printed before its output and can be typed just so, once the variables that
`Site.variables` holds are set. Nothing is left running and nothing is kept.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import requests

from reconciler.connection import Connection, load_connection
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.resources import shipped
from reconciler.workflows.reading import fetch_state

_PROGRAM: Final = (sys.executable, "-m", "reconciler")
_START_SECONDS: Final = 30
_STEP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A running sandbox, as its ready file describes it."""

    ready: dict[str, Any]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which every command finds the sandbox."""
        return {
            "RECONCILER_URL": self.ready["url"],
            "RECONCILER_TOKEN_URL": self.ready["token_url"],
            "RECONCILER_CLIENT_ID": self.ready["client_id"],
            "RECONCILER_CLIENT_SECRET": self.ready["client_secret"],
        }

    def connection(self) -> Connection:
        """Return how a script reaches the sandbox."""
        return load_connection(None, config=None, environ=self.variables, directory=Path())


class Administrator:
    """Somebody who edits roles by hand in the sandbox's console, in a browser's way."""

    def __init__(self, console: dict[str, str]) -> None:
        self._url = console["url"]
        self._browser = requests.Session()
        self._browser.trust_env = False  # the sandbox is on this machine, whatever the proxy
        self.name = console["username"]
        self.post("sign-in", username=console["username"], password=console["password"])

    def add(self, role: str, person: str, kind: str, target: str) -> None:
        """Assign something to a holder."""
        self.post("assignments/add", role=role, person=person, kind=kind, target=target)

    def remove(self, role: str, person: str, kind: str, target: str) -> None:
        """Take an assignment away."""
        self.post("assignments/remove", role=role, person=person, kind=kind, target=target)

    def post(self, path: str, **fields: str) -> None:
        """Send what a page of the console sends."""
        page = self._browser.get(self._url, timeout=10)
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        fields["csrf"] = token.group(1) if token else ""
        self._browser.post(f"{self._url}/{path}", data=fields, timeout=10).raise_for_status()


@contextmanager
def sandbox(directory: Path) -> Iterator[Site]:
    """Run a sandbox for as long as the block lasts.

    Raises:
        ReconcilerError: it did not start; what it said is in the message.
    """
    ready_file = directory / "ready.json"
    command = [*_PROGRAM, "sandbox", "--ready-file", str(ready_file)]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        try:
            yield Site(_wait_for(ready_file, server))
        finally:
            server.terminate()
            try:
                server.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_for(ready_file: Path, server: "subprocess.Popen[str]") -> dict[str, Any]:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if ready_file.exists():
            ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
            return ready
        if server.poll() is not None:
            said = server.stderr.read().strip() if server.stderr else ""
            raise ReconcilerError(f"The sandbox did not start. {said}")
        time.sleep(0.05)
    raise ReconcilerError(f"The sandbox did not start within {_START_SECONDS} seconds.")


def run_demo() -> None:
    """Tell the story; every step's exit code is checked.

    Raises:
        ReconcilerError: a step did not end as it should.
    """
    manifest = shipped("examples", "roles.yaml")
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as name:
        directory = Path(name)
        (directory / "roles.yaml").write_bytes(manifest.read_bytes())
        _say("A sandbox starts: a real server with a small municipality, set up by hand last year.")
        with sandbox(directory) as site:
            story = _Story(directory, site)
            story.tell()


class _Story:
    def __init__(self, directory: Path, site: Site) -> None:
        self.directory = directory
        self.site = site
        self.environment = {
            **{
                key: value for key, value in os.environ.items() if not key.startswith("RECONCILER_")
            },
            **site.variables,
            "RECONCILER_STATE_DIR": str(directory / "state"),
            "RECONCILER_CACHE_DIR": str(directory / "cache"),
        }

    def tell(self) -> None:
        _say("The manifest says who should mentor whom. Is it well-formed, and does it fit?")
        self.run(["validate", "roles.yaml", "--online"])
        _say("What would change? Who gains and who loses sight of which learners?")
        self.run(["plan", "roles.yaml", "--out", "plan.json"])
        _say("Apply exactly that plan.")
        self.run(["apply", "plan.json"])
        _say("The site is in sync: the next plan is empty.")
        self.run(["plan", "roles.yaml", "--detailed-exitcode"])
        self.meddle()
        self.run(["drift", "roles.yaml"], expect=ExitCode.CHANGES)
        _say("Repair it: the same manifest again.")
        self.run(["apply", "roles.yaml", "--yes"])
        self.run(["drift", "roles.yaml"])
        _say("And why does a mentor see what they see?")
        self.run(["explain", "t-0412"])
        _say(
            "That is the whole story. To try next:\n"
            "  reconciler sandbox --ready-file ready.json    a sandbox of your own\n"
            "  reconciler export --state live.json           its state as a file\n"
            "  reconciler plan examples/roles.yaml --live live.json\n"
            "  reconciler COMMAND --help, and docs/ for everything else"
        )

    def meddle(self) -> None:
        """Edit the site as somebody who does not know of the manifest."""
        administrator = Administrator(self.site.ready["console"])
        state = fetch_state(self.site.connection())
        ids = {person.sync_key: person.id for person in state.people}
        ids |= {unit.sync_key: unit.id for unit in state.units}
        administrator.remove("mentor", ids["t-0403"], "class", ids["8b"])
        administrator.add("mentor", ids["t-0407"], "class", ids["8a"])
        _say(
            f"Meanwhile somebody ({administrator.name}) edits the console by hand: takes class 8B\n"
            "from its mentor, and lets the mentor of 1A see class 8A. Does anyone notice?"
        )

    def run(self, arguments: Sequence[str], expect: ExitCode = ExitCode.DONE) -> None:
        """Print a command, run it, and check how it ends."""
        click.secho(f"\n$ reconciler {' '.join(arguments)}", bold=True)
        done = subprocess.run(  # noqa: S603 - our own program
            [*_PROGRAM, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            timeout=_STEP_SECONDS,
            check=False,
            # Ctrl-C is for the story, which ends what it started: an interpreter that is just
            # starting would answer it with a traceback.
            start_new_session=True,
        )
        if expect is not ExitCode.DONE:
            click.echo(f"(exit {done.returncode})")
        if done.returncode != expect:
            raise ReconcilerError(f"The step ended with {done.returncode} instead of {expect}.")


def _say(text: str) -> None:
    click.secho(f"\n{text}", fg="cyan")
    sys.stdout.flush()
