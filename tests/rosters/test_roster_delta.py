"""Exports of changes only: refused by themselves, and read together with the whole export."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.problems import InvalidRoster

Files = dict[str, str]
HEADING = (
    "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,"
    "beginDate,endDate"
)
MANIFEST = """\
propertyName,value
manifest.version,1.0
oneroster.version,1.1
file.orgs,absent
file.users,absent
file.classes,absent
file.enrollments,delta
"""
CHANGES = f"""\
{HEADING}
e1,tobedeleted,,c1,s1,t1,teacher,true,,
e3,active,,c1,s1,u2,student,true,,
e9,active,,c2,s2,t1,teacher,false,,
"""


@pytest.fixture
def both(v1_1: Files, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    def write(**changes: str) -> tuple[Path, Path]:
        delta = {"manifest": MANIFEST, "enrollments": CHANGES, **changes}
        for folder, files in (
            ("base", v1_1),
            ("delta", {f"{name}.csv": text for name, text in delta.items()}),
        ):
            (tmp_path / folder).mkdir()
            for name, text in files.items():
                (tmp_path / folder / name).write_text(text, encoding="utf-8")
        return tmp_path / "delta", tmp_path / "base"

    return write


def codes(delta: Path, base: Path | None) -> list[tuple[str, str, int]]:
    with pytest.raises(InvalidRoster) as caught:
        read_bundle(delta, base)
    return [(each.code, each.file, each.row) for each in caught.value.problems]


def test_a_delta_without_its_base_is_refused(both):
    delta, _ = both()
    found = codes(delta, None)
    assert {code for code, _, _ in found} == {"RR303"}
    assert len(found) == 4, "three files are absent, and one holds changes only"


def test_changes_take_the_place_of_rows_with_the_same_id(both):
    delta, base = both()
    whole, roster = read_bundle(base), read_bundle(delta, base)
    assert [(each.unit, each.person, each.file, each.row) for each in roster.memberships] == [
        ("c1", "u1", "base enrollments.csv", 3),
        ("c1", "u2", "enrollments.csv", 3),
        ("c2", "t1", "enrollments.csv", 4),
    ]
    assert [each.sourced_id for each in roster.people] == [
        each.sourced_id for each in whole.people
    ], "what is absent has not changed"


def test_a_file_that_is_whole_takes_the_place_of_the_other(both):
    manifest = MANIFEST.replace("enrollments,delta", "enrollments,bulk")
    delta, base = both(manifest=manifest)
    found = [(each.person, each.file) for each in read_bundle(delta, base).memberships]
    assert found == [("u2", "enrollments.csv"), ("t1", "enrollments.csv")]


def test_changes_of_nothing_change_nothing_and_a_whole_file_of_nothing_is_a_mistake(both):
    delta, base = both(enrollments=f"{HEADING}\n")
    assert len(read_bundle(delta, base).memberships) == len(read_bundle(base).memberships)
    whole = MANIFEST.replace("enrollments,delta", "enrollments,bulk")
    (delta / "manifest.csv").write_text(whole, encoding="utf-8")
    assert codes(delta, base) == [("RR314", "enrollments.csv", 0)]


def test_mistakes_say_in_which_of_the_two_they_are(both):
    changes = f"{HEADING}\ne9,active,,c9,s2,t1,teacher,false,,\ne9,active,,c2,s2,t1,teacher,,,\n"
    delta, base = both(enrollments=changes)
    users = base / "users.csv"
    users.write_text(users.read_text(encoding="utf-8").replace("u2,,,false", "u2,,,maybe"))
    assert codes(delta, base) == [
        ("RR313", "base users.csv", 5),
        ("RR310", "enrollments.csv", 2),
        ("RR309", "enrollments.csv", 3),
    ]


def test_both_have_to_be_of_one_version_and_the_base_whole(both):
    delta, base = both(manifest=MANIFEST.replace("version,1.1", "version,1.2"))
    assert codes(delta, base)[0][0] == "RR302"
    (delta / "manifest.csv").write_text(MANIFEST, encoding="utf-8")
    assert {code for code, _, _ in codes(base, delta)} == {"RR303"}
