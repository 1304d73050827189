"""Rows that are no mistake: what is made of them, told alike from files and from a service."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from school_systems import TOKEN, serving

from reconciler.credentials import Secret
from reconciler.domain.roster import Roster, RosterRole
from reconciler.rosters import oneroster_csv
from reconciler.rosters.csv_table import Row, read_rows
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.oneroster_rest import read_service
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.service import RosterService

Read = Callable[[Path, str], Roster]


def from_files(folder: Path, _version: str) -> Roster:
    return read_bundle(folder)


def from_a_service(folder: Path, version: str) -> Roster:
    with serving(folder, version) as system:
        return read_service(
            RosterService(
                url=system.url, token_url=system.url, token=Secret(TOKEN), version=version
            )
        )


BOTH = pytest.mark.parametrize("read", [from_files, from_a_service])

GOING = "with a class or user marked tobedeleted"
NO_WORD = "with a role that the format does not have"

# The version, the file, what is replaced, by what, and the one remark: fate, what, table, rows.
CASES: dict[str, tuple[str, str, str, str, tuple[str, str, str, int]]] = {
    "a user who goes": (
        *("1.1", "users.csv", "t1,,", "t1,tobedeleted,"),
        ("left out", GOING, "enrollments", 1),
    ),
    "a class that goes": (
        *("1.2", "classes.csv", "c1,,", "c1,tobedeleted,"),
        ("left out", GOING, "enrollments", 2),
    ),
    "an organisation that goes": (
        *("1.1", "orgs.csv", "s3,,", "s3,tobedeleted,"),
        ("read without them", "with organisations marked tobedeleted", "users", 1),
    ),
    "an organisation that goes in 1.2": (
        *("1.2", "orgs.csv", "s3,,", "s3,tobedeleted,"),
        ("left out", "with a user or organisation marked tobedeleted", "roles", 1),
    ),
    "nobody's agent": (
        *("1.1", "users.csv", "Liv,Hemmelig,,p1", 'Liv,Hemmelig,,"p8,p9"'),
        ("read without them", "with agents who are not in it", "users", 1),
    ),
    "an unknown role": (
        *("1.1", "users.csv", "student,", "pupil,"),
        ("read as having no role", NO_WORD, "users", 2),
    ),
    "an unknown role in 1.2": (
        *("1.2", "roles.csv", "primary,guardian", "primary,custodian"),
        ("read as having no role", NO_WORD, "roles", 1),
    ),
    "no role": (
        *("1.2", "roles.csv", "r6,,,u2,primary,student,s2,,\n", ""),
        ("read as having no role", "without any", "users", 1),
    ),
}


def with_a_third_school(files: dict[str, str]) -> dict[str, str]:
    """A school that nothing lies below, of which somebody is."""
    more = {
        "orgs.csv": files["orgs.csv"] + "s3,,,Gamle skole,school,N3,d1\n",
        "users.csv": files["users.csv"].replace("p1,,,true,s1,", 'p1,,,true,"s1,s3",'),
    }
    if "roles.csv" in files:
        more["roles.csv"] = files["roles.csv"] + "r7,,,p1,secondary,guardian,s3,,\n"
    return files | more


@pytest.mark.parametrize("case", CASES)
@BOTH
def test_what_is_no_mistake_is_told_alike(
    v1_1: Any, v1_2: Any, write_folder: Any, read: Read, case: str
):
    version, file, old, new, expected = CASES[case]
    files = with_a_third_school(v1_1 if version == "1.1" else v1_2)
    assert read(write_folder(files), version).remarks == ()
    assert old in files[file], "the case no longer fits the bundle"
    files[file] = files[file].replace(old, new)
    (remark,) = read(write_folder(files), version).remarks
    table = remark.file.removesuffix(".csv").rpartition("/")[2].rpartition(" ")[2]
    assert (remark.fate, remark.what, table, remark.rows) == expected


def test_a_remark_says_where_the_first_row_is(v1_1: Any, write_folder: Any):
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("c1,,", "c1,tobedeleted,")
    (remark,) = read_bundle(write_folder(v1_1)).remarks
    assert str(remark) == f"left out: 2 rows of enrollments.csv {GOING}; the first is row 2"
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("c1,tobedeleted,", "c1,,")
    v1_1["users.csv"] = v1_1["users.csv"].replace("u2,,", "u2,tobedeleted,")
    (remark,) = read_bundle(write_folder(v1_1)).remarks
    assert str(remark) == f"left out: 1 row of enrollments.csv {GOING}; row 4"


@BOTH
def test_who_goes_is_in_no_class_any_more(v1_1: Any, write_folder: Any, read: Read):
    v1_1["users.csv"] = v1_1["users.csv"].replace("t1,,", "t1,tobedeleted,")
    roster = read(write_folder(v1_1), "1.1")
    assert [each.person for each in roster.memberships] == ["u1", "u2"]


@BOTH
def test_who_has_no_role_is_nobody_in_particular(v1_2: Any, write_folder: Any, read: Read):
    v1_2["roles.csv"] = v1_2["roles.csv"].replace("r4,,,p1,primary,guardian,s1,,\n", "")
    people = {each.sourced_id: each for each in read(write_folder(v1_2), "1.2").people}
    assert (people["p1"].role, people["p1"].orgs) == (RosterRole.OTHER, ())


@BOTH
def test_an_account_may_be_used_where_nothing_else_is_said(
    v1_1: Any, write_folder: Any, read: Read
):
    v1_1["users.csv"] = v1_1["users.csv"].replace("u1,,,true", "u1,,,")
    roster = read(write_folder(v1_1), "1.1")
    assert {each.sourced_id: each.enabled for each in roster.people}["u1"]
    assert roster.remarks == ()


@BOTH
def test_an_unknown_role_in_an_enrolment_may_be_a_teachers(
    v1_1: Any, write_folder: Any, read: Read
):
    v1_1["enrollments.csv"] = v1_1["enrollments.csv"].replace("t1,teacher", "t1,tutor")
    with pytest.raises(InvalidRoster) as invalid:
        read(write_folder(v1_1), "1.1")
    assert [(each.code, each.column) for each in invalid.value.problems] == [("RR313", "role")]


@BOTH
def test_a_class_below_a_school_that_goes_is_a_mistake(v1_1: Any, write_folder: Any, read: Read):
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("s2,,", "s2,tobedeleted,")
    with pytest.raises(InvalidRoster) as invalid:
        read(write_folder(v1_1), "1.1")
    assert {(each.code, each.column) for each in invalid.value.problems} == {
        ("RR310", "schoolSourcedId")
    }


@pytest.mark.parametrize(
    ("heading", "near"),
    [("class_type", " and has class_type"), ("x", "")],
)
def test_a_column_that_rules_ask_for_is_missed(
    v1_1: Any, write_folder: Any, heading: str, near: str
):
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("classType", heading)
    roster = read_bundle(write_folder(v1_1))
    (remark,) = roster.remarks
    assert str(remark) == (
        f"read without classType: 2 rows of classes.csv whose heading lacks it{near}; "
        "the first is row 2"
    )
    assert len(roster.units) == 5


def test_rows_of_a_file_that_lacks_a_column_are_counted_one_by_one(
    v1_1: Any, write_folder: Any, monkeypatch: Any
):
    """A district's enrolments would take gigabytes, were they kept to be counted."""
    held = most = 0

    class Cells(tuple[str, ...]):
        def __del__(self) -> None:
            nonlocal held
            held -= 1

    def watched(*args: Any, **how: Any) -> Iterator[Row]:
        nonlocal held, most
        for number, cells in read_rows(*args, **how):
            held += 1
            most = max(most, held)
            yield number, Cells(cells)

    monkeypatch.setattr(oneroster_csv, "read_rows", watched)
    heading, *_ = v1_1["enrollments.csv"].splitlines()
    rows = "".join(f"e{number},,,c1,s1,u1,student,,,\n" for number in range(500))
    v1_1["enrollments.csv"] = f"{heading.replace('primary', 'x')}\n{rows}"
    (remark,) = read_bundle(write_folder(v1_1)).remarks
    assert (remark.fate, remark.row, remark.rows) == ("read without primary", 2, 500)
    assert most < 10
