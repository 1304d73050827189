"""Results in the formats that pipelines read: each judged by the schema or a parser of its own."""

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
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
    rows_of,
    sarif,
    table,
    written,
)
from sandboxes import Desk, Sandbox, example
from small import plan, small_site, wanting

from reconciler.diagnostics import Diagnostic
from reconciler.providers.saved import write_state
from reconciler.reports import annotations, csv_table, findings
from reconciler.reports import sarif as sarif_log
from reconciler.reports.findings import Reported
from reconciler.reports.pages import plan_html
from reconciler.state import Person

WRONG = """\
version: 1
site: nordberg-kommune
mentors:
  - person: t-0412
    classes: [8a, 8a]
    until: 2026-02-31
  - person: t-0413
    colour: "100% blue, or: so"
"""


@pytest.mark.parametrize("command", ["validate", "plan", "drift", "review"])
def test_mistakes_are_in_every_format_that_can_tell_them(first_desk: Desk, command: str):
    first_desk.write(WRONG)
    done = first_desk.run(command, "roles.yaml", *every(), "--format", "json", expect=1)
    document = done.json("diagnostics")["diagnostics"]
    expected = [(each["code"], "roles.yaml", each["line"]) for each in document]
    assert len(expected) > 2
    assert places(sarif(written(first_desk, "found.sarif"))) == expected
    assert [passed for _, passed in junit(first_desk.directory / "found.junit")] == [
        each["severity"] == "warning" for each in document
    ]
    told = commands(written(first_desk, "found.annotations"))
    assert [(named["title"][:5], named["file"], int(named["line"])) for _, named, _ in told] == (
        expected
    )
    issues = code_quality(written(first_desk, "found.code-quality"))
    assert [
        (each["check_name"], each["location"]["path"], each["location"]["lines"]["begin"])
        for each in issues
    ] == expected
    assert "roles.yaml:" in done.err


def test_a_sound_manifest_is_found_sound(first_desk: Desk):
    done = first_desk.run("validate", "roles.yaml", *every())
    assert done.out == "Valid: roles.yaml (checked offline).\n"
    assert sarif(written(first_desk, "found.sarif")) == []
    assert junit(first_desk.directory / "found.junit") == [("nothing found", True)]
    assert written(first_desk, "found.annotations") == ""
    assert code_quality(written(first_desk, "found.code-quality")) == []
    first_desk.run("validate", "roles.yaml", *every())  # their own files are replaced


def test_a_fingerprint_stays_when_the_line_moves(first_desk: Desk):
    def found() -> list[list[str]]:
        names = ("--format", "code-quality", "--format", "sarif=found.sarif")
        issues = code_quality(first_desk.run("validate", "roles.yaml", *names, expect=1).out)
        results = sarif(written(first_desk, "found.sarif"))
        prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]
        assert prints == [each["fingerprint"] for each in issues]
        return [prints, [str(each["location"]["lines"]["begin"]) for each in issues]]

    first_desk.write(WRONG)
    before = found()
    first_desk.write(WRONG.replace("mentors:", "\n\n# moved\nmentors:"))
    after = found()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_plan_tells_what_guards_refuse(first_desk: Desk):
    first_desk.write(example(policy={"max_learners_per_mentor": 10}), "strict.yaml")
    first_desk.run("plan", "strict.yaml", *every(), expect=4)
    (refused,) = sarif(written(first_desk, "found.sarif"))
    assert (refused["ruleId"], refused["level"]) == ("RR511", "error")
    ((code, place, _),) = places([refused])
    assert (code, place) == ("RR511", "strict.yaml")
    ((severity, named, _),) = commands(written(first_desk, "found.annotations"))
    assert (severity, named["title"][:5]) == ("error", "RR511")


def test_what_drifted_is_told_at_its_line(settled_desk: Desk):
    mentors = example()["mentors"]
    mentors[0]["classes"] = [{"id": mentors[0]["classes"][0], "until": "2026-01-01"}]
    settled_desk.write(example(mentors=mentors), "past.yaml")
    told = sarif(settled_desk.run("drift", "past.yaml", "--format", "sarif", expect=2).out)
    ((code, file, _),) = places([each for each in told if each["ruleId"] == "RR803"])
    assert (code, file) == ("RR803", "past.yaml")


