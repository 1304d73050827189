"""Plain CSV files: what their columns mean, and every mistake with its place."""

from datetime import date
from pathlib import Path

import pytest

from reconciler.domain.roster import RosterRole, RosterUnitKind
from reconciler.domain.yes_and_no import NO, YES
from reconciler.rosters.plain_csv import read_plain_csv
from reconciler.rosters.problems import InvalidRoster

COLUMNS = {"unit": "Class", "person": "Who"}
ALL = {**COLUMNS, "role": "Role", "primary": "Main", "kind": "Kind", "class_type": "Type",
       "grade": "Grade", "from": "From", "until": "Until"}  # fmt: skip
HEADING = "Class,Who,Role,Main,Kind,Type,Grade,From,Until"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("word", sorted(YES | NO))
def test_yes_and_no_are_understood_as_schools_write_them(tmp_path: Path, word: str):
    """The page lists the words; the forms of sites without an API have the same."""
    text = f"{HEADING}\n8a,t-1,,{word.upper()},,homeroom,,,\n"
    (teacher,) = read_plain_csv(written(tmp_path, text), ALL).memberships
    assert teacher.primary is (word in YES)
    page = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
    (row,) = [each for each in page.splitlines() if "columns.primary`" in each]
    yes, no = row.split("; or ")
    assert not word or f"`{word}`" in (yes if word in YES else no)


def test_a_row_says_who_is_what_in_which_unit(tmp_path: Path):
    text = f"""{HEADING}
8a,t-1,,yes,,homeroom,"8, 9",2026-08-17,2027-06-18
8a,s-1,Student,,,HOMEROOM,"09,08",,
skole,t-2,principal,,school,,,,
"""
    roster = read_plain_csv(written(tmp_path, text), ALL)
    (teacher, learner), (head,) = roster.memberships, roster.affiliations
    assert (teacher.unit, teacher.person, teacher.role) == ("8a", "t-1", RosterRole.TEACHER)
    assert (teacher.primary, teacher.begin) == (True, date(2026, 8, 17))
    assert teacher.end == date(2027, 6, 19), "the last day is included"
    assert (teacher.file, teacher.row) == ("table.csv", 2)
    assert (learner.role, learner.primary) == (RosterRole.STUDENT, False)
    assert (head.unit, head.role) == ("skole", RosterRole.PRINCIPAL)
    class_, school = roster.units
    assert (class_.kind, class_.class_type, class_.grades) == (
        RosterUnitKind.CLASS,
        "homeroom",
        ("8", "9"),
    )
    assert school.kind is RosterUnitKind.SCHOOL
    assert [each.sourced_id for each in roster.people] == ["t-1", "s-1", "t-2"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_columns_are_parted_by_what_the_heading_has_most_of(tmp_path, mark, start):
    text = f"{start}Who{mark}More{mark}Class\nt-1{mark}x{mark}8a\n"
    roster = read_plain_csv(written(tmp_path, text), COLUMNS)
    assert [(each.person, each.unit) for each in roster.memberships] == [("t-1", "8a")]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("8a,,,,,,,,", ("RR308", 2, "Who", None)),
        (",t-1,,,,,,,", ("RR308", 2, "Class", None)),
        ("8a,t-1,tutor,,,,,,", ("RR313", 2, "Role", None)),
        ("8a,t-1,,maybe,,,,,", ("RR313", 2, "Main", None)),
        ("8a,t-1,,,room,,,,", ("RR313", 2, "Kind", None)),
        ("8a,t-1,,,,,,17.8.2026,", ("RR312", 2, "From", None)),
        ("8a,t-1,,,,,,2026-W34-1,", ("RR312", 2, "From", None)),
        ("8a,t-1,,,,,,2026-08-17,2026-08-16", ("RR312", 2, "Until", None)),
        ("8a,t-1,,,,,,,\n8a,t-2,,,school,,,,", ("RR309", 3, "Kind", "8a")),
        ("8a,t-1,,,,homeroom,,,\n8a,t-2,,,,scheduled,,,", ("RR309", 3, "Type", "8a")),
        ("8a,t-1,,,,,,,\n8a,t-2,,,,,8,,\n8a,t-3,,,,,9,,", ("RR309", 4, "Grade", "8a")),
        ("8a,t-1", ("RR306", 2, "", None)),
        ("", ("RR314", 0, "", None)),
    ],
)
def test_each_mistake_has_its_place(tmp_path, row, problem):
    with pytest.raises(InvalidRoster) as caught:
        read_plain_csv(written(tmp_path, f"{HEADING}\n{row}\n"), ALL)
    found = [(each.code, each.row, each.column, each.value) for each in caught.value.problems]
    assert found == [problem]


def test_what_one_row_leaves_empty_another_says(tmp_path: Path):
    text = f"{HEADING}\n8a,t-1,,,,,,,\n8a,t-2,,,,homeroom,,,\n8a,t-3,,,,,8,,\n8a,t-4,,,,,,,\n"
    (unit,) = read_plain_csv(written(tmp_path, text), ALL).units
    assert (unit.class_type, unit.grades, unit.row) == ("homeroom", ("8",), 2)


def test_a_file_that_is_not_there_or_lacks_a_column_is_no_empty_school(tmp_path):
    with pytest.raises(InvalidRoster, match="RR316"):
        read_plain_csv(tmp_path / "none.csv", COLUMNS)
    with pytest.raises(InvalidRoster, match="RR307"):
        read_plain_csv(written(tmp_path, "Class,Teacher\n8a,t-1\n"), COLUMNS)
    with pytest.raises(InvalidRoster, match="Main: RR307: the column is missing; 'Mian'"):
        read_plain_csv(
            written(tmp_path, "Class,Who,Mian\n8a,t-1,yes\n"), {**COLUMNS, "primary": "Main"}
        )
