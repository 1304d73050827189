"""Several manifests on one site, each for its own part of it (design, section 3)."""

import pytest
from sandboxes import Desk, Sandbox, example

SITE_WIDE = example(mentors=None, headteachers=None, policy=None)


def school(unit: str, **sections: object) -> dict:
    return example(roles=None, labels=None, policy=None, scope={"within": [unit]}, **sections)


NORDBERG = school(
    "nordberg-skole",
    mentors=[
        {"person": "t-0401", "classes": ["9a"]},
        {"person": "t-0403", "classes": ["8b"], "learners": ["s-1001"]},
    ],
    headteachers=[{"person": "t-0007", "schools": ["nordberg-skole"]}],
)
FJELLVIK = school(
    "fjellvik-skole",
    mentors=[{"person": "t-0407", "classes": ["1a"], "learners": ["s-1050"]}],
    headteachers=[{"person": "t-0008", "schools": ["fjellvik-skole"]}],
)
IN_NORDBERG = {
    *("mentor/t-0401/class/9a", "mentor/t-0403/class/8b", "mentor/t-0403/learner/s-1001"),
    "headteacher/t-0007/school/nordberg-skole",
}
IN_FJELLVIK = {
    *("mentor/t-0407/class/1a", "mentor/t-0407/learner/s-1050"),
    "headteacher/t-0008/school/fjellvik-skole",
}


def test_each_school_s_manifest_rules_its_own_school_only(desk: Desk, sandbox: Sandbox):
    desk.write(SITE_WIDE, "site.yaml")
    desk.write(NORDBERG, "nordberg.yaml")
    desk.write(FJELLVIK, "fjellvik.yaml")
    desk.run("apply", "site.yaml", "--yes")
    desk.run("apply", "nordberg.yaml", "--yes")
    assert sandbox.assignments() == {*IN_NORDBERG, "headteacher/t-0008/school/fjellvik-skole"}
    desk.run("apply", "fjellvik.yaml", "--yes")
    assert sandbox.assignments() == IN_NORDBERG | IN_FJELLVIK
    for name in ("site.yaml", "nordberg.yaml", "fjellvik.yaml"):
        desk.run("plan", name, "--detailed-exitcode")

    # What somebody changes in one school is drift there, and nowhere else.
    sandbox.unassign("mentor/t-0407/class/1a")
    sandbox.assign("mentor/t-0401/class/1b")
    desk.run("drift", "nordberg.yaml")
    desk.run("drift", "site.yaml")
    told = desk.run("drift", "fjellvik.yaml", "--format", "json", expect=2).json("drift")
    assert {each["name"]: each["verb"] for each in told["drifted"]} == {
        "mentor/t-0407/class/1a": "add",
        "mentor/t-0401/class/1b": "remove",
    }
    desk.run("apply", "fjellvik.yaml", "--yes")
    assert sandbox.assignments() == IN_NORDBERG | IN_FJELLVIK, "t-0401 keeps the class in scope"

    # A plan for one school holds although the other school moved on.
    sandbox.unassign("mentor/t-0401/class/9a")
    desk.run("plan", "nordberg.yaml", "--out", "plan.json")
    sandbox.assign("mentor/t-0407/class/1b")
    desk.run("apply", "plan.json")
    assert sandbox.assignments() == {*IN_NORDBERG, *IN_FJELLVIK, "mentor/t-0407/class/1b"}


