"""Rules over a roster, from a district's export to an apply, and when the roster is not whole."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pifu
import pytest
from sandboxes import ROOT, Desk, Sandbox, running

from reconciler.rosters.oneroster_csv import read_bundle

ROLES = {role: {"profiles": ["Staff"]} for role in ("mentor", "headteacher")}
SAMPLE = [
    {"name": "contact-teachers", "mentor": {"who": "primary_teacher", "of": "homeroom"}},
    {"name": "principals", "headteacher": {"who": "principal", "of": "school"}},
]
SCHEDULED = [
    {
        "name": "class-teachers",
        "mentor": {"who": "primary_teacher", "of": {"class_type": "scheduled"}},
    }
]


def with_roster(desk: Desk) -> str:
    """Put the example's roster where its rules look for it, and return their text."""
    shutil.copytree(ROOT / "examples" / "roster", desk.directory / "roster")
    return (ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8")


def cut_off(desk: Desk) -> None:
    """Cut the roster off before the teachers, who stand at the end."""
    file = desk.directory / "roster" / "enrollments.csv"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-10]), encoding="utf-8")


def ruled(site: str, roster: Path, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": 1,
        "site": site,
        "roles": ROLES,
        "rosters": {"sis": {"type": "oneroster-csv", "path": str(roster)}},
        "rules": rules,
    }


@pytest.fixture
def district(tmp_path: Path, district_zip: Path) -> Iterator[Sandbox]:
    with running(tmp_path, "--seed", str(district_zip)) as site:
        yield site


def test_a_district_gets_its_mentors_from_twenty_lines(
    tmp_path: Path, district: Sandbox, district_zip: Path
):
    desk = Desk(tmp_path, district)
    site = district.call("GET", "site")["id"]
    desk.write(ruled(site, district_zip, SCHEDULED))
    planned = desk.run("plan", "roles.yaml", "--format", "json", "--out", "plan.json").json("plan")
    assigned = [each for each in planned["actions"] if each["address"].count("/") == 3]
    assert len(assigned) == 60
    assert {each["cause"]["kind"] for each in assigned} == {"derived"}
    assert all(each["cause"]["text"].startswith("rule class-teachers, enroll") for each in assigned)
    gained = [len(each["gained"]) for each in planned["access"]]
    assert (min(gained), max(gained)) == (81, 190)
    desk.run("apply", "plan.json")
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out

    desk.write(ruled(site, district_zip, SAMPLE), "sample.yaml")
    tested = desk.run("rules", "test", "sample.yaml", expect=1)
    for told in (desk.run("plan", "sample.yaml", expect=1).err, tested.err):
        assert (
            "RR401: the rule contact-teachers matches nothing in the roster sis: no class has the "
            "type homeroom; it has scheduled (60)."
        ) in told
        assert "RR401: the rule principals matches nothing in the roster sis." in told
    assert "60 class (scheduled)" in tested.out

    cut = tmp_path / "cut.zip"
    with zipfile.ZipFile(district_zip) as whole, zipfile.ZipFile(cut, "w") as less:
        for name in whole.namelist():
            if name != "enrollments.csv":
                less.writestr(name, whole.read(name))
    desk.write(ruled(site, cut, SCHEDULED), "cut.yaml")
    before = district.writes()
    for command in (("plan",), ("apply", "--yes"), ("drift",)):
        told = desk.run(command[0], "cut.yaml", *command[1:], expect=1)
        assert "enrollments.csv is declared bulk and is not in the bundle" in told.err
        assert "the roster sis has 1 problem\n" in told.err
        assert "cut.yaml:" in told.err
        assert told.out == ""
    assert district.writes() == before


def test_the_example_rules_are_tested_planned_and_redacted(first_desk: Desk):
    manifest = str(ROOT / "examples" / "rules.yaml")
    found = first_desk.run("rules", "test", manifest, "--format", "json").json("rules")
    assert {rule["name"]: len(rule["units"]) for rule in found["rules"]} == {
        "contact-teachers": 12,
        "principals": 12,
    }
    taken = [each for each in found["rules"][0]["units"] if each["fate"] == "taken"]
    assert {each["unit"]: each["people"] for each in taken}["8a"] == ["t-0412"]
    key = {"RECONCILER_REDACT_KEY": "0123456789abcdef"}
    hidden = first_desk.run("rules", "test", manifest, "--redact", **key)
    assert "t-04" not in hidden.out + hidden.err
    assert "8a  p-" in hidden.out
    first_desk.run("rules", "test", "roles.yaml", expect=64)
    first_desk.run("validate", manifest)