def reported(number: int, message: str, code: str = "RR504") -> list[Reported]:
    found = [Diagnostic(code, f"{message} {each}") for each in range(number)]
    return list(findings.of_diagnostics(found, "roles.yaml"))


def test_every_test_of_a_report_has_a_name_of_its_own_that_stays(first_desk: Desk):
    def names() -> list[str]:
        first_desk.run("validate", "roles.yaml", "--format", "junit=found.junit", expect=1)
        return [name for name, _ in junit(first_desk.directory / "found.junit")]

    twice = WRONG.replace("[8a, 8a]", "[8a, 8a, 8a, 8b, 8b]")
    first_desk.write(twice)
    before = names()
    assert len(set(before)) == len(before)
    first_desk.write(twice.replace("mentors:", "\n\n# moved\nmentors:"))
    assert names() == before


def test_the_same_finding_has_the_same_fingerprint_in_every_format(first_desk: Desk):
    names = ("--format", "jsonl", "--format", "sarif=found.sarif")
    first_desk.write(example(policy={"max_learners_per_mentor": 10}), "strict.yaml")
    told = lines(first_desk.run("plan", "strict.yaml", *names, expect=4).out)
    assert [each["fingerprint"] for each in told if each["type"] == "finding"] == [
        each["partialFingerprints"]["primaryLocationLineHash"]
        for each in sarif(written(first_desk, "found.sarif"))
    ]


