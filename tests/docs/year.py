"""One municipality through a year: its site, its repository, its pipeline, and a calendar.

What a page's remarks have somebody do, beside writing files and editing by hand:

    <!-- clock: 2026-08-17 08:00 --> when it is, for the site and all commands
    <!-- directory: vik -->          what the site takes from the school system that night
    <!-- pipeline: pull request leave -->   the steps of the action, on that branch
    <!-- pipeline: merge -->         the branch is merged, and the steps run on the main branch
    <!-- pipeline: night -->         the same at night, for drift

    <!-- pipeline: comment -->       what stands on the pull request

A merge may be followed by what happens while it applies, `merge, killed` or
`merge, meanwhile: add …; remove … | add …`: what stands before the bar is done by one administrator
before the first changes arrive, the rest by another before they are answered. `again` is the job of
the last merge once more. The log of the job is what is seen. Its roster is fetched from the folder
of the page, as by a step before.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions import MERGED, NIGHT, PULL, Event, Ran, Runner
from between import between
from code_host import CodeHost
from sandboxes import ROOT, Desk, Site
from shells import by_hand
from warm import CLOCK, Programs

SEED = ROOT / "examples" / "four-schools.json"
ROSTER = "sis.csv"
ADDRESS = "https://git.example/havnes/roles.git"
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Anna"), ("EMAIL", "anna@havnes.example"))
    },
}


class Calendar:
    """When it is, in a file that every process reads which is told of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.day = ""

    def turn_to(self, when: str) -> Sequence[str]:
        """Make it a day and hour, in UTC."""
        self.day = when[:10]
        ahead = datetime.fromisoformat(f"{when}+00:00") - datetime.now(UTC)
        self.file.write_text(str(ahead.total_seconds()))
        return ()


Document = dict[str, Any]


def t_38_leaves(seed: Document) -> None:
    """Nobody of that key is in the school system any more."""
    gone = next(each for each in seed["people"] if each["sync_key"] == "t-38")
    seed["people"].remove(gone)
    seed["memberships"] = [each for each in seed["memberships"] if each["person"] != gone["id"]]


def vik_is_made(seed: Document) -> None:
    """A school of its own, with the learners of Fjord 9, who are in both classes in April."""
    _person(seed, "h-5", "Åge Vik", "Administrator")
    _unit(seed, "vik", "school", "Vik skole", "havnes")
    _unit(seed, "vik-9", "class", "Vik 9", "vik")
    for each in [each for each in seed["memberships"] if each["unit"] == _id(seed, "fjord-9")]:
        new = {**each, "unit": _id(seed, "vik-9"), "begin": "2027-04-01", "primary": False}
        seed["memberships"].append(new)
        each["end"] = "2027-05-01"


def next_year_is_planned(seed: Document) -> None:
    """Whoever is in class 8 goes up in summer, and new learners come."""
    for number, school in enumerate(("berg", "dal", "elv", "fjord"), 1):
        up = f"{school}-9" if school != "fjord" else "vik-9"
        for each in (1, 2, 3):
            new = f"s-{number}7{each}"
            _person(seed, new, f"New {new}", "Student")
            _learner(seed, f"{school}-8", new)
            _learner(seed, up, f"s-{number}8{each}")


DIRECTORIES = {"t-38": t_38_leaves, "vik": vik_is_made, "2027": next_year_is_planned}
"""What becomes of the directory in the course of the year, by what remarks call it."""


def _id(seed: Document, key: str) -> str:
    both = (*seed["people"], *seed["units"])
    return str(next(each["id"] for each in both if each["sync_key"] == key))


def _person(seed: Document, key: str, name: str, profile: str) -> None:
    of = next(each["id"] for each in seed["profiles"] if each["name"] == profile)
    seed["people"].append(
        {
            "id": f"new-{key}",
            "sync_key": key,
            "username": key,
            "email": None,
            "name": name,
            "profile": of,
            "active": True,
        }
    )


def _unit(seed: Document, key: str, kind: str, title: str, parent: str) -> None:
    above = _id(seed, parent)
    seed["units"].append(
        {"id": f"new-{key}", "sync_key": key, "kind": kind, "title": title, "parent": above}
    )


def _learner(seed: Document, unit: str, person: str) -> None:
    member = {"unit": _id(seed, unit), "person": _id(seed, person), "role": "learner"}
    dates = {"primary": True, "begin": "2027-08-01", "end": None}
    seed["memberships"].append(member | dates)


@dataclass(frozen=True)
class Machine:
    """What an office works with.

    Attributes:
        programs: the console script, warm.
        temp: a folder that does not exist yet, for the host of code and its runner.
        clock: the file of the calendar.
    """

    programs: Programs
    temp: Path
    clock: Path