def test_the_same_municipality_from_a_pifu_file_gets_the_same_plan(first_desk: Desk):
    """Contact teachers become mentors of their basisgrupper, principals head their schools."""
    export = first_desk.directory / "pifu.xml"
    export.write_bytes(pifu.as_xml(read_bundle(ROOT / "examples" / "roster")))
    example = ROOT / "examples" / "rules.yaml"
    declared = "{type: oneroster-csv, path: roster}"
    text = example.read_text(encoding="utf-8")
    assert declared in text
    text = text.replace(declared, "{type: ims-enterprise, path: ./pifu.xml}")
    first_desk.write(text, "pifu.yaml")
    tested = first_desk.run("rules", "test", "pifu.yaml").out
    assert "contact-teachers: 6 mentors over 6 units" in tested
    assert "  8a  t-0412" in tested.splitlines()
    assert "principals: 2 headteachers over 2 units" in tested
    plans = [
        first_desk.run("plan", name, "--format", "json").json("plan")
        for name in (str(example), "pifu.yaml")
    ]
    one, other = ([act["address"] for act in plan["actions"]] for plan in plans)
    assert one == other
    assert len(one) > 8
    assert plans[0]["access"] == plans[1]["access"]
    texts = [act["cause"]["text"] for act in plans[1]["actions"]]
    for rule in ("contact-teachers", "principals"):
        assert any(text.startswith(f"rule {rule}, pifu.xml row ") for text in texts)

    export.write_bytes(export.read_bytes()[:-40])
    told = first_desk.run("plan", "pifu.yaml", expect=1)
    assert "RR305: the XML is not well-formed, or cut off" in told.err
    assert told.out == ""


def test_a_mentor_whom_the_roster_leaves_out_does_not_go_untold(settled_desk: Desk):
    example = with_roster(settled_desk)
    file = settled_desk.directory / "roster" / "users.csv"
    text = file.read_text(encoding="utf-8").replace("t-0412,,,", "t-0412,tobedeleted,,")
    file.write_text(text, encoding="utf-8")
    manifest = settled_desk.write(example, "rules.yaml")
    message = (
        "RR410: the roster sis: left out: 2 rows of enrollments.csv with a class or user marked "
        "tobedeleted; the first is row 77."
    )
    planned = settled_desk.run("plan", manifest, expect=4)
    assert "-  class 8a" in planned.out
    assert message in planned.out
    assert message in settled_desk.run("rules", "test", manifest).err
    assert message in settled_desk.run("validate", manifest).err


def test_a_change_in_the_roster_is_pending_and_not_drift(settled_desk: Desk):
    """Whoever applied roles.yaml goes over to rules: what differs is the manifest's doing."""
    manifest = str(ROOT / "examples" / "rules.yaml")
    report = settled_desk.run("drift", manifest, "--format", "json", expect=3).json("drift")
    assert report["drifted"] == []
    causes = {each["name"]: each["cause"] for each in report["pending"]}
    assert causes["mentor/t-0404/class/9a"].startswith("rule contact-teachers, enrollments.csv row")
    assert causes["mentor/t-0408/class/no"] == "given by no rule"


def test_a_roster_that_lost_too_much_since_the_last_apply_removes_nothing(desk: Desk):
    """The journal of the last apply says how much there was in it."""
    manifest = desk.write(with_roster(desk), "r.yaml")
    desk.run("apply", manifest, "--yes")
    cut_off(desk)
    told = desk.run("plan", manifest, "--format", "json", expect=4).json("plan")
    assert told["actions"] == []
    (verdict,) = [each for each in told["verdicts"] if each["code"] == "RR521"]
    assert verdict["counted"] == 10
    assert "from 11 to 1 teachers" in verdict["message"]
    told = desk.run("plan", manifest, expect=4).out
    assert "Nothing to apply, but 10 changes are held back, as a roster has lost too much" in told
    assert "as the manifest declares" not in told
    assert "RR521" in desk.run("apply", manifest, "--yes", expect=4).err
    lifted = ("--override", "RR521", "--override", "RR501", "--reason", "the year is over")
    desk.run("apply", manifest, "--yes", *lifted)
    assert "Nothing to change" in desk.run("plan", manifest).out


