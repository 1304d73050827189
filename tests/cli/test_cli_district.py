"""A whole district that a third-party generator wrote, from OneRoster to repaired drift."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandboxes import Desk, Done, Sandbox, running

Rows = list[dict[str, str]]


def table(bundle: Path, name: str) -> Rows:
    with zipfile.ZipFile(bundle) as files:
        text = files.read(f"{name}.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def mentors_and_headteachers(bundle: Path) -> dict[str, Any]:
    """Each class's primary teacher is its mentor, one teacher per school its headteacher."""
    enrolments = table(bundle, "enrollments")
    teaching = [row for row in enrolments if row["role"] == "teacher" and row["primary"] == "true"]
    classes: dict[str, list[str]] = {}
    heads: dict[str, str] = {}
    for row in teaching:
        classes.setdefault(row["userSourcedId"], []).append(row["classSourcedId"])
        heads.setdefault(row["schoolSourcedId"], row["userSourcedId"])
    schools: dict[str, list[str]] = {}
    for school, person in heads.items():
        schools.setdefault(person, []).append(school)
    return {
        "roles": {role: {"profiles": ["Staff"]} for role in ("mentor", "headteacher")},
        "labels": {"mentor": {"tool_name": "My learners"}},
        "mentors": [{"person": who, "classes": own} for who, own in sorted(classes.items())],
        "headteachers": [{"person": who, "schools": own} for who, own in sorted(schools.items())],
    }


def review(desk: Desk, *arguments: str) -> Done:
    return desk.run("review", "roles.yaml", *arguments)


@pytest.fixture
def district(tmp_path: Path, district_zip: Path) -> Iterator[Sandbox]:
    with running(tmp_path, "--seed", str(district_zip)) as site:
        yield site


def test_a_district_is_planned_applied_drifts_and_is_repaired(
    tmp_path: Path, district: Sandbox, district_zip: Path
):
    names = (f"{row['givenName']} {row['familyName']}" for row in table(district_zip, "users"))
    desk = Desk(tmp_path, district, names=names)
    wanted = mentors_and_headteachers(district_zip)
    assert sum(len(entry["classes"]) for entry in wanted["mentors"]) == 60
    assert sum(len(entry["schools"]) for entry in wanted["headteachers"]) == 6
    site = district.call("GET", "site")["id"]
    desk.write({"version": 1, "site": site, **wanted})

    desk.run("validate", "roles.yaml", "--online")
    counts = review(desk, "--format", "json").json("review")["counts"]
    assert counts["class_without_mentor"] == 60
    assert counts["school_without_headteacher"] == 6
    told = review(desk).out
    listed = [entry["classes"] for entry in wanted["mentors"]]
    listed += [entry["schools"] for entry in wanted["headteachers"]]
    for unit in (unit for units in listed for unit in units):
        assert f"  {unit}  " in told
    planned = desk.run("plan", "roles.yaml", "--out", "plan.json", "--format", "json").json("plan")
    people = len(wanted["mentors"]) + len(wanted["headteachers"])
    assert len(planned["actions"]) == 60 + 6 + people + 2 + 1
    assert all(change["gained"] and not change["lost"] for change in planned["access"])
    applied = desk.run("apply", "plan.json", "--format", "json").json("apply")
    assert applied["counts"] == {"succeeded": len(planned["actions"])}
    declared = {
        *(f"mentor/{e['person']}/class/{unit}" for e in wanted["mentors"] for unit in e["classes"]),
        *(
            f"headteacher/{e['person']}/school/{unit}"
            for e in wanted["headteachers"]
            for unit in e["schools"]
        ),
    }
    assert district.assignments() == declared
    desk.run("plan", "roles.yaml", "--detailed-exitcode")
    desk.run("drift", "roles.yaml")
    assert review(desk, "--fail-on", "warning").out.splitlines()[1] == "Nothing was found."

    first, second = wanted["mentors"][:2]
    removed = f"mentor/{first['person']}/class/{first['classes'][0]}"
    added = f"mentor/{second['person']}/class/{first['classes'][0]}"
    district.unassign(removed)
    district.assign(added)
    district.call("PATCH", "labels", "mentor", json={"tool_name": "Elever"})
    drifted = desk.run("drift", "roles.yaml", "--format", "json", expect=2).json("drift")
    assert {each["name"]: (each["verb"], each["by"]) for each in drifted["drifted"]} == {
        removed: ("add", "other"),
        added: ("remove", "other"),
        "label/mentor/tool_name": ("change", "other"),
    }
    assert drifted["pending"] == []

    assert "3 succeeded" in desk.run("apply", "roles.yaml", "--yes").out
    assert district.assignments() == declared
    desk.run("drift", "roles.yaml")
    desk.run("export", "--out", "exported.yaml")
    desk.run("validate", "exported.yaml", "--online")
    desk.run("plan", "exported.yaml", "--detailed-exitcode")


def test_an_enrolment_in_no_class_is_refused_with_its_row(tmp_path: Path, district_zip: Path):
    folder = tmp_path / "district"
    shutil.unpack_archive(district_zip, folder)
    path = folder / "enrollments.csv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    number = 4711
    cells = rows[number - 1].split(",")
    cells[3] = "no-such-class"
    rows[number - 1] = ",".join(cells)
    path.write_text("".join(rows), encoding="utf-8")
    done = Desk(tmp_path).run("sandbox", "--seed", "district", expect=1)
    assert done.err.startswith("Error: the seed district ")
    assert f"enrollments.csv row {number}, classSourcedId" in done.err
    assert "no-such-class" in done.err