class Office:
    """Whoever looks after the roles: a folder with a repository, and the pipeline behind it."""

    def __init__(self, folder: Path, site: Site, host: CodeHost, machine: Machine) -> None:
        self.folder = folder
        self.site = site
        self.host = host
        self.programs = machine.programs
        self.temp = machine.temp
        self.temp.mkdir()
        self.kept = {
            CLOCK: str(machine.clock),
            "RECONCILER_STATE_DIR": str(self.temp / "state"),
            "RECONCILER_CACHE_DIR": str(self.temp / "cache"),
        }
        desk = Desk(folder, site, names=())
        self.runner = Runner(desk, host, self.temp, machine.programs)
        self.seed = json.loads(SEED.read_text(encoding="utf-8"))
        self.origin = self.temp / "roles.git"
        self._git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin), at=folder)
        self.head = self.merge = ""
        self.runs = 100

    @property
    def variables(self) -> dict[str, str]:
        """What the shell of a page has: its journal, who commits, and where the address leads."""
        return {
            **self.kept,
            **GIT,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.origin}.insteadOf",
            "GIT_CONFIG_VALUE_0": ADDRESS,
        }

    def directory(self, what: str) -> Sequence[str]:
        """Let the site take from the school system what it has now."""
        DIRECTORIES[what](self.seed)
        newer = self.temp / "newer.json"
        newer.write_text(json.dumps(self.seed), encoding="utf-8")
        words = ("sandbox", "update", "--database", self.temp.with_name("site.db"))
        desk = Desk(self.temp, names=())
        desk.environment |= self.kept
        desk.run(*words, "--seed", newer)
        return ()

    def pipeline(self, what: str) -> Sequence[str]:
        """Run the job that a remark names; what it logs is seen."""
        job, _, how = what.partition(", ")
        self.runs += 1
        event, command = replace(MERGED, sha=self.merge), "apply"
        match job.rsplit(" ", 1):
            case ["pull request", branch]:
                self.head = self._git("rev-parse", branch)
                self.host.comments.clear()
                event, command = replace(PULL, head=self.head, sha=self.head), "plan"
            case ["merge"]:
                event = replace(event, sha=self._merged(self.head))
            case ["night"]:
                newest = self._git("rev-parse", "main")
                event, command = replace(NIGHT, sha=newest), "drift"
            case ["comment"]:
                (comment,) = self.host.comments
                return str(comment["body"]).splitlines()
            case other:
                assert other == ["again"], f"no such job: {job}"
        ran = self._run(replace(event, run=self.runs), command, how)
        told = ran.log.splitlines()
        return [*told, f"exit {ran.code}"] if ran.code else told

    def _merged(self, head: str) -> str:
        """Merge what was pushed, as the host of code does, and return the commit."""
        clone = self.temp / "merging"
        shutil.rmtree(clone, ignore_errors=True)
        self._git("clone", "--quiet", str(self.origin), str(clone))
        self._git("merge", "--quiet", "--no-ff", "--message", "Merge", head, at=clone)
        self._git("push", "--quiet", "origin", "main", at=clone)
        self.merge = self.host.newest = self._git("rev-parse", "HEAD", at=clone)
        self.host.merge(3, head, self.merge)
        return self.merge

    def _run(self, event: Event, command: str, how: str) -> Ran:
        place = self.temp / "checkout"
        shutil.rmtree(place, ignore_errors=True)
        self._git("clone", "--quiet", str(self.origin), str(place))
        self._git("checkout", "--quiet", event.head or event.sha, at=place)
        shutil.copy(self.folder / ROSTER, place)
        desk = Desk(place, self.site, names=())
        desk.environment |= {**self.kept, "USER": "pipeline", "LOGNAME": "pipeline"}
        with ExitStack() as during:
            if how:
                url = during.enter_context(between(self.site.url, meanwhile=self._meanwhile(how)))
                desk.environment["RECONCILER_URL"] = url
            self.runner.desk = desk
            return self.runner.run(event, command=command)

    def _meanwhile(self, how: str) -> Callable[[str, Callable[[], None]], None]:
        """What happens at the first changes that are sent."""
        happened: list[str] = []

        def does(what: str, ask: Callable[[], None]) -> None:
            first = what == "POST /v1/changes" and not happened
            if first:
                happened.append(what)
            before, _, after = how.removeprefix("meanwhile: ").partition(" | ")
            if first and how != "killed":
                by_hand(self.site, before)
            ask()
            if first and after:
                by_hand(self.site, after)
            if first and how == "killed":
                os.kill(self._process(), signal.SIGKILL)

        return does

    def _process(self) -> int:
        """The process of the command that was started last."""
        started = self.programs.folder.with_name("started")
        return int((started / "process").read_text())

    def _git(self, *words: str, at: Path | None = None) -> str:
        git = shutil.which("git") or "git"
        done = subprocess.run(
            [git, *words],
            cwd=at or self.origin,
            env={**os.environ, **GIT},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()