def test_a_log_holds_as_much_as_is_taken_errors_first_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(sarif_log, "LIMIT", 5)
    found = [*reported(4, "a warning"), *reported(4, "an error", "RR113")]
    text = "".join(sarif_log.render(found))
    assert [each["level"] for each in sarif(text)] == ["error"] * 4 + ["warning"]
    (invocation,) = json.loads(text)["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("3 more findings left out")


def test_no_text_is_an_older_command_of_the_runner():
    text = "".join(annotations.render(reported(annotations.SHOWN + 2, "##[add-mask]a ##[error]")))
    assert "##[" not in text
    assert text.count("##\\[add-mask]a") == annotations.SHOWN + 2


def test_beyond_ten_of_a_severity_what_is_not_annotated_is_told(first_desk: Desk):
    text = first_desk.run("review", "--format", "annotations").out
    told = commands(text)
    assert len(told) == annotations.SHOWN
    *_, last = text.splitlines()
    plain = [line for line in text.splitlines()[:-1] if not line.startswith("::")]
    assert last.startswith(f"{len(plain)} more findings without an annotation")
    found = first_desk.run("review", "--format", "json").json("review")["findings"]
    assert len(told) + len(plain) == len(found)


def test_a_name_with_marks_of_the_command_breaks_no_annotation(first_desk: Desk):
    name = "a,b::error file=x%0A.yaml"
    first_desk.write(WRONG, name)
    ((_, named, _), *_) = commands(
        first_desk.run("validate", name, "--format", "annotations", expect=1).out
    )
    assert named["file"] == name
    path = first_desk.run("validate", name, "--format", "sarif", expect=1).out
    assert places(sarif(path))[0][1] == name


def test_one_format_goes_to_standard_output_and_the_others_into_files(first_desk: Desk):
    def refused(*formats: str, expect: int = 64) -> str:
        words = [word for each in formats for word in ("--format", each)]
        return first_desk.run("validate", "roles.yaml", *words, expect=expect).err

    assert "only one of json and sarif" in refused("json", "sarif")
    assert "there is no pdf" in refused("pdf")
    assert "sarif" in refused("pdf")
    assert "names no file" in refused("json=")
    assert "names one file twice" in refused("json=out", "sarif=out")
    assert "text goes to standard output" in refused("text=out")
    assert "is what the command reads" in refused("json=roles.yaml")
    first_desk.write("mine\n", "notes.txt")
    assert "is not a report in sarif" in refused("sarif=notes.txt")
    assert "There is no folder nowhere" in refused("sarif=nowhere/out.sarif", expect=1)
    first_desk.run("validate", "roles.yaml", "--format", "json=out.json")
    assert "is not a report in sarif" in refused("sarif=out.json")
    assert (first_desk.directory / "notes.txt").read_text() == "mine\n"


def test_no_report_is_written_over_what_a_site_without_an_api_has(tmp_path: Path):
    desk = Desk(tmp_path, names=["T 1"])
    desk.write(
        '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n', "reconciler.toml"
    )
    desk.write("version: 1\nsite: nord\nmentors:\n  - {person: t-1, classes: [8a]}\n")
    (tmp_path / "town.json").write_bytes(write_state(small_site()))
    desk.run("apply", "roles.yaml")
    desk.run("plan", "roles.yaml", "--out", "saved.json")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert set(before) == {"town.json", "town.runbook.json", "saved.json"}
    for command in ("validate", "plan", "drift", "review"):
        for name in ("town.json", "town.runbook.json"):
            err = desk.run(command, "roles.yaml", "--format", f"json={name}", expect=64).err
            assert f"{name} is the snapshot or the runbook of an environment" in err
    for command in ("validate", "drift", "review"):
        done = desk.run(command, "roles.yaml", "--format", "json=saved.json", expect=64)
        assert "saved.json exists and is not a document of this command" in done.err
    asked = ("--as-planned", "saved.json", "--format", "json=saved.json")
    assert "is what the command reads" in desk.run("review", *asked, expect=64).err
    asked = ("--out", "new.json", "--format", "json=new.json")
    assert "both name new.json" in desk.run("plan", "roles.yaml", *asked, expect=64).err
    out = desk.run("plan", "roles.yaml", "--out", "town.runbook.json", expect=64)
    assert "is the snapshot or the runbook of an environment" in out.err
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json")} == before


def test_what_lies_in_no_line_is_told_at_a_file_that_the_command_reads(first_desk: Desk):
    first_desk.write(example(policy={"max_learners_per_mentor": 10}), "folder/b.yaml")
    first_desk.run("plan", "folder", "--out", "plan.json", expect=4)
    for command, home in (
        (("plan", "folder"), "folder/b.yaml"),
        (("show", "plan.json"), "plan.json"),
    ):
        code = 4 if command[0] == "plan" else 0
        (found,) = sarif(first_desk.run(*command, "--format", "sarif", expect=code).out)
        assert places([found]) == [("RR511", home, 0)]


def test_every_report_of_a_review_may_be_replaced(first_desk: Desk):
    names = ("json", "jsonl", "csv", "html", *FINDINGS)
    for _ in range(2):
        first_desk.run("review", *every(names))
    rows = list(csv.DictReader(io.StringIO(written(first_desk, "found.csv"))))
    assert len(rows) == len(code_quality(written(first_desk, "found.code-quality")))


def test_pseudonyms_stand_for_people_in_every_format(first_desk: Desk):
    key = {"RECONCILER_REDACT_KEY": "0123456789abcdef0123456789abcdef"}
    first_desk.run("review", "--redact", *every(), **key)
    for name in FINDINGS:
        assert not re.search(r"\b[ts]-\d{4}\b", written(first_desk, f"found.{name}"))


def test_each_action_is_a_line_and_a_row(first_desk: Desk):
    asked = ("--format", "jsonl=plan.jsonl", "--format", "csv=plan.csv", "--format", "json")
    for _ in range(2):
        actions = first_desk.run("plan", "roles.yaml", *asked).json("plan")["actions"]
    told = [each for each in lines(written(first_desk, "plan.jsonl")) if each["type"] == "action"]
    rows = table(written(first_desk, "plan.csv"))
    expected = [(each["verb"], each["name"]) for each in actions]
    assert [(each["verb"], each["name"]) for each in told] == expected
    assert [(row["verb"], row["name"]) for row in rows] == expected
    assert {"mentor", "headteacher"} <= {row["role"] for row in rows}
    assert {"holder", "class", "learner", "profile", "label"} <= {row["kind"] for row in rows}
    schools = {each["name"]: each["school"] for each in actions}
    assert {each["name"]: each["school"] for each in told} == schools
    assert {row["name"]: row["school"] or None for row in rows} == schools
    assert (schools["mentor/t-0412/class/8a"], schools["mentor/t-0412/learner/s-1040"]) == (
        "nordberg-skole",
        "fjellvik-skole",
    )
    assert schools["mentor/t-0412"] is None, "who comes to both"
    assert schools["headteacher/t-0007"] == "nordberg-skole"
    assert {schools[row["name"]] for row in rows if row["kind"] in ("profile", "label")} == {None}


def test_what_drifted_is_a_line_and_a_row(settled_desk: Desk):
    mentors = example()["mentors"]
    mentors[0]["classes"] = [{"id": mentors[0]["classes"][0], "until": "2026-01-01"}]
    mentors[1]["classes"] = []
    settled_desk.write(example(mentors=mentors), "past.yaml")
    asked = ("--format", "jsonl=found.jsonl", "--format", "csv=found.csv")
    settled_desk.run("drift", "past.yaml", *asked, expect=2)
    told = [each for each in lines(written(settled_desk, "found.jsonl")) if "verb" in each]
    rows = table(written(settled_desk, "found.csv"))
    assert [each["name"] for each in told] == [row["name"] for row in rows]
    assert {each["type"] for each in told} == {"drifted", "pending"}
    assert {row["what"] for row in rows} == {"expired", "pending"}
    assert [each["school"] for each in told] == [row["school"] for row in rows]
    assert {row["school"] for row in rows} == {"nordberg-skole"}


WAYS = {
    "mentor/t-0403/class/8b": ("missing", "missing on the site; removed by other"),
    "mentor/t-0407/class/8a": ("surplus", "on the site though not in the entry at "),
    "label/mentor/tool_name": ("different", "“Elever” instead of “Mine elever”; changed by other"),
}
"""Per address how the site differs, for programs and for people."""


def test_every_format_says_which_way_the_site_went(applied: Desk, sandbox: Sandbox):
    sandbox.unassign("mentor/t-0403/class/8b")
    sandbox.assign("mentor/t-0407/class/8a")
    sandbox.call("PATCH", "labels", "mentor", json={"tool_name": "Elever"})
    names = (*FINDINGS, "json", "jsonl", "csv", "html", "markdown")
    text = applied.run("drift", "roles.yaml", *every(names), expect=2).out

    programs = {name: way for name, (way, _) in WAYS.items()}
    document = json.loads(written(applied, "found.json"))
    for found in (document["drifted"], lines(written(applied, "found.jsonl"))):
        assert {each["name"]: each["on_site"] for each in found} == programs
    rows = table(written(applied, "found.csv"))
    assert {row["name"]: row["on_site"] for row in rows} == programs

    page = written(applied, "found.html")
    assert sorted(row[2] for row in rows_of(page)) == sorted(programs.values())
    comment = rendered(written(applied, "found.markdown")).said
    people = (
        text,
        comment,
        "\n".join(" ".join(row) for row in rows_of(page)),
        "\n".join(each["message"]["text"] for each in sarif(written(applied, "found.sarif"))),
        unescape(written(applied, "found.junit")),
        "\n".join(said for _, _, said in commands(written(applied, "found.annotations"))),
        "\n".join(
            each["description"] for each in code_quality(written(applied, "found.code-quality"))
        ),
    )
    for told in people:
        for _, words in WAYS.values():
            assert words in told
        assert re.search(r"not in the entry at \S+; added by other \(api\)", told)


def test_a_plan_tells_what_is_to_be_agreed_to_in_every_format(first_desk: Desk):
    names = ("jsonl", "csv", "html")
    document = first_desk.run("plan", "roles.yaml", *every(names), "--format", "json").json("plan")
    label, grant = "label/headteacher/role_name", "mentor/t-0412/learner/s-1040"
    day, reason = "2033-06-20", "knows the learner from before"
    rows = {row["name"]: row for row in table(written(first_desk, "found.csv"))}
    assert (rows[label]["before"], rows[label]["after"]) == ("", "Rektor")
    assert (rows[grant]["from"], rows[grant]["until"], rows[grant]["reason"]) == (
        "2026-08-17",
        day,
        reason,
    )
    told = [each for each in lines(written(first_desk, "found.jsonl")) if each["type"] == "action"]
    same = ("name", "before", "after", "grant")
    assert [[each[key] for key in same] for each in told] == [
        [each[key] for key in same] for each in document["actions"]
    ]

    page = written(first_desk, "found.html")
    assert f"holds until {day}</h1>" in page
    assert "<p>6 people gain sight of learners.</p>" in page
    on_page = {(row[0], row[3]): row[-1] for row in rows_of(page) if len(row) > 3}
    assert ("settings", "role name of headteacher: (the platform's default) → “Rektor”") in on_page
    assert f"; until {day}; reason: {reason}" in on_page["mentor t-0412", "learner s-1040"]
    assert ("mentor t-0412", "added as mentor") in on_page
    access = {row[0]: row[1] for row in rows_of(page) if len(row) == 3}
    assert access["t-0412"].startswith("22 learners: ")
    assert "more" not in access["t-0412"], "there is room for 22"


def test_a_page_tells_warnings_once_and_apart_from_guards(settled_desk: Desk):
    mentors = [each for each in example()["mentors"] if each["person"] != "t-0403"]
    settled_desk.write(example(mentors=mentors, policy={"max_removals": 0}), "less.yaml")
    lifted = ("--override", "RR501", "--reason", "the year ends")
    settled_desk.run("plan", "less.yaml", *lifted, *every(("html",)))
    page = written(settled_desk, "found.html")
    assert page.count("warning RR520") == 1
    assert "warning: " not in page
    guards, warnings = (page.index(f">{heading}</h2>") for heading in ("Guards", "Warnings"))
    assert guards < page.index("overridden RR501") < warnings < page.index("warning RR520")
    assert "(reason: the year ends)" in page
    assert ["mentor t-0403", "holder", "remove", "no longer mentor"] in [
        row[:4] for row in rows_of(page)
    ]


def test_a_page_has_room_for_a_few_hundred_learners_of_one_person():
    def of_page(number: int) -> str:
        site = small_site()
        people = tuple(
            Person(f"3{n}", f"l-{n}", f"l{n}", None, "L", "p1", active=True) for n in range(number)
        )
        there = tuple(site.memberships[0]._replace(person=each.id) for each in people)
        site = replace(site, people=(*site.people[:4], *people), memberships=there)
        return "".join(plan_html(plan(site, wanting(("t-1", "8a")))))

    assert "300 learners: l-0, " in of_page(300)
    assert "more" not in of_page(300)
    assert "and 1 more" in of_page(301)


def test_mistakes_are_lines_and_rows(first_desk: Desk):
    first_desk.write(WRONG)
    asked = ("--format", "jsonl", "--format", "csv=found.csv")
    told = lines(first_desk.run("plan", "roles.yaml", *asked, expect=1).out)
    rows = table(written(first_desk, "found.csv"))
    assert [(each["code"], str(each["line"])) for each in told] == [
        (row["code"], row["line"]) for row in rows
    ]


def test_no_cell_is_a_formula():
    keys = ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", '"=1', "=1;=2")
    people = tuple(
        Person(f"1{n}", key, f"t{n}", None, "T", "p0", active=True) for n, key in enumerate(keys)
    )
    site = small_site(people=people, memberships=())
    made = plan(site, wanting(*((key, "8a") for key in keys)))
    rows = table("".join(csv_table.plan_csv(made)))
    guarded = {f"'{key}" for key in keys[:-1]} | {"'=1;'=2"}
    assert {row["person"] for row in rows} == guarded
    # As a spreadsheet reads it whose language parts cells by semicolons:
    other = csv.reader(io.StringIO("".join(csv_table.plan_csv(made))), delimiter=";")
    assert not [cell for row in other for cell in row if cell.lstrip('" ').startswith(("=", "+"))]