OUTSIDE = {
    "a class": {"mentors": [{"person": "t-0407", "classes": ["9a", "1a"]}]},
    "a learner": {"mentors": [{"person": "t-0407", "learners": ["s-1001"]}]},
    "a school": {"headteachers": [{"person": "t-0008", "schools": ["nordberg-skole"]}]},
    "an organisation": {"headteachers": [{"person": "t-0008", "organisations": ["barneskoler"]}]},
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_what_lies_outside_the_scope_cannot_be_declared(settled_desk: Desk, case: str):
    manifest = {**FJELLVIK, "mentors": None, "headteachers": None, **OUTSIDE[case]}
    settled_desk.write({key: value for key, value in manifest.items() if value is not None})
    done = settled_desk.run("plan", "roles.yaml", expect=1)
    assert done.err.count("RR208") == 1


@pytest.mark.parametrize("section", ["roles", "labels"])
def test_a_school_s_manifest_has_no_site_wide_sections(tmp_path, section: str):
    desk = Desk(tmp_path)
    desk.write({**NORDBERG, section: example()[section]})
    assert "RR115" in desk.run("validate", "roles.yaml", expect=1).err


UNMANAGED = {
    # What is done about what is undeclared: exit codes of plan and drift, actions, reported.
    "remove": (2, 2, 2, 0),
    "report": (0, 2, 0, 2),
    "ignore": (0, 0, 0, 0),
}


def test_unmanaged_decides_about_undeclared_holders_only(applied: Desk, sandbox: Sandbox):
    sandbox.assign("mentor/t-0409")
    sandbox.assign("mentor/t-0409/class/no")
    for mode, (plan_code, drift_code, actions, reported) in UNMANAGED.items():
        applied.write(example(settings={**example()["settings"], "unmanaged": mode}))
        command = ("plan", "roles.yaml", "--detailed-exitcode")
        document = applied.run(*command, "--format", "json", expect=plan_code).json("plan")
        assert (len(document["actions"]), len(document["unmanaged"])) == (actions, reported), mode
        told = applied.run("drift", "roles.yaml", expect=drift_code).out
        assert ("mentor/t-0409/class/no" in told) == (mode != "ignore")
        shown = applied.run(*command, expect=plan_code).out
        assert ("reported only" in shown) == bool(reported)
        but = "Nothing to apply, but 2 things are live and not declared (reported only)."
        assert (but in shown) == bool(reported)
        assert ("as the manifest declares" in shown) == (mode == "ignore")
        if not actions:
            applying = applied.run("apply", "roles.yaml", "--yes")
            assert (applying.out.strip() == but) == bool(reported)
            assert but not in applying.err
    # An extra of a declared person is removed whatever `unmanaged` says.
    sandbox.assign("mentor/t-0401/class/1a")
    named = applied.run("plan", "roles.yaml", "--format", "json").json("plan")["actions"]
    assert [(each["verb"], each["name"]) for each in named] == [
        ("remove", "mentor/t-0401/class/1a")
    ]
    applied.run("apply", "roles.yaml", "--yes")
    assert "mentor/t-0409/class/no" in sandbox.assignments()


def test_a_protected_person_stays_when_their_entry_is_gone(settled_desk: Desk):
    heads = [{"person": "t-0008", "schools": ["fjellvik-skole"]}]
    settled_desk.write(example(headteachers=heads))
    done = settled_desk.run("plan", "roles.yaml", "--detailed-exitcode")
    assert "RR503" in done.out
    assert "headteacher/t-0007" in done.out
    settled_desk.run("drift", "roles.yaml")
    settled_desk.write(example(headteachers=heads, policy=None))
    settled_desk.run("plan", "roles.yaml", "--detailed-exitcode", expect=2)


def test_a_directory_is_one_manifest(first_desk: Desk):
    whole = example()
    first_desk.write(SITE_WIDE, "site/a.yaml")
    for number, entry in enumerate(whole["mentors"]):
        first_desk.write({"version": 1, "mentors": [entry]}, f"site/mentors/{number}.yaml")
    heads = {"version": 1, "headteachers": whole["headteachers"]}
    first_desk.write(heads, "site/heads.yml")
    joined = first_desk.run("plan", "site", "--format", "json").json("plan")
    single = first_desk.run("plan", "roles.yaml", "--format", "json").json("plan")
    assert [each["address"] for each in joined["actions"]] == [
        each["address"] for each in single["actions"]
    ]
    causes = {each["cause"]["file"] for each in joined["actions"]}
    assert {"site/a.yaml", "site/heads.yml", "site/mentors/0.yaml"} <= causes
