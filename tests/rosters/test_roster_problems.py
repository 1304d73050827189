"""Bundles with mistakes: each is named with its file and row, all together, and without names."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.codes import CODES, Severity
from reconciler.errors import ExitCode
from reconciler.rosters import bundle as bundle_module
from reconciler.rosters.ims_enterprise import read_enterprise
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.plain_csv import read_plain_csv
from reconciler.rosters.problems import InvalidRoster


def problems_of(path):
    with pytest.raises(InvalidRoster) as caught:
        read_bundle(path)
    assert caught.value.exit_code is ExitCode.FAILED
    assert "Hemmelig" not in str(caught.value), "no learner's name in a message"
    return caught.value.problems


def places_of(path):
    return [(each.code, each.file, each.row, each.column) for each in problems_of(path)]


# file, what is replaced, by what, then the one problem: code, row, column, value
SPOILT = {
    "enrolment in an unknown class": (
        ("enrollments.csv", "e2,,,c1", "e2,,,c9"),
        ("RR310", 3, "classSourcedId", "c9"),
    ),
    "enrolment of an unknown user": (
        ("enrollments.csv", "u1,student", "u9,student"),
        ("RR310", 3, "userSourcedId", "u9"),
    ),
    "enrolment at an unknown school": (
        ("enrollments.csv", "c1,s1,u1", "c1,s9,u1"),
        ("RR310", 3, "schoolSourcedId", "s9"),
    ),
    "class at an unknown school": (
        ("classes.csv", "homeroom,s1", "homeroom,s9"),
        ("RR310", 2, "schoolSourcedId", "s9"),
    ),
    "user of an unknown school": (
        ("users.csv", '"s1,s2"', '"s1,s9"'),
        ("RR310", 2, "orgSourcedIds", "s9"),
    ),
    "unknown parent": (("orgs.csv", "N1,d1", "N1,d9"), ("RR310", 3, "parentSourcedId", "d9")),
    "its own parent": (("orgs.csv", "N1,d1", "N1,s1"), ("RR311", 3, "parentSourcedId", "s1")),
    "two ids alike": (("users.csv", "u2,,", "u1,,"), ("RR309", 5, "sourcedId", "u1")),
    "a class with a school's id": (
        ("classes.csv", "c2,,", "s1,,"),
        ("RR309", 3, "sourcedId", "s1"),
    ),
    "no role": (("users.csv", "student,liv", ",liv"), ("RR308", 4, "role", None)),
    "a day that is not": (
        ("enrollments.csv", "2027-07-31", "2027-06-31"),
        ("RR312", 2, "endDate", None),
    ),
    "a week date": (
        ("enrollments.csv", "2027-07-31", "2027-W10-1"),
        ("RR312", 2, "endDate", None),
    ),
    "an end before its beginning": (
        ("enrollments.csv", "2027-07-31", "2025-07-31"),
        ("RR312", 2, "endDate", None),
    ),
    "an unknown role": (
        ("enrollments.csv", "u1,student", "u1,pupil"),
        ("RR313", 3, "role", "pupil"),
    ),
    "an unknown kind of organisation": (
        ("orgs.csv", "Sørby skole,school", "Sørby skole,skole"),
        ("RR313", 4, "type", "skole"),
    ),
    "an unknown type of class": (
        ("classes.csv", "homeroom", "homerom"),
        ("RR313", 2, "classType", "homerom"),
    ),
    "an unknown status": (("users.csv", "u2,,", "u2,gone,"), ("RR313", 5, "status", None)),
    "neither true nor false": (
        ("users.csv", "t1,,,true", "t1,,,yes"),
        ("RR313", 2, "enabledUser", None),
    ),
    "a short row": (("users.csv", "u2,,,false", "u2,,false"), ("RR306", 5, "", None)),
    "a broken quote": (("users.csv", "Ola,", '"Ola" x,'), ("RR305", 3, "", None)),
    "a column twice": (
        ("orgs.csv", "status,", "name,"),
        ("RR307", 1, "name", None),
    ),
    "no such column": (("orgs.csv", "name,", "navn,"), ("RR307", 1, "name", None)),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_mistake_is_named_with_its_place(case, v1_1, write_folder):
    (file, old, new), expected = SPOILT[case]
    assert v1_1[file].count(old) >= 1, "the case no longer fits the bundle"
    v1_1[file] = v1_1[file].replace(old, new, 1)
    found = problems_of(write_folder(v1_1))
    first = next(each for each in found if each.file == file)
    assert (first.code, first.row, first.column, first.value) == expected
    assert str(first).startswith(f"{file} row {expected[1]}")


def test_a_missing_column_is_told_with_the_one_that_is_near(v1_1, write_folder):
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("schoolSourcedId", "school_sourced_id")
    first, *_ = (each for each in problems_of(write_folder(v1_1)) if each.file == "classes.csv")
    assert first.message == "the column is missing; 'school_sourced_id' may be meant as it"


def test_no_name_is_suggested_where_a_heading_is_missing(v1_1, write_folder):
    v1_1["users.csv"] = "u1,,,true,s1,student,Hemmelig,familyHemmelig,usernameHemmelig,,\n"
    assert {each[0] for each in places_of(write_folder(v1_1))} == {"RR307"}


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("name", ["manifest.csv", "classes.csv"])
def test_columns_that_are_parted_otherwise_are_one_problem(v1_1, write_folder, mark, name):
    v1_1[name] = v1_1[name].replace(",", mark)
    (problem,) = (each for each in problems_of(write_folder(v1_1)) if each.file == name)
    assert (problem.code, problem.row) == ("RR307", 1)
    assert problem.message == f"the columns are parted by {mark!r} instead of ','"


def test_the_real_district_with_one_enrolment_in_no_class_is_refused(district_zip, tmp_path):
    with zipfile.ZipFile(district_zip) as archive:
        archive.extractall(tmp_path)
    path = next(tmp_path.rglob("enrollments.csv"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    cells = lines[4999].split(",")
    cells[3] = "no-such-class"
    lines[4999] = ",".join(cells)
    path.write_text("".join(lines), encoding="utf-8", newline="")
    (problem,) = problems_of(path.parent)
    assert (problem.file, problem.row, problem.value) == ("enrollments.csv", 5000, "no-such-class")
    assert "enrollments.csv row 5000, classSourcedId" in str(problem)


def test_all_mistakes_are_reported_together_and_in_order(v1_1, write_folder):
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("N1,d1", "N1,d9")
    v1_1["users.csv"] = v1_1["users.csv"].replace("true", "yes")
    v1_1["enrollments.csv"] = v1_1["enrollments.csv"].replace("c1", "c9")
    assert places_of(write_folder(v1_1)) == [
        ("RR310", "orgs.csv", 3, "parentSourcedId"),
        ("RR313", "users.csv", 2, "enabledUser"),
        ("RR313", "users.csv", 3, "enabledUser"),
        ("RR313", "users.csv", 4, "enabledUser"),
        ("RR310", "enrollments.csv", 2, "classSourcedId"),
        ("RR310", "enrollments.csv", 3, "classSourcedId"),
    ]


def test_a_cycle_is_found_from_outside_it(v1_1, write_folder):
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("district,,", "district,,s1")
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("N1,d1", "N1,s2").replace("N2,d1", "N2,s1")
    assert places_of(write_folder(v1_1)) == [("RR311", "orgs.csv", 3, "parentSourcedId")]


def test_a_row_with_a_mistake_does_not_spoil_the_references_to_it(v1_1, write_folder):
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("c1,,,8A", "c1,,,")
    assert places_of(write_folder(v1_1)) == [("RR308", "classes.csv", 2, "title")]


def test_a_reference_to_a_row_that_goes_is_said_so(v1_1, write_folder):
    v1_1["orgs.csv"] = v1_1["orgs.csv"].replace("s2,,", "s2,tobedeleted,")
    v1_1["enrollments.csv"] = v1_1["enrollments.csv"].replace("c2,s2,u2", "c1,s1,u1")
    (problem,) = problems_of(write_folder(v1_1))
    assert "tobedeleted" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("file.users,bulk", "file.users,delta", "RR303"),
        ("file.users,bulk", "file.users,absent", "RR303"),
        ("file.users,bulk\n", "", "RR303"),
        ("file.demographics,absent", "file.demographics,bulk", "RR303"),
        ("file.demographics,absent", "file.demographics,some", "RR313"),
        ("oneroster.version,1.1", "oneroster.version,1.0", "RR302"),
        ("oneroster.version,1.1\n", "", "RR302"),
        ("file.orgs,bulk", "file.orgs,bulk\nfile.orgs,absent", "RR309"),
        ("propertyName", "property", "RR307"),
    ],
)
def test_only_complete_exports_are_read(v1_1, write_folder, old, new, code):
    assert old in v1_1["manifest.csv"]
    v1_1["manifest.csv"] = v1_1["manifest.csv"].replace(old, new)
    (problem,) = problems_of(write_folder(v1_1))
    assert (problem.code, problem.file) == (code, "manifest.csv")


def test_a_bundle_without_a_manifest_or_a_promised_file(v1_1, write_folder, tmp_path):
    folder = write_folder(v1_1)
    (folder / "classes.csv").unlink()
    assert places_of(folder) == [("RR303", "manifest.csv", 6, "file.classes")]
    (folder / "manifest.csv").unlink()
    assert [place[0] for place in places_of(folder)] == ["RR302"]


def test_text_that_is_not_utf_8_is_placed(v1_1, write_folder):
    spoilt = v1_1 | {"orgs.csv": v1_1["orgs.csv"].encode("latin-1")}
    assert places_of(write_folder(spoilt)) == [("RR304", "orgs.csv", 4, "")]


def test_1_2_roles_are_checked(v1_2, write_folder):
    v1_2["roles.csv"] = (
        v1_2["roles.csv"]
        .replace("u2,primary", "u1,primary")
        .replace("r5,,,u1,primary", "r5,,,u1,main")
        .replace("p1,primary,guardian,s1", "p9,primary,guardian,s9")
    )
    assert places_of(write_folder(v1_2)) == [
        ("RR310", "roles.csv", 5, "userSourcedId"),
        ("RR310", "roles.csv", 5, "orgSourcedId"),
        ("RR313", "roles.csv", 6, "roleType"),
    ]


def test_1_2_without_any_role_is_no_roster(v1_2, write_folder):
    v1_2["roles.csv"] = v1_2["roles.csv"].partition("\n")[0] + "\n"
    assert places_of(write_folder(v1_2)) == [("RR308", "roles.csv", 0, "")]


def test_a_word_is_told_with_those_that_the_format_has(v1_1, write_folder):
    v1_1["classes.csv"] = v1_1["classes.csv"].replace("homeroom", "klasse")
    (problem,) = problems_of(write_folder(v1_1))
    assert str(problem) == (
        "classes.csv row 2, classType: RR313: the value is none of homeroom, scheduled and ext:…: "
        "'klasse'"
    )


def test_a_name_in_the_place_of_a_word_is_not_told(v1_1, write_folder):
    shifted = 't1,,,true,"s1,s2",teacher,kari,Kari,Hemmelig,'
    assert shifted in v1_1["users.csv"]
    v1_1["users.csv"] = v1_1["users.csv"].replace(shifted, "t1,Hemmelig,,Hemmelig,s1,,kari,Kari,X,")
    assert {each.value for each in problems_of(write_folder(v1_1))} == {None}


@pytest.mark.parametrize("name", ["orgs", "users", "classes", "enrollments"])
def test_a_heading_alone_is_one_problem_and_no_empty_school(v1_2, write_folder, name):
    v1_2[f"{name}.csv"] = v1_2[f"{name}.csv"].partition("\n")[0] + "\n\n"
    assert places_of(write_folder(v1_2)) == [("RR314", f"{name}.csv", 0, "")]


def test_many_problems_are_kept_and_the_message_is_short(v1_1, write_folder):
    rows = "".join(f"x{n},,,c1,s1,nobody,student,,,\n" for n in range(500))
    v1_1["enrollments.csv"] += rows
    with pytest.raises(InvalidRoster, match="and 480 more") as caught:
        read_bundle(write_folder(v1_1))
    assert len(caught.value.problems) == 500


def test_every_code_has_a_case():
    whole = {"RR301", "RR302", "RR303", "RR304", "RR314", "RR316"}
    tested = {expected[0] for _, expected in SPOILT.values()} | whole
    of_rosters = {code: each for code, each in CODES.items() if code.startswith("RR3")}
    assert tested == {code for code, each in of_rosters.items() if each.severity is Severity.ERROR}


# Archives that are not to be trusted


@pytest.mark.parametrize(
    "name",
    ["../orgs.csv", "/etc/orgs.csv", "a/../../orgs.csv", "a\\..\\orgs.csv", "C:/orgs.csv"],
)
def test_a_name_that_leads_out_is_refused(v1_1, write_zip, name):
    assert [place[0] for place in places_of(write_zip(v1_1 | {name: "x"}))] == ["RR301"]


def test_a_bomb_is_refused_before_it_is_unpacked(v1_1, write_zip):
    (problem,) = problems_of(write_zip(v1_1 | {"users.csv": b"0" * (2 * 1024 * 1024)}))
    assert "to 1" in problem.message


def test_too_much_is_refused(v1_1, write_zip, monkeypatch):
    path = write_zip(v1_1)
    monkeypatch.setattr(bundle_module, "MAX_BYTES", 512)
    assert "unpacks to more" in problems_of(path)[0].message
    monkeypatch.setattr(bundle_module, "MAX_ENTRIES", 3)
    assert "entries" in problems_of(path)[0].message


def test_the_same_file_twice_is_refused(v1_1, tmp_path):
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in v1_1.items():
            archive.writestr(name, text)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("orgs.csv", v1_1["orgs.csv"])
    assert "twice" in problems_of(path)[0].message


def test_damage_inside_an_archive_is_found(v1_1, write_zip):
    path = write_zip(v1_1)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("users.csv").header_offset + 30 + len("users.csv")
    data = bytearray(path.read_bytes())
    data[start + 20 : start + 40] = bytes(20)
    path.write_bytes(data)
    assert ("RR301", "users.csv") in [(each.code, each.file) for each in problems_of(path)]


def test_an_encrypted_entry_is_refused(v1_1, write_zip):
    path = write_zip(v1_1)
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in problems_of(path)[0].message


def test_what_is_no_bundle_at_all(tmp_path):
    text = tmp_path / "roster.zip"
    text.write_text("not an archive")
    assert "zip" in problems_of(text)[0].message


READERS: dict[str, Callable[[Path], object]] = {
    "oneroster-csv": read_bundle,
    "ims-enterprise": read_enterprise,
    "csv": lambda path: read_plain_csv(path, {"unit": "Klasse", "person": "Lærer"}),
}


@pytest.mark.parametrize("wanted", READERS)
@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("a .csv file", ("csv",)),
        ("a .xml file", ("ims-enterprise",)),
        ("a zip archive", ("oneroster-csv", "ims-enterprise")),
        ("a folder", ("oneroster-csv",)),
    ],
)
def test_a_roster_of_another_type_is_told_which(tmp_path, wanted, name, types):
    path = tmp_path / {"a .csv file": "t.csv", "a .xml file": "e.XML"}.get(name, "export")
    match name:
        case "a folder":
            path.mkdir()
        case "a zip archive":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.txt", "x")
        case _:
            path.write_text("Klasse,Nå\n", encoding="utf-8")
    with pytest.raises(InvalidRoster) as invalid:
        READERS[wanted](path)
    told = f"{name} is no roster of the type {wanted}; its type may be {' or '.join(types)}"
    found = [each.message for each in invalid.value.problems if each.code == "RR316"]
    assert found == ([] if wanted in types else [told])


@pytest.mark.parametrize("wanted", READERS)
def test_a_path_that_leads_nowhere_is_told_as_that(tmp_path, wanted):
    with pytest.raises(InvalidRoster) as invalid:
        READERS[wanted](tmp_path / "none.csv")
    (found,) = invalid.value.problems
    assert (found.code, found.message) == ("RR316", "there is no such file or folder")


@pytest.mark.parametrize("wanted", READERS)
def test_a_pipe_is_neither_a_file_nor_a_folder(tmp_path, wanted):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRoster) as invalid:
        READERS[wanted](tmp_path / "pipe")
    (found,) = invalid.value.problems
    assert (found.code, found.message) == ("RR316", "it is neither a file nor a folder")
