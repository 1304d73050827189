"""The kit that readers of rosters are tested with: ours keep to it, and who does not is found."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sandboxes import ROOT

from reconciler.domain.roster import Roster
from reconciler.rosters.files import FILES, Files
from reconciler.testing import ROSTER_CHECKS, Reading

sys.path.append(str(ROOT / "examples" / "plugins" / "sqlite-site" / "src"))
from sqlite_site import class_list

CHECKS = pytest.mark.parametrize("check", ROSTER_CHECKS, ids=lambda check: check.__name__)
Check = Callable[[Reading, Path], None]

TABLE = "Class,Teacher\n8a,t-0412\n8b,t-0403\n"
COLUMNS = {"unit": "Class", "person": "Teacher"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text("8a t-0412\n8b t-0403\n8b t-0401\n")
    return path


@CHECKS
def test_oneroster_keeps_to_it(check: Check):
    check(lambda path: FILES["oneroster-csv"](Files(path)), ROOT / "examples" / "roster")


@CHECKS
def test_a_plain_table_keeps_to_it(check: Check, table: Path):
    check(lambda path: FILES["csv"](Files(path, columns=COLUMNS)), table)


@CHECKS
def test_the_example_keeps_to_it(check: Check, listed: Path):
    check(lambda path: class_list.read(Files(path)), listed)


# A reader that is wrong in one point


def dangling(path: Path) -> Roster:
    """Its classes are not there."""
    return replace(class_list.read(Files(path)), units=())


def changing() -> Reading:
    found: list[Roster] = []

    def read(path: Path) -> Roster:
        roster = class_list.read(Files(path))
        found.append(roster)
        return replace(roster, source=str(len(found)))

    return read


def empty(path: Path) -> Roster:
    """What is not there is an empty roster."""
    if path.exists():
        return class_list.read(Files(path))
    return Roster((), (), (), (), (), str(path))


def raising(path: Path) -> Roster:
    """Takes it for granted that every line has two words."""
    if not path.exists():
        return class_list.read(Files(path))
    dict(line.split() for line in path.read_text().splitlines())
    return class_list.read(Files(path))


WRONG = {
    "a_roster_holds_together": dangling,
    "a_roster_is_read_the_same_twice": changing(),
    "what_is_not_there_is_a_mistake": empty,
    "what_was_cut_off_is_read_whole_or_refused": raising,
}


@CHECKS
def test_who_does_not_keep_to_it_is_found(check: Check, listed: Path):
    with pytest.raises((AssertionError, ValueError)):
        check(WRONG[check.__name__], listed)
