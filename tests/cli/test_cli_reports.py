"""Who sees whom, what a roster check found, and how healthy all is, in every format of theirs."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from judges import (
    FINDINGS,
    code_quality,
    commands,
    every,
    junit,
    lines,
    places,
    rendered,
    sarif,
    table,
    written,
)
from junitparser import JUnitXml
from sandboxes import ROOT, Desk

from reconciler.reports import formats

ACCESS = tuple(each for each in formats.names("access") if each != "text")
CHECKED = (*FINDINGS, "jsonl", "csv")
LEARNER = re.compile(r"\bs-\d{4}\b")


@pytest.mark.parametrize(
    "asked", [("--unit", "8a"), ("--learner", "s-1001"), ("--person", "t-0412")]
)
def test_every_path_and_every_learner_is_told(settled_desk: Desk, asked: tuple[str, str]):
    for _ in range(2):
        done = settled_desk.run("access", *asked, *every(ACCESS))
    document = json.loads(written(settled_desk, "found.json"))
    paths = [
        (each["person"], path["assignment"], path["learners"])
        for each in document["people"]
        for path in each["paths"]
    ]
    assert len(paths) > 1
    found = [each for each in lines(written(settled_desk, "found.jsonl")) if each["type"] == "path"]
    assert [(each["person"], each["assignment"], each["learners"]) for each in found] == paths
    rows = [
        (row["person"], f"{row['role']}/{row['person']}/{row['kind']}/{row['target']}")
        for row in table(written(settled_desk, "found.csv"))
    ]
    assert Counter(rows) == {(who, way): len(learners) for who, way, learners in paths}
    page = written(settled_desk, "found.html")
    assert all(f"<td>{', '.join(learners)}</td>" in page for _, _, learners in paths)
    said = rendered(written(settled_desk, "found.markdown")).said
    assert not LEARNER.search(said)
    assert f"Paths: {len(paths)}" in said
    assert str(document["as_of"]) in done.out


def test_in_markdown_no_learner_is_named_who_is_asked_about_as_a_person(settled_desk: Desk):
    for option in ("--person", "--learner"):
        settled_desk.run("access", option, "s-1020", "--format", "markdown=asked.md")
        said = rendered(written(settled_desk, "asked.md")).said
        assert "a learner" in said
        assert not LEARNER.search(said)
    settled_desk.run("access", "--person", "t-0412", "--format", "markdown=asked.md")
    assert "t-0412 sees" in rendered(written(settled_desk, "asked.md")).said


def test_whom_nobody_sees_is_told(first_desk: Desk):
    first_desk.run("access", "--unit", "9a", *every(ACCESS))
    unseen = json.loads(written(first_desk, "found.json"))["unseen"]
    assert len(unseen) > 1
    (found,) = lines(written(first_desk, "found.jsonl"))
    assert (found["type"], found["learners"]) == ("unseen", unseen)
    rows = table(written(first_desk, "found.csv"))
    assert [(row["learner"], row["person"]) for row in rows] == [(each, "") for each in unseen]
    assert all(f"<td>{learner}</td>" in written(first_desk, "found.html") for learner in unseen)
    assert (
        f"Nobody sees {len(unseen)} learners"
        in rendered(written(first_desk, "found.markdown")).said
    )


def test_pseudonyms_stand_for_people_in_every_format_of_access(settled_desk: Desk):
    key = {"RECONCILER_REDACT_KEY": "0123456789abcdef0123456789abcdef"}
    settled_desk.run("access", "--unit", "8a", "--redact", *every(ACCESS), **key)
    for name in ACCESS:
        assert not re.search(r"\b[ts]-\d{4}\b", written(settled_desk, f"found.{name}"))


def test_an_answer_replaces_nothing_that_is_none(first_desk: Desk):
    first_desk.write("mine\n", "notes.txt")
    first_desk.run("export", "--state", "live.json")
    for command in (("access", "--unit", "8a"), ("history",), ("doctor",), ("explain", "t-0412")):
        for name in ("notes.txt", "live.json"):
            done = first_desk.run(*command, "--format", f"json={name}", expect=64)
            assert f"{name} exists and is not a document of this command" in done.err
    assert (first_desk.directory / "notes.txt").read_text() == "mine\n"


@pytest.fixture
def spoilt(tmp_path: Path) -> Desk:
    """A roster with two words in the place of an id and of a yes or no."""
    folder = tmp_path / "roster"
    shutil.copytree(ROOT / "examples" / "roster", folder)
    roles = folder / "roles.csv"
    text = roles.read_text(encoding="utf-8").replace("s-1001,primary", "s-8,primary")
    roles.write_text(text.replace("s-1002,primary", "s-8,PRIMARY"), encoding="utf-8")
    return Desk(tmp_path)


def test_what_a_roster_check_found_is_told_at_its_file_and_row(spoilt: Desk):
    for _ in range(2):
        spoilt.run("roster", "check", "roster", *every((*CHECKED, "json")), expect=1)
    problems = json.loads(written(spoilt, "found.json"))["problems"]
    expected = [(each["code"], f"roster/{each['file']}", each["row"]) for each in problems]
    assert len(expected) > 1
    assert places(sarif(written(spoilt, "found.sarif"))) == expected
    assert [
        (each["check_name"], each["location"]["path"], each["location"]["lines"]["begin"])
        for each in code_quality(written(spoilt, "found.code-quality"))
    ] == expected
    assert [
        (named["title"][:5], named["file"], int(named["line"]))
        for _, named, _ in commands(written(spoilt, "found.annotations"))
    ] == expected
    assert [passed for _, passed in junit(spoilt.directory / "found.junit")] == [False] * len(
        expected
    )
    assert [
        (each["code"], each["file"], each["line"]) for each in lines(written(spoilt, "found.jsonl"))
    ] == expected
    assert [
        (row["code"], row["file"], int(row["line"])) for row in table(written(spoilt, "found.csv"))
    ] == expected
    assert "s-8" in written(spoilt, "found.csv")
    spoilt.run("roster", "check", "roster", *every(CHECKED), expect=1, RECONCILER_HIDE_IDS="1")
    assert not any("s-8" in written(spoilt, f"found.{name}") for name in CHECKED)


def test_every_reader_of_a_roster_leaves_ids_out_where_that_is_asked_for(spoilt: Desk):
    for command in (
        ("roster", "check", "roster"),
        ("roster", "show", "roster"),
        ("init", "new", "--roster", "roster"),
        ("export", "--as-rules", "roster"),
    ):
        done = spoilt.run(*command, expect=1, RECONCILER_HIDE_IDS="1")
        assert "roles.csv row " in done.out + done.err
        assert "s-8" not in done.out + done.err


def test_what_lies_in_an_archive_is_told_there_and_says_where(spoilt: Desk):
    shutil.make_archive(str(spoilt.directory / "roster"), "zip", spoilt.directory / "roster")
    found = sarif(spoilt.run("roster", "check", "roster.zip", "--format", "sarif", expect=1).out)
    assert {(file, line) for _, file, line in places(found)} == {("roster.zip", 0)}
    assert all("roles.csv row" in each["message"]["text"] for each in found)
    with (spoilt.directory / "one.csv").open("w") as file:
        file.write("Class,Teacher\n8a,t-1\n8b,\n")
    columns = ("--type", "csv", "--column", "unit=Class", "--column", "person=Teacher")
    asked = ("roster", "check", "one.csv", *columns, "--format", "annotations")
    ((_, named, _),) = commands(spoilt.run(*asked, expect=1).out)
    assert (named["file"], named["line"]) == ("one.csv", "3")
    replaced = spoilt.run(*asked[:-1], "csv=one.csv", expect=64)
    assert "is what the command reads" in replaced.err


def test_what_is_left_out_of_a_sound_roster_is_a_warning_in_each_format(tmp_path: Path):
    folder = tmp_path / "roster"
    shutil.copytree(ROOT / "examples" / "roster", folder)
    users = folder / "users.csv"
    text = users.read_text(encoding="utf-8").replace("t-0412,,,", "t-0412,tobedeleted,,")
    users.write_text(text, encoding="utf-8")
    desk = Desk(tmp_path)
    desk.run("roster", "check", "roster", *every(CHECKED))
    assert places(sarif(written(desk, "found.sarif"))) == [
        ("RR410", "roster/roles.csv", 15),
        ("RR410", "roster/enrollments.csv", 77),
    ]
    assert [passed for _, passed in junit(tmp_path / "found.junit")] == [True, True]
    users.write_text(text.replace("t-0412,tobedeleted,,", "t-0412,,,"), encoding="utf-8")
    desk.run("roster", "check", "roster", *every(CHECKED))
    assert junit(tmp_path / "found.junit") == [("nothing found", True)]


def test_each_check_of_doctor_is_a_test(first_desk: Desk):
    asked = ("--format", "json", "--format", "junit=found.junit")
    wrong = {"RECONCILER_URL": "http://127.0.0.1:1"}
    for variables, code in (({}, 0), (wrong, 1)):
        checks = first_desk.run("doctor", *asked, expect=code, **variables).json("doctor")["checks"]
        written(first_desk, "found.junit")
        suite = next(iter(JUnitXml.fromfile(str(first_desk.directory / "found.junit"))))
        assert [(case.name, bool(case.result)) for case in suite] == [
            (each["check"], each["verdict"] in ("failed", "skipped")) for each in checks
        ]
        assert suite.failures == sum(each["verdict"] == "failed" for each in checks)
        assert suite.skipped == sum(each["verdict"] == "skipped" for each in checks)


@pytest.mark.parametrize(
    ("command", "schema"),
    [
        (("explain", "t-0412"), "explanation"),
        (("rules", "test", ROOT / "examples" / "rules.yaml"), "rules"),
        (("roster", "show", ROOT / "examples" / "roster"), "roster"),
    ],
)
def test_the_other_commands_write_their_documents_too(
    first_desk: Desk, command: tuple[str, ...], schema: str
):
    shown = first_desk.run(*command, "--format", "json", "--format", "json=found.json")
    shown.json(schema)
    assert shown.out == written(first_desk, "found.json")
    assert "there is no sarif" in first_desk.run(*command, "--format", "sarif", expect=64).err
