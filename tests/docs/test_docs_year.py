"""The school year, word for word, and after each step what three independent checks say.

The checks are written against the design and the story alone: who sees which child, by a model over
what the site's API tells (`sight_model`); which runs the journal has, and that it claims exactly
what the site's events say; and what the next plan still holds.

    <!-- checked: taken over -->     a point of the page at which all of it is checked
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
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
    """What is so at a point of the year.

    Attributes:
        sees: who sees other learners than before: patterns of their numbers.
        runs: the new runs of apply, the oldest first: who, how it ended, what was done.
        corrects: what the run before these is known to have done by now, where it was in doubt.
        open: what the next plan has.
        refused: whether a guard refuses that plan.
        unclaimed: how many effects on the site no run is known to have had yet.
    """

    sees: dict[str, str] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    corrects: str | None = None
    open: frozenset[str] = frozenset()
    refused: bool = False
    unclaimed: int = 0


def wanting(*changes: str, **more: Any) -> Fact:
    """What is so where changes wait to be applied."""
    return Fact(open=frozenset(changes), **more)


BY_HAND = {
    **{f"h-{school}": f"{school}8* {school}9*" for school in range(1, 5)},
    **{f"t-{school}{grade}": f"{school}{grade}*" for school in range(1, 5) for grade in (8, 9)},
    "t-39": "",
    "t-10": "191",
}
OTHERS_DID = (
    "add mentor/t-10/learner/s-191",
    "remove mentor/t-18/class/berg-9",
)
LATE = tuple(
    f"remove mentor/{each}"
    for each in ("t-10/learner/s-192", "t-20/learner/s-281", "t-30/learner/s-381",
                 "t-40/learner/s-481")
)  # fmt: skip
OF_LAST_YEAR = (
    *("t-18/class/berg-8", "t-28/class/dal-8", "t-30/class/elv-8", "t-48/class/fjord-8"),
    *("t-19/class/berg-9", "t-29/class/dal-9", "t-39/class/elv-9", "t-49/class/vik-9"),
)
SWAPPED = (
    *("t-18/class/berg-9", "t-28/class/dal-9", "t-30/class/elv-9", "t-48/class/vik-9"),
    *("t-19/class/berg-8", "t-29/class/dal-8", "t-39/class/elv-8", "t-49/class/fjord-8"),
)
YEAR = {
    "nobody has a role": Fact(),
    "set up by hand": Fact(BY_HAND),
    "taken over": Fact(runs=("anna done",)),
    "a mentor for Elv 9 is reviewed": wanting("add mentor/t-39", "add mentor/t-39/class/elv-9"),
    "Elv 9 has a mentor": Fact({"t-39": "39*"}, ("pipeline done 2 succeeded",)),
    "a cover is reviewed": wanting("add mentor/t-20", "add mentor/t-20/class/dal-8"),
    "somebody covers": Fact({"t-20": "28*"}, ("pipeline done 2 succeeded",)),
    "support is reviewed": wanting(
        "add mentor/t-10/learner/s-192", "add mentor/t-40", "add mentor/t-40/learner/s-481"
    ),
    "others were at work": wanting(
        *OTHERS_DID,
        sees={"t-10": "192", "t-40": "481", "t-18": "18* 19*"},
        runs=("pipeline done 1 already 2 succeeded",),
    ),
    "drift is found": wanting(*OTHERS_DID),
    "the answer to the drift is reviewed": wanting("remove mentor/t-18/class/berg-9"),
    "nothing is adrift": Fact({"t-18": "18*"}, ("pipeline done 1 succeeded",)),
    "a child would have no mentor": wanting(
        "remove mentor/t-39/class/elv-9", "remove mentor/t-39", refused=True
    ),
    "the pull request is closed": Fact(),
    "a night with half a file": Fact(refused=True),
    "half a file is refused": Fact(refused=True),
    "the file is whole": Fact(),
    "support in spring is reviewed": wanting(
        "remove mentor/t-20/class/dal-8",
        "add mentor/t-20/learner/s-281",
        "add mentor/t-30",
        "add mentor/t-30/learner/s-381",
    ),
    "a pipeline is killed": wanting(
        "remove mentor/t-20/class/dal-8",
        "add mentor/t-20/learner/s-281",
        "add mentor/t-30/learner/s-381",
        runs=("pipeline killed 3 open 1 unknown",),
        unclaimed=1,
    ),
    "it is run again": Fact(
        {"t-20": "281", "t-30": "381"},
        ("pipeline done 3 succeeded",),
        corrects="pipeline killed 3 open 1 succeeded",
    ),
    "a mistake is reviewed": wanting("add mentor/t-10/class/fjord-8"),
    "a mistake is merged": Fact({"t-10": "192 48*"}, ("pipeline done 1 succeeded",)),
    "it is rolled back": wanting(
        "add mentor/t-10/class/fjord-8", sees={"t-10": "192"}, runs=("anna done 1 succeeded",)
    ),
    "the manifest follows": Fact(),
    "the school system knows who leaves": wanting(
        "remove mentor/t-38/class/elv-8",
        "remove mentor/t-38",
        "add mentor/t-30/class/elv-8",
        sees={"t-38": ""},
    ),
    "somebody has left": Fact({"t-30": "38*"}, ("anna done 3 succeeded",)),
    "who left is forgotten": Fact(),
    "a school has split": wanting(
        "add headteacher/h-5",
        "add headteacher/h-5/school/vik",
        "add mentor/t-49/class/vik-9",
        "remove mentor/t-49/class/fjord-9",
    ),
    "the move is reviewed": wanting("add headteacher/h-5", "add headteacher/h-5/school/vik"),
    "the new school has its headteacher": Fact({"h-5": "49*"}, ("pipeline done 2 succeeded",)),
    "another language is reviewed": wanting(
        "change label/mentor/tool_name",
        "change label/mentor/role_name",
        "add mentor/t-49/class/vik-9",
        "remove mentor/t-49/class/fjord-9",
        sees={"h-4": "48*", "t-49": ""},
    ),
    "the platform speaks it": Fact({"t-49": "49*"}, ("pipeline done 4 succeeded",)),
    "grants are over": wanting(*LATE, refused=True),
    "what was over is gone": Fact(
        dict.fromkeys(("t-10", "t-20", "t-40"), ""), ("anna done 4 succeeded RR501",)
    ),
    "the next year is in the table": Fact(),
    "the new year is planned": Fact(),
    "the learners have changed classes": wanting(
        *(f"add mentor/{each}" for each in SWAPPED),
        *(f"remove mentor/{each}" for each in OF_LAST_YEAR),
        refused=True,
        sees={
            **{f"h-{school}": f"{school}7* {school}8*" for school in (1, 2, 3)},
            "h-4": "47*",
            "h-5": "48*",
            **{f"t-{school}9": f"{school}8*" for school in (1, 2, 3, 4)},
            **{f"t-{school}8": f"{school}7*" for school in (1, 2, 4)},
            "t-30": "37*",
        },
    ),
    "the new year has begun": Fact(
        {
            **{f"t-{school}9": f"{school}7*" for school in (1, 2, 3, 4)},
            **{f"t-{school}8": f"{school}8*" for school in (1, 2, 4)},
            "t-30": "38*",
        },
        ("anna done 4 succeeded RR501",) * 3 + ("anna done 2 succeeded",) * 2,
    ),
}
"""What the story says, point by point."""

WRITES = re.compile(r"reconciler (apply|rollback|history forget) ")
CHANGING = ("<by hand>", "<directory>", "<clock>", "<written>", "merge", "night", "again")
"""What the page has somebody do that is looked at before it goes on; a review changes nothing."""


class Checker:
    """Looks at each point of the page whether everything is as the story has it."""

    def __init__(self, site: Sandbox, office: Office, calendar: Calendar) -> None:
        self.site = site
        self.office = office
        self.calendar = calendar
        names = [each["name"] for each in site.items("people")]
        self.desk = Desk(office.folder, site, names=names)
        self.desk.environment |= office.kept
        self.sees: dict[str, str] = {}
        self.runs: list[str] = []
        self.claimed: dict[str, list[Effect]] = {}

    def check(self, what: str) -> Sequence[str]:
        fact = YEAR[what]
        self.check_sight(what, fact)
        if (self.desk.directory / "roles.yaml").exists():
            self.check_history(what, fact)
            done = self.desk.run(
                *("plan", "roles.yaml", "--format", "json"), expect=4 if fact.refused else 0
            )
            told = done.json("plan")
            left = {f"{each['verb']} {each['name']}" for each in told["actions"]}
            assert left == fact.open, what
        if what in ("somebody has left", "who left is forgotten"):
            assert self.keeps("t-38") is (what == "somebody has left"), what
        return ()

    def check_sight(self, what: str, fact: Fact) -> None:
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
        assert who_sees(collections, self.calendar.day) == expected, what

    def check_history(self, what: str, fact: Fact) -> None:
        """The journal has the runs of the story, on their days, and claims what the site tells."""
        told = self.desk.run("history", "--limit", "1000", "--format", "json").json("history")
        if fact.corrects:
            self.runs[-1] = fact.corrects
        self.runs += fact.runs
        assert [_told(each) for each in reversed(told["runs"])] == self.runs, what
        for each in told["runs"][: len(fact.runs)]:
            assert each["began_at"][:10] == self.calendar.day, what
        for each in told["runs"]:
            if each["run"] not in self.claimed or each["status"] == "killed":
                shown = self.desk.run("history", "show", each["run"], "--format", "json").json(
                    "run"
                )
                found = [_effect(action) for action in shown["actions"] if action["revision"]]
                self.claimed[each["run"]] = found
        ours = self.site.client("main")["client_id"]
        events = [_effect(each) for each in self.site.events() if each["actor"] == ours]
        claimed = sorted(chain(*self.claimed.values()))
        assert claimed == events[: len(events) - fact.unclaimed], what

    def keeps(self, key: str) -> bool:
        """Whether a file of the journal has a key; the copy of the site has whom the site has."""
        kept = [each for each in (self.office.temp / "state").rglob("*") if each.is_file()]
        return any(key.encode() in each.read_bytes() for each in kept)


Effect = tuple[int, str, str]
"""The revision, the verb, and the address in ids."""


def _effect(of: Mapping[str, Any]) -> Effect:
    return of["revision"], of["verb"], of["address"]


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
    calendar.turn_to("2026-08-03 08:00")
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
        doing["<checked>"] = checker.check
        try:
            for difference in run_parts(PAGE, parts(PAGE.read_text("utf-8")), shell, doing):
                pytest.fail(difference)  # what follows rests on it
        finally:
            shell.close()


def test_every_step_is_checked_and_has_its_facts():
    unseen: Part | None = None
    checked = []
    for part in parts(PAGE.read_text(encoding="utf-8")):
        doing = part.text.partition(",")[0] if part.kind == "<pipeline>" else part.kind
        if part.kind == "console" and WRITES.search(part.text):
            doing = "<written>"
        if part.kind == "<checked>":
            checked.append(part.text)
            unseen = None
        elif doing in CHANGING:
            # Time may pass within a step, and somebody may do one thing by hand after another.
            by_hand = unseen and unseen.kind == part.kind == "<by hand>"
            same = by_hand or (unseen and "<clock>" in (unseen.kind, part.kind))
            assert unseen is None or same, f"line {unseen.line} is not checked before {part.line}"
            unseen = part if part.kind != "<clock>" else unseen or part
    assert unseen is None
    assert checked == list(YEAR)
