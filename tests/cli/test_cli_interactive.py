"""`apply --interactive` on a pseudo-terminal: each part is shown, and taken or left."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sandboxes import Desk, Sandbox, example, running
from small import small_site
from terminals import INTERRUPT, converse, converse_on

from reconciler.plan.document import from_document, to_text
from reconciler.providers.saved import write_state

SURE = "Apply these changes? [y/N]:"
WALK = ["apply", "roles.yaml", "--interactive"]
NOBODY = {**example(mentors=[]), "roles": None, "labels": None, "headteachers": None}


def turns(*answers: tuple[str, str]) -> list[tuple[str, str]]:
    """The answers, each to the question of the part of that title."""
    found = []
    for title, answer in answers:
        found += [(f": {title}", ""), ("?]:", f"{answer}\n")]
    return found


def nobody(desk: Desk) -> None:
    desk.write({key: value for key, value in NOBODY.items() if value is not None}, "nobody.yaml")


def test_school_by_school_what_is_left_is_not_applied(desk: Desk, sandbox: Sandbox):
    asked = turns(("settings", "y"), ("fjellvik-skole", "n"), ("nordberg-skole", "yes"))
    code, said = converse_on(desk, WALK, [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert "1 of 3: settings" in said
    assert "Taken: 15 of 21 changes." in said
    assert "15 succeeded; read back and confirmed" in said
    made = sandbox.assignments()
    assert {"mentor/t-0412/class/8a", "headteacher/t-0007/school/nordberg-skole"} <= made
    assert "mentor/t-0412/learner/s-1040" not in made, "who is at the other school"
    assert not any("t-0407" in each or "t-0408" in each for each in made)
    assert "6 to add." in desk.run("plan", "roles.yaml").out


def test_person_by_person_all_takes_what_is_still_to_come(desk: Desk, sandbox: Sandbox):
    asked = turns(("settings", "y"), ("t-0007", "n"), ("t-0401", "n"), ("t-0403", "a"))
    code, said = converse_on(desk, [*WALK, "--by", "person"], [*asked, (SURE, "y\n")])
    assert code == 0, said
    made = sandbox.assignments()
    assert {"mentor/t-0412/learner/s-1040", "mentor/t-0403/class/8b"} <= made
    assert not any("t-0401" in each or "t-0007" in each for each in made)


def test_the_rest_is_left_and_what_is_taken_is_shown_before_the_last_question(first_desk: Desk):
    asked = turns(("settings", "y"), ("t-0007", "rest"))
    arguments = [*WALK, "--by", "person"]
    code, said = converse_on(first_desk, arguments, [*asked, (SURE, "n\n")])
    assert code == 1
    told = said[said.index("Taken: 5 of 21 changes.") :]
    assert "Plan for nordberg-kommune" in told
    assert "settings" in told
    assert "t-0007" not in told
    assert "Nothing was changed." in told


@pytest.mark.parametrize("answer", ["q\n", "quit\n", INTERRUPT, "\x04"])
def test_who_quits_has_changed_nothing(first_desk: Desk, answer: str):
    code, said = converse_on(first_desk, WALK, [("?]:", "y\n"), ("2 of", ""), ("?]:", answer)])
    assert code == 1
    assert "Not applied: the answer was to quit. Nothing was changed." in said
    assert SURE not in said


def test_who_takes_nothing_has_changed_nothing(first_desk: Desk):
    code, said = converse(first_desk, WALK, "?]:", "r\n")
    assert code == 1
    assert "Not applied: nothing was taken. Nothing was changed." in said


def test_a_part_can_be_split_and_a_decision_taken_back(desk: Desk, sandbox: Sandbox):
    asked = turns(
        ("settings", "y"),
        ("fjellvik-skole", "y"),
        ("nordberg-skole", "b"),
        ("fjellvik-skole", "s"),
        ("t-0407", "y"),
        ("t-0408", "rest"),
    )
    before = sandbox.assignments()
    code, said = converse_on(desk, WALK, [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert "2 of 5: t-0407" in said
    assert sandbox.assignments() - before == {"mentor/t-0407/class/1a"}


def test_other_answers_are_told_what_can_be_answered(first_desk: Desk):
    asked = [("?]:", "\n"), ("all:", ""), ("?]:", "yep\n"), ("quit:", ""), ("?]:", "q\n")]
    _, said = converse_on(first_desk, WALK, asked)
    first = said[: said.index("all:")]
    assert "[y,n,a,r,q,?]:" in first, "nothing to go back to, and nothing to split"


def test_what_must_come_first_goes_along_and_is_told(applied: Desk, sandbox: Sandbox):
    """Class 9a changes hands: the one who goes waits for the one who comes."""
    mentors = [each for each in example()["mentors"] if each["person"] != "t-0401"]
    applied.write(example(mentors=[*mentors, {"person": "t-0402", "classes": ["9a"]}]))
    arguments = [*WALK, "--by", "person"]
    code, said = converse_on(applied, arguments, [*turns(("t-0401", "y")), (SURE, "n\n")])
    assert code == 1
    along = said[said.index("Taken along, as it must come first:") :]
    assert "mentor t-0402" in along
    assert "2 changes are taken already, as others must wait for them." in along
    asked = turns(("t-0401", "n"), ("t-0402", "y"))
    code, said = converse_on(applied, arguments, [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert {"mentor/t-0401/class/9a", "mentor/t-0402/class/9a"} <= sandbox.assignments()


def test_who_leaves_the_one_that_comes_leaves_the_one_that_goes(applied: Desk, sandbox: Sandbox):
    mentors = [each for each in example()["mentors"] if each["person"] != "t-0412"]
    mentors.append({"person": "t-0412", "groups": ["choir"], "learners": ["s-1020"]})
    applied.write(example(mentors=[*mentors, {"person": "t-0402", "classes": ["8a"]}]))
    asked = turns(("t-0402", "n"), ("t-0412", "y"))
    code, said = converse_on(applied, [*WALK, "--by", "person"], [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert "Left, as it must wait for what was left:" in said
    assert "mentor/t-0412/class/8a" in sandbox.assignments()
    assert "mentor/t-0412/learner/s-1040" not in sandbox.assignments()


def test_guards_judge_what_is_taken(applied: Desk, sandbox: Sandbox):
    nobody(applied)
    arguments = ["apply", "nobody.yaml", "-i", "--by", "person"]
    code, said = converse_on(applied, arguments, turns(("t-0401", "y"), ("t-0403", "a")))
    assert code == 4, said
    assert "RR501" in said
    asked = turns(("t-0401", "n"), ("t-0403", "y"), ("t-0407", "r"))
    code, said = converse_on(applied, arguments, [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert "mentor/t-0403/class/8b" not in sandbox.assignments()
    assert "mentor/t-0401/class/9a" in sandbox.assignments()


def test_a_saved_plan_is_gone_through_too(desk: Desk, sandbox: Sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    arguments = ["apply", "plan.json", "--interactive"]
    asked = turns(("settings", "y"), ("fjellvik-skole", "y"), ("nordberg-skole", "n"))
    code, said = converse_on(desk, arguments, [*asked, (SURE, "y\n")])
    assert code == 0, said
    assert not any("nordberg" in each or "8a" in each for each in sandbox.assignments())
    assert "headteacher/t-0008/school/fjellvik-skole" in sandbox.assignments()
    code, said = converse(desk, arguments, "used before", "")
    assert code == 5
    assert "1 of 3" not in said


def test_what_is_taken_of_a_saved_plan_is_judged_before_it_is_asked_about(applied: Desk):
    nobody(applied)
    lifted = ("--override", "RR501", "--override", "RR502", "--reason", "meant")
    applied.run("plan", "nobody.yaml", "--out", "refused.json", expect=4)
    applied.run("plan", "nobody.yaml", "--out", "lifted.json", *lifted)
    walk = ["--interactive", "--by", "person"]
    code, said = converse_on(applied, ["apply", "refused.json", *walk], turns(("t-0401", "a")))
    assert code == 4, said
    assert "RR501" in said
    assert SURE not in said
    asked = [*turns(("t-0401", "y"), ("t-0403", "r")), (SURE, "n\n")]
    code, said = converse_on(applied, ["apply", "lifted.json", *walk], asked)
    assert code == 1, said
    assert "RR520" in said[: said.index(SURE)], "who would lose their last mentor"


def test_what_lies_elsewhere_by_now_is_asked_about_before_it_is_sent(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
):
    """A learner changed school after the plan was made: nothing is sent that was not taken."""
    folder = tmp_path_factory.mktemp("moved")
    today = datetime.now(ZoneInfo("Europe/Oslo")).date()
    desk.run("export", "--state", "live.json")
    state = json.loads((desk.directory / "live.json").read_text())
    people = {each["sync_key"]: each["id"] for each in state["people"]}
    units = {each["sync_key"]: each["id"] for each in state["units"]}
    (place,) = [each for each in state["memberships"] if each["person"] == people["s-1020"]]
    state["memberships"].append({**place, "unit": units["9a"], "begin": str(today)})
    place["end"] = str(today)
    (folder / "seed.json").write_text(json.dumps(state))
    with running(folder, "--seed", str(folder / "seed.json")) as site:
        own = Desk(desk.directory, site, names=desk.names)
        own.run("plan", "roles.yaml", "--as-of", str(today - timedelta(days=1)), "--out", "p.json")
        arguments = ["apply", "p.json", "-i", "--by", "person", "--only", "within:9a"]
        asked = turns(("settings", "y"), ("t-0401", "y"), ("t-0412", "n"))
        code, said = converse_on(own, arguments, [*asked, (SURE, "y\n")])
        assert code == 0, said
        assert {each for each in site.assignments() if "t-04" in each} == {"mentor/t-0401/class/9a"}


def test_only_what_is_asked_for_is_gone_through(desk: Desk):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    for given in ("roles.yaml", "plan.json"):
        arguments = ["apply", given, "-i", "--only", "headteacher/*"]
        code, said = converse_on(desk, arguments, turns(("", "q")))
        assert code == 1
        assert "headteacher t-0007" in said
        assert "mentor t-0412" not in said


def test_where_there_is_nothing_to_do_nothing_is_asked(settled_desk: Desk):
    code, said = converse(settled_desk, WALK, "Nothing to change", "")
    assert code == 0
    assert "?]:" not in said


def test_without_a_terminal_nothing_is_read(first_desk: Desk):
    done = first_desk.run(*WALK, expect=64, RECONCILER_URL="https://nowhere.invalid")
    assert done.err.splitlines() == [
        "Error: There is no terminal to ask on.",
        "Narrow the plan with --only and --except instead.",
    ]


@pytest.mark.parametrize("options", [("--interactive", "--yes"), ("--by", "person")])
def test_options_that_do_not_go_together(first_desk: Desk, options: tuple[str, ...]):
    assert "--" in first_desk.run("apply", "roles.yaml", *options, expect=64).err


def test_nobody_is_named_who_is_to_be_hidden(first_desk: Desk):
    key = {"RECONCILER_REDACT_KEY": "a key that is long enough to be one"}
    arguments = [*WALK, "--redact", "--by", "person"]
    _, said = converse_on(first_desk, arguments, turns(("", "y"), ("p-", "q")), **key)
    assert "2 of" in said
    assert "t-0" not in said


def test_no_part_tells_at_which_school_somebody_is_who_is_withheld(first_desk: Desk):
    """The learner is at fjellvik-skole, and their mentor has a class at nordberg-skole, too."""
    first_desk.write("s-1040\n", "withheld.txt")
    asked = turns(("fjellvik-skole", "y"), ("nordberg-skole", "y"), ("in no school", "q"))
    settings = turns(("settings", "y"))
    withheld = {"RECONCILER_WITHHELD": "withheld.txt"}
    _, said = converse_on(first_desk, WALK, [*settings, *asked], **withheld)
    before, _, after = said.partition("4 of 4: in no school")
    assert "learner withheld" in after
    assert "withheld" not in before
    first_desk.run("plan", "roles.yaml", "--out", "plan.json", **withheld)
    saved = ["apply", "plan.json", "--interactive"]
    _, said = converse_on(first_desk, saved, [*settings, *asked], **withheld)
    assert "4 of 4: in no school" in said


def test_a_saved_plan_from_before_schools_were_told_is_parted_by_the_site(first_desk: Desk):
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    path = first_desk.directory / "plan.json"
    plan = from_document(json.loads(path.read_text()))
    before = replace(plan, actions=tuple(replace(each, school=None) for each in plan.actions))
    path.write_text(to_text(before))
    asked = turns(("settings", "y"), ("fjellvik-skole", "y"), ("nordberg-skole", "q"))
    _, said = converse_on(first_desk, ["apply", "plan.json", "--interactive"], asked)
    assert "3 of 3: nordberg-skole" in said


def test_a_plan_that_is_for_a_program_is_asked_about_on_standard_error(desk: Desk):
    code, said = converse_on(
        desk, [*WALK, "--format", "json"], [*turns(("settings", "a")), (SURE, "y\n")]
    )
    assert code == 0, said
    text = said[said.index("{\r\n") :]
    assert json.loads(text)["format"].startswith("reconciler.apply/")


def test_a_runbook_is_made_of_what_is_taken(tmp_path: Path):
    desk = Desk(tmp_path, names=["T 1", "T 2"])
    desk.write(
        '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n', "reconciler.toml"
    )
    (tmp_path / "town.json").write_bytes(write_state(small_site()))
    entries = [{"person": "t-1", "classes": ["8a"]}, {"person": "t-2", "classes": ["8b"]}]
    desk.write({"version": 1, "site": "nord", "mentors": entries})
    code, said = converse_on(desk, WALK, turns(("t-1", "n"), ("t-2", "y")))
    assert code == 0, said
    assert "1 step to be done by hand" in said
    assert "t-1" not in desk.run("runbook", "show").out
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    code, said = converse(desk, ["apply", "plan.json", "-i"], "made of a whole plan", "")
    assert code == 64
