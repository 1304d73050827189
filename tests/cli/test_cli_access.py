"""`access`: who sees whom on a real site, live and as planned."""

from dataclasses import replace
from datetime import date

import pytest
from sandboxes import Desk, example

from reconciler.apply.journal import Earlier
from reconciler.errors import PlanUnusable
from reconciler.plan.end_state import end_state
from reconciler.providers.saved import SavedStateReader, write_state
from reconciler.workflows import reading
from reconciler.workflows.loading import load_manifest


def people(desk: Desk, *arguments: str) -> dict[str, dict[str, list[str]]]:
    answer = desk.run("access", *arguments, "--format", "json").json("access")
    return {
        each["person"]: {path["assignment"]: path["learners"] for path in each["paths"]}
        for each in answer["people"]
    }


def test_a_person_sees_by_every_path(settled_desk):
    told = settled_desk.run("access", "--person", "t-0412").out
    assert told.startswith("t-0412 sees 22 learners, on ")
    assert "mentor of class 8a" in told
    paths = people(settled_desk, "--person", "t-0412")["t-0412"]
    assert set(paths) == {
        "mentor/t-0412/class/8a",
        "mentor/t-0412/group/choir",
        "mentor/t-0412/learner/s-1020",
        "mentor/t-0412/learner/s-1040",
    }
    assert len({learner for learners in paths.values() for learner in learners}) == 22
    assert "t-0409 sees 0 learners" in settled_desk.run("access", "--person", "t-0409").out


def test_a_learner_is_seen_by_mentor_and_headteacher(settled_desk):
    told = settled_desk.run("access", "--learner", "s-1020").out.splitlines()
    assert told[0].startswith("3 people see s-1020, on ")
    assert {line.split()[0] for line in told[1:]} == {"t-0007", "t-0403", "t-0412"}
    assert people(settled_desk, "--learner", "s-1020")["t-0412"] == {
        "mentor/t-0412/learner/s-1020": ["s-1020"]
    }


def test_a_unit_is_answered_with_all_who_see_one_of_its_learners(settled_desk):
    told = settled_desk.run("access", "--unit", "8b").out
    assert "of 14" in told
    found = people(settled_desk, "--unit", "8b")
    assert set(found["t-0007"]) == {"headteacher/t-0007/school/nordberg-skole"}
    assert len(found["t-0403"]["mentor/t-0403/class/8b"]) == 14
    assert found["t-0412"]["mentor/t-0412/learner/s-1020"] == ["s-1020"]


def test_as_planned_is_the_access_after_the_apply(first_desk, settled_desk):
    asked = ("--unit", "nordberg-kommune")
    assert set(people(first_desk, *asked)) == {"t-0008"}
    then = people(settled_desk, *asked)
    assert people(first_desk, *asked, "--as-planned", "roles.yaml") == then
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    assert people(first_desk, *asked, "--as-planned", "plan.json") == then
    told = first_desk.run("access", "--learner", "s-1001", "--as-planned", "plan.json").out
    assert "once that is applied" in told


def test_a_plan_that_does_not_fit_the_site_any_more_is_no_answer(desk, sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    sandbox.assign("headteacher/t-0007")
    told = desk.run("access", "--unit", "8a", "--as-planned", "plan.json", expect=5)
    assert "stale" in told.err


def test_what_has_no_effect_is_counted_and_leads_to_explain(desk, sandbox):
    desk.run("apply", "roles.yaml", "--yes")
    staff = next(each["id"] for each in sandbox.items("profiles") if each["name"] == "Staff")
    sandbox.call("DELETE", "profiles", staff, "roles", "mentor")
    told = desk.run("access", "--person", "t-0412").out
    assert told.startswith("t-0412 sees 0 learners")
    assert "Assignments of theirs without effect: 4. `reconciler explain t-0412`" in told


def test_a_learner_is_asked_about_as_a_learner(settled_desk):
    told = settled_desk.run("access", "--learner", "t-0412", expect=1).err
    assert "t-0412 is not a learner in any unit. To ask whom they see, use --person." in (
        told.replace("\n", " ")
    )


def test_those_whom_nobody_sees_are_named(first_desk):
    answer = first_desk.run("access", "--unit", "8a", "--format", "json").json("access")
    assert answer["unseen"] == answer["learners"] != []
    told = first_desk.run("access", "--unit", "8a").out
    assert f"Nobody sees {len(answer['unseen'])} learners: s-" in told


def test_as_planned_tells_warnings_and_refusals(settled_desk):
    empty = settled_desk.write(example(mentors=[]), "empty.yaml")
    told = settled_desk.run("access", "--unit", "8a", "--as-planned", empty).err
    assert "apply would refuse this plan: RR502: no mentor would be left" in told


def test_as_planned_takes_a_plan_that_is_half_applied(first_desk):
    first_desk.run("export", "--state", "live.json")
    live = first_desk.directory / "live.json"
    with SavedStateReader(live) as reader:
        state = reader.fetch()
    plan = reading.make_plan(load_manifest([first_desk.directory / "roles.yaml"]), state)
    done = plan.actions[: len(plan.actions) // 2]
    live.write_bytes(write_state(end_state(state, done)))
    with pytest.raises(PlanUnusable, match="stale"):
        reading.after_plan(plan, live, Earlier())
    sent = frozenset(action.address for action in done)
    found = reading.after_plan(plan, live, Earlier(selected=sent, sent=sent, held=sent))
    assert found.state == end_state(state, plan.actions)
    with pytest.raises(PlanUnusable, match="used before") as refused:
        reading.after_plan(plan, live, Earlier(used=True))
    assert "stands on the site already" in str(refused.value.advice)
    with pytest.raises(PlanUnusable, match="held until 2020-01-01"):
        reading.after_plan(replace(plan, holds_until=date(2020, 1, 1)), live, Earlier())


def test_one_question_at_a_time(first_desk):
    for arguments in (
        [],
        ["--person", "t-0412", "--unit", "8a"],
        ["--person", "t-0412", "--person", "t-0403"],
    ):
        told = first_desk.run("access", *arguments, expect=64)
        assert "one of --person, --learner and --unit" in told.err
    assert "--unit is empty" in first_desk.run("access", "--unit", "", expect=64).err
    assert "zebra" in first_desk.run("access", "--unit", "zebra", expect=1).err
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    both = ["--as-planned", "plan.json", "--as-planned", "roles.yaml"]
    assert "no manifest beside it" in first_desk.run("access", "--unit", "8a", *both, expect=64).err