def test_why_a_rule_matches_nothing_is_told_alike_by_plan_and_rules_test(settled_desk: Desk):
    text = (ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8")
    text = text.replace("path: roster", f"path: {ROOT / 'examples' / 'roster'}")
    whose = "who: primary_teacher, of: homeroom"
    assert text.count(whose) == 1
    for of, why in (
        ("{class_type: homerom}", "no class has the type homerom; it has homeroom (6), scheduled"),
        (
            "{class_type: Homeroom, grades: ['5', '7']}",
            "no class has the grade 5 or 7; it has 1 (2), ",
        ),
    ):
        manifest = settled_desk.write(
            text.replace(whose, f"who: primary_teacher, of: {of}"), "r.yaml"
        )
        for command in ("plan", "rules test"):
            told = settled_desk.run(*command.split(), manifest, expect=1).err
            assert f"matches nothing in the roster sis: {why}" in told
    manifest = settled_desk.write(text, "r.yaml")
    for command in ("plan", "rules test"):
        old = settled_desk.run(*command.split(), manifest, "--as-of", "2027-09-01", expect=1).err
        assert "sis: nobody in it is primary_teacher after 2027-07-31. Mend the roster; or" in old
        new = settled_desk.run(*command.split(), manifest, "--as-of", "2026-07-01", expect=1).err
        assert "sis: nobody in it is primary_teacher before 2026-08-01." in new


def test_whom_a_rule_finds_and_whose_profile_lacks_the_role_is_told_by_rules_test(
    first_desk: Desk,
):
    text = (ROOT / "examples" / "rules.yaml").read_text(encoding="utf-8")
    text = text.replace("path: roster", f"path: {ROOT / 'examples' / 'roster'}")
    mentor = "  mentor: {profiles: [Staff]}\n"
    assert text.count(mentor) == 1
    manifest = first_desk.write(text.replace(mentor, ""), "r.yaml")
    planned = first_desk.run("plan", manifest, expect=1).err
    tested = first_desk.run("rules", "test", manifest, expect=1)
    assert "t-0412" in tested.out
    told = [
        [each for each in said.splitlines() if "RR210" in each] for said in (tested.err, planned)
    ]
    assert told[0] == told[1]
    assert told[0]


@pytest.mark.parametrize("hidden", [(), ("--redact",)])
def test_drift_sees_who_changed_what_though_a_rule_refuses_whom_the_site_lacks(desk: Desk, hidden):
    """Who only looks is not blinded by one who is not on the site yet; nothing is applied."""
    text = with_roster(desk)
    assert text.count("none: report") == 1
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes")
    desk.write(text.replace("none: report", "none: report\n    unknown: refuse"), "r.yaml")
    desk.run("plan", manifest)
    file = desk.directory / "roster" / "enrollments.csv"
    row = file.read_text(encoding="utf-8").splitlines()[-1]
    assert "t-0409" in row
    file.write_text(
        file.read_text(encoding="utf-8").replace(row, row.replace("t-0409", "t-0409-new")),
        encoding="utf-8",
    )
    users = desk.directory / "roster" / "users.csv"
    (user,) = [each for each in users.read_text(encoding="utf-8").splitlines() if "t-0409" in each]
    with users.open("a", encoding="utf-8") as out:
        out.write(user.replace("t-0409", "t-0409-new") + "\n")
    desk.sandbox.assign("mentor/t-0411")
    desk.sandbox.assign("mentor/t-0411/class/8a")
    key = {"RECONCILER_REDACT_KEY": "k" * 32}
    for command in ("plan", "apply"):
        assert "RR409" in desk.run(command, manifest, *hidden, expect=1, **key).err
    done = desk.run("drift", manifest, *hidden, "--format", "json", expect=2, **key)
    report = done.json("drift")
    drifted = [each for each in report["drifted"] if each["verb"] == "remove"]
    assert {each["by"] for each in drifted} == {"other"}
    assert len(drifted) == 2
    assert ("mentor/t-0411" in {each["name"] for each in drifted}) == (not hidden)
    assert "RR403" in {each["code"] for each in report["warnings"]}


def test_drift_tells_what_a_shrunk_roster_holds_back_and_who_wrote_it(desk: Desk):
    """What others gave by hand is drift; what the roster gave before is not yet applied."""
    manifest = desk.write(with_roster(desk), "r.yaml")
    desk.run("apply", manifest, "--yes")
    cut_off(desk)
    done = desk.run("drift", manifest, "--format", "json", expect=3)
    report = done.json("drift")
    assert (report["drifted"], report["pending"]) == ([], [])
    assert len(report["held_back"]) == 10
    assert {each["verb"] for each in report["held_back"]} == {"remove"}
    assert "(sis: from 11 to 1 teachers)" in report["held_back_because"]
    told = desk.run("drift", manifest, expect=3).out
    assert "No drift" not in told
    assert "Held back, as a roster has lost too much: 10" in told
    assert "refused RR521" in told
    hidden = desk.run("drift", manifest, "--redact", expect=3, RECONCILER_REDACT_KEY="k" * 32).out
    assert "mentor/t-" not in hidden
    by_hand = "mentor/t-0407/class/8a"
    desk.sandbox.assign(by_hand)
    report = desk.run("drift", manifest, "--format", "json", expect=2).json("drift")
    (found,) = report["drifted"]
    assert (found["name"], found["held_back"], found["by"]) == (by_hand, True, "other")
    assert len(report["held_back"]) == 10
    assert "held back" in desk.run("drift", manifest, expect=2).out


def test_a_plan_against_a_saved_state_does_not_get_round_what_the_roster_had(desk: Desk):
    text = with_roster(desk).replace("none: report", "none: {use: t-0409}")
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes")
    desk.run("export", "--state", "state.json")
    cut_off(desk)
    lifted = ("--override", "RR501", "--reason", "a new year")
    desk.run("plan", manifest, "--live", "state.json", "--out", "plan.json", *lifted)
    before = desk.sandbox.writes()
    done = desk.run("apply", "plan.json", "--yes", expect=5)
    assert "(sis: from 11 to 1 teachers)" in done.err
    assert desk.sandbox.writes() == before


def test_what_was_lifted_and_cut_off_is_finished_by_the_same_command(desk: Desk):
    """The removals are done, so nothing is left that the roster's loss would hold back."""
    text = with_roster(desk)
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes")
    cut_off(desk)
    desk.write(f"{text}\nlabels: {{mentor: {{tool_name: Mine}}}}\n", "r.yaml")
    lifted = ("--override", "RR521", "--override", "RR501", "--reason", "they left")
    desk.run("apply", manifest, "--yes", "--only", "mentor/*", *lifted)
    assert "1 succeeded" in desk.run("apply", manifest, "--yes", *lifted).out


def test_a_roster_that_was_cut_off_hands_no_class_to_who_steps_in(desk: Desk):
    text = with_roster(desk)
    assert text.count("none: report") == 1
    text = text.replace("none: report", "none: {use: t-0409}")
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes")
    cut_off(desk)
    before = desk.sandbox.writes()
    assert "nobody steps in" in desk.run("apply", manifest, "--yes", expect=4).err
    assert desk.sandbox.writes() == before
    assert "6 units" in desk.run("rules", "test", manifest, expect=0).out


def test_only_a_whole_apply_that_is_not_taken_back_says_how_much_there_was(desk: Desk):
    text = with_roster(desk)
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes")
    cut_off(desk)
    labelled = desk.write(f"{text}\nlabels: {{mentor: {{tool_name: Mine}}}}\n", "labelled.yaml")
    lifted = ("--override", "RR521", "--override", "RR501", "--reason", "meant")
    desk.run("apply", labelled, "--yes", "--only", "label/*", *lifted)
    assert "RR521" in desk.run("plan", manifest, expect=4).out, "a label was all that it did"
    desk.run("apply", labelled, "--yes", *lifted)
    assert "RR521" not in desk.run("plan", labelled).out
    latest = desk.run("history", "--format", "json").json("history")["runs"][0]["run"]
    desk.run("rollback", latest, "--yes")
    assert "RR521" in desk.run("plan", labelled, expect=4).out, "it was a mistake"


def test_a_site_that_was_as_declared_has_a_roster_to_compare_the_next_one_with(desk: Desk):
    """Adopted without a change, it would lose its mentors to the first roster that is cut off."""
    text = with_roster(desk)
    manifest = desk.write(text, "r.yaml")
    desk.run("apply", manifest, "--yes", RECONCILER_JOURNAL="of-others.db")
    for _ in range(2):
        assert "Nothing to change" in desk.run("apply", manifest, "--yes").out
        (run,) = desk.run("history", "--format", "json").json("history")["runs"]
        assert run["status"] == "done"
    cut_off(desk)
    assert "RR521" in desk.run("plan", manifest, expect=4).out
