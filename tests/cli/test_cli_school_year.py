"""The new school year: shown before it begins, told school by school, and applied in batches."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import Desk, Sandbox, running

SUMMER = "2040-08-01"
NEXT_YEAR = "2040-08-16"
SCHOOLS = "abc"
FILES = ("classes", "enrollments", "orgs", "users")


def rows(heading: str, *lines: str) -> str:
    return "\n".join((heading, *lines, ""))


def bundle(folder: Path) -> Path:
    """Three schools; class 8 of each becomes class 9 in summer, and a new class 8 comes.

    The teacher of class 8 goes up with it; somebody new takes the new class. Class `old` and class
    `new` of school a have the same learners all the time: the platform made one of the other.
    """
    learners = [f"s-{school}{number}" for school in SCHOOLS for number in range(1, 5)]
    teachers = [f"t-{school}{number}" for school in SCHOOLS for number in (1, 2)] + ["t-0"]
    classes = [f"{school}-{grade}" for school in SCHOOLS for grade in (8, 9)] + ["old", "new"]
    heading = "classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate"
    enrolments = []
    for school in SCHOOLS:
        old = [f"s-{school}1", f"s-{school}2"]
        new = [f"s-{school}3", f"s-{school}4"]
        now, then = f"2020-08-01,{SUMMER}", f"{SUMMER},"
        for unit, role, people, days in (
            (f"{school}-8", "student", old, now),
            (f"{school}-9", "student", old, then),
            (f"{school}-8", "student", new, then),
            (f"{school}-8", "teacher", [f"t-{school}1"], now),
            (f"{school}-9", "teacher", [f"t-{school}1"], then),
            (f"{school}-8", "teacher", [f"t-{school}2"], then),
        ):
            primary = "true" if role == "teacher" else ""
            enrolments += [f"{unit},{school},{each},{role},{primary},{days}" for each in people]
    for unit in ("old", "new"):
        enrolments += [f"{unit},a,{each},student,,2020-08-01," for each in ("s-a1", "s-b1")]
    enrolments.append("old,a,t-0,teacher,false,2020-08-01,")
    folder.mkdir()
    bulk = (f"file.{name},{'bulk' if name in FILES else 'absent'}" for name in ALL_FILES)
    texts = {
        "manifest": rows(
            "propertyName,value", "manifest.version,1.0", "oneroster.version,1.1", *bulk
        ),
        "orgs": rows(
            "sourcedId,name,type,identifier,parentSourcedId",
            "kommune,Kommune,district,,",
            *(f"{each},School {each},school,,kommune" for each in SCHOOLS),
        ),
        "classes": rows(
            "sourcedId,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
            "termSourcedIds,subjects,subjectCodes,periods",
            *(f"{each},{each},,,,homeroom,,{each[0] if '-' in each else 'a'},,,," for each in classes),
        ),
        "users": rows(
            "sourcedId,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName",
            *(f"{each},true,a,student,{each},,Elev,{each}" for each in learners),
            *(f"{each},true,a,teacher,{each},,Laerer,{each}" for each in teachers),
        ),
        "enrollments": rows(
            f"sourcedId,{heading}",
            *(f"e-{number},{each}" for number, each in enumerate(enrolments)),
        ),
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


ALL_FILES = (
    *("academicSessions", "categories", "classes", "classResources", "courses", "courseResources"),
    *("demographics", "enrollments", "lineItems", "orgs", "resources", "results", "users"),
)


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("bundle") / "roster")


@pytest.fixture
def site(tmp_path: Path, roster: Path) -> Iterator[Sandbox]:
    with running(tmp_path, "--seed", str(roster)) as sandbox:
        yield sandbox


def test_try(tmp_path, site):
    print(site.call("GET", "site"))
