"""The school year, word for word, and after each section what three independent checks say.

The checks are written against the design and the story alone: who sees which child, by a model over
what the site's API tells (`sight_model`); which runs the journal has, and that it claims exactly
what the site's events say; and what the next plan still holds.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import pytest
import warm
from code_host import CodeHost, code_host
from pages import DOCS, Part, blocks, parts
from sandboxes import PROGRAM, Desk, Sandbox, running
from shells import Shell, hand_at, run_parts
from sight_model import NAMES, who_sees
from year import SEED, Calendar, Machine, Office

PAGE = DOCS / "tutorials" / "a-school-year.md"


@dataclass(frozen=True)
class Fact:
    """What is so at the end of a section.

    Attributes:
        sees: who sees other learners than before: patterns of their numbers.
        runs: the new runs of apply, the oldest first: who, how it ended, what was done.
        open: what the next plan has.
    """

    sees: dict[str, str] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    open: frozenset[str] = frozenset()


BY_HAND = {
    **{f"h-{school}": f"{school}8* {school}9*" for school in range(1, 5)},
    **{f"t-{school}{grade}": f"{school}{grade}*" for school in range(1, 5) for grade in (8, 9)},
    "t-39": "",
    "t-10": "191",
}
YEAR = {
    "The municipality": Fact(BY_HAND),
    "August: take over what is there": Fact(runs=("anna done",)),
    "August: the first change": Fact({"t-39": "39*"}, ("pipeline done 2 succeeded",)),
    "September: a mentor on leave": Fact({"t-20": "28*"}, ("pipeline done 2 succeeded",)),
    "October: others are at work": Fact(
        {"t-10": "192", "t-40": "481"},
        ("pipeline done 1 already 2 succeeded", "pipeline done 1 succeeded"),
    ),
    "November: a child without a mentor": Fact(),
    "December: half a file": Fact(),
    "January: a pipeline is killed": Fact(
        {"t-20": "281", "t-30": "381"},
        ("pipeline killed 3 open 1 succeeded", "pipeline done 3 succeeded"),
    ),
    "February: a wrong merge": Fact(runs=("pipeline done 1 succeeded", "anna done 1 succeeded")),
    "March: somebody leaves": Fact({"t-38": "", "t-30": "38*"}, ("anna done 3 succeeded",)),
    "April: a school splits": Fact({"h-5": "49*"}, ("pipeline done 2 succeeded",)),
    "May: another language": Fact({"h-4": "48*"}, ("pipeline done 4 succeeded",)),
    "June: the new year is planned": Fact(
        dict.fromkeys(("t-10", "t-20", "t-40"), ""), ("anna done 4 succeeded RR501",)
    ),
    "August: the new year begins": Fact(
        {
            **{f"h-{school}": f"{school}7* {school}8*" for school in (1, 2, 3)},
            "h-4": "47*",
            "h-5": "48*",
            **{f"t-{school}9": f"{school}7*" for school in (1, 2, 3, 4)},
            "t-18": "18*",
            "t-28": "28*",
            "t-30": "38*",
            "t-48": "48*",
        },
        ("anna done 4 succeeded RR501",) * 3 + ("anna done 2 succeeded",) * 2,
    ),
}
"""What the story says, section by section."""


def sections(page: Path) -> Iterator[tuple[str, list[Part]]]:
    """Yield the sections of a page by their titles, each with its blocks and remarks."""
    text = page.read_text(encoding="utf-8")
    titles = {number: line for number, line in enumerate(text.splitlines(), 1) if line[:3] == "## "}

    def title(part: Part) -> str:
        return titles[max(line for line in titles if line < part.line)]

    for found, own in groupby(parts(text), title):
        yield found.removeprefix("## "), list(own)


class Checker:
    """Looks after each section whether everything is as the story has it."""

    def __init__(self, site: Sandbox, office: Office, calendar: Calendar) -> None:
        self.site = site
        self.calendar = calendar
        names = [each["name"] for each in site.items("people")]
        self.desk = Desk(office.folder, site, names=names)
        self.desk.environment |= office.kept
        self.sees: dict[str, str] = {}
        self.runs: list[str] = []
        self.claimed: dict[str, list[int]] = {}

    def check(self, title: str, fact: Fact) -> None:
        self.check_sight(title, fact)
        if (self.desk.directory / "roles.yaml").exists():
            self.check_history(title, fact)
            told = self.desk.run("plan", "roles.yaml", "--format", "json").json("plan")
            left = {f"{each['verb']} {each['name']}" for each in told["actions"]}
            assert left == fact.open, title

    def check_sight(self, title: str, fact: Fact) -> None:
        self.sees |= fact.sees
        collections = {name: self.site.items(name) for name in NAMES}
        learners = [
            each["sync_key"] for each in collections["people"] if each["sync_key"][:2] == "s-"
        ]
        expected = {
            person: {
                each
                for each in learners
                for one in of.split()
                if fnmatch(each.removeprefix("s-"), one)
            }
            for person, of in self.sees.items()
            if of
        }
        assert who_sees(collections, self.calendar.day) == expected, title

    def check_history(self, title: str, fact: Fact) -> None:
        told = self.desk.run("history", "--limit", "1000", "--format", "json").json("history")
        runs = [_told(each) for each in reversed(told["runs"])]
        self.runs += fact.runs
        assert runs == self.runs, title
        for each in told["runs"]:
            if each["run"] not in self.claimed or each["status"] == "killed":
                shown = self.desk.run("history", "show", each["run"], "--format", "json").json(
                    "run"
                )
                found = [action["revision"] for action in shown["actions"] if action["revision"]]
                self.claimed[each["run"]] = found
        ours = self.site.client("main")["client_id"]
        events = [each["revision"] for each in self.site.events() if each["actor"] == ours]
        assert sorted(chain(*self.claimed.values())) == events, title


def _told(run: dict[str, Any]) -> str:
    """A run in one line: who, how it ended, how much had which outcome, what was lifted."""
    counts = {**run["counts"], "open": run["open"]}
    some = (f"{number} {outcome}" for outcome, number in sorted(counts.items()) if number)
    lifted = (each["code"] for each in run["overrides"])
    return " ".join([run["who"], run["status"], *some, *lifted])


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with code_host() as found:
        yield found


@pytest.mark.timeout(600)
def test_the_year_is_what_happens(host: CodeHost, tmp_path: Path):
    folder = tmp_path / "roles"
    folder.mkdir()
    calendar = Calendar(tmp_path / "clock")
    calendar.turn_to("2026-08-17 08:00")
    clock = {warm.CLOCK: str(calendar.file)}
    programs = warm.own_programs(PROGRAM)
    shutil.copy(SEED, tmp_path)
    (started,) = blocks(PAGE, "sh")
    options = started.text.split("sandbox ")[1].split(" --ready-file ")[0].split()
    with running(tmp_path, *options, **clock) as site:
        machine = Machine(programs, tmp_path / "host", calendar.file)
        office = Office(folder, site, host, machine)
        own = {**site.variables(), **office.variables, "USER": "anna", "LOGNAME": "anna"}
        shell = Shell(folder, own, [programs.folder, PROGRAM.parent], programs.kept)
        doing = {
            "<by hand>": hand_at(site),
            "<clock>": calendar.turn_to,
            "<directory>": office.directory,
            "<pipeline>": office.pipeline,
        }
        checker = Checker(site, office, calendar)
        try:
            for title, some in sections(PAGE):
                for difference in run_parts(PAGE, some, shell, doing):
                    pytest.fail(difference)  # what follows rests on it
                checker.check(title, YEAR[title])
        finally:
            shell.close()


def test_every_section_has_its_facts():
    assert [title for title, _ in sections(PAGE)] == list(YEAR)
