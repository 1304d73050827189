"""`--redact`: pseudonyms in the place of people, in everything that a whole run prints."""

import json
import re

import pytest
from sandboxes import Desk, Done, Sandbox, example

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "another key that is long enough"


@pytest.fixture
def discreet(desk: Desk) -> Desk:
    desk.environment["RECONCILER_REDACT_KEY"] = KEY
    return desk


def people_of(sandbox: Sandbox) -> set[str]:
    """Everything that names somebody: ids, keys, usernames, names."""
    words = set()
    for person in sandbox.items("people"):
        words |= {person["id"], person["sync_key"], person["username"], person["name"]}
    return words - {None}


def names_nobody(text: str, words: set[str]) -> bool:
    told = {word for word in re.split(r"[\s/\",;:()'“”]+", text) if word in words}
    assert not told
    assert not any(" " in word and word in text for word in words)
    return True


def test_a_whole_run_names_nobody(discreet: Desk, sandbox: Sandbox):
    words = people_of(sandbox)
    told: list[Done] = []

    def run(*arguments: str, expect: int = 0) -> Done:
        done = discreet.run(*arguments, "--redact", expect=expect)
        told.append(done)
        return done

    run("validate", "roles.yaml", "--online")
    run("plan", "roles.yaml", "-v")
    run("plan", "roles.yaml", "--format", "json").json("plan")
    discreet.run("plan", "roles.yaml", "--out", "plan.json")
    run("show", "plan.json")
    run("show", "plan.json", "--inverse", "--format", "json").json("plan")
    run("apply", "plan.json", "--format", "json").json("apply")
    run("review", "roles.yaml", "--format", "json").json("review")
    for output in ("text", "csv", "html"):
        run("review", "--format", output)
    run("access", "--unit", "8a", "--format", "json").json("access")
    run("access", "--person", "t-0412")
    run("access", "--learner", "s-1001", "--as-planned", "roles.yaml")
    run("explain", "t-0412", "--format", "json").json("explanation")
    run("explain", "t-0412")
    run("export")
    run("export", "--state", "live.json")
    told.append(Done(0, (discreet.directory / "live.json").read_text(), ""))
    sandbox.unassign("mentor/t-0412/class/8a")
    sandbox.assign("mentor/t-0407/class/8a")
    run("drift", "roles.yaml", expect=2)
    run("drift", "roles.yaml", "--format", "json", expect=2).json("drift")
    run("apply", "roles.yaml", "--yes", "-v")
    run("history")
    latest = run("history", "--format", "json").json("history")["runs"][0]["run"]
    run("history", "show", latest)
    run("history", "show", latest, "--format", "json").json("run")
    run("rollback", latest, "--yes")
    discreet.write(example(mentors=[]), "nobody.yaml")
    run("plan", "nobody.yaml", expect=4)
    run("apply", "nobody.yaml", "--yes", expect=4)
    discreet.write(example(policy={"max_learners_per_mentor": 1, "max_removals": "100%"}))
    run("plan", "roles.yaml", expect=4)
    run("apply", "roles.yaml", "--yes", expect=4)
    for done in told:
        assert names_nobody(done.out + done.err, words)
    assert sum("p-" in done.out for done in told) > 20


def test_pseudonyms_are_the_same_in_every_run_with_the_same_key(settled_desk: Desk):
    asked = ("access", "--unit", "8a", "--format", "json", "--redact")
    one = settled_desk.run(*asked, RECONCILER_REDACT_KEY=KEY).json("access")
    again = settled_desk.run(*asked, RECONCILER_REDACT_KEY=KEY).json("access")
    other = settled_desk.run(*asked, RECONCILER_REDACT_KEY=OTHER).json("access")
    assert one == again
    assert not set(one["learners"]) & set(other["learners"])
    assert len(one["learners"]) == len(other["learners"]) > 10
    assert all(re.fullmatch("p-[a-z2-7]{13}", each) for each in one["learners"])
    plan = settled_desk.run(
        "explain", "s-1001", "--format", "json", "--redact", RECONCILER_REDACT_KEY=KEY
    ).json("explanation")
    assert plan["person"] in one["learners"]


def test_a_redacted_plan_says_so_and_cannot_be_applied(discreet: Desk, sandbox: Sandbox):
    discreet.run("plan", "roles.yaml", "--out", "plan.json", "--redact")
    saved = json.loads((discreet.directory / "plan.json").read_text())
    assert saved["redacted"] is True
    assert "Redacted: people are hidden in it." in discreet.run("show", "plan.json").out
    refused = discreet.run("apply", "plan.json", expect=5)
    assert "The plan is redacted" in refused.err
    assert "Apply the plan as it was made, without --redact." in refused.err
    asked = ("access", "--unit", "8a", "--as-planned", "plan.json")
    assert "redacted" in discreet.run(*asked, expect=5).err
    assert sandbox.assignments() == {"headteacher/t-0008/school/fjellvik-skole"}


def test_a_key_is_needed_and_it_has_to_be_long(first_desk: Desk):
    for key in ({}, {"RECONCILER_REDACT_KEY": "short"}):
        told = first_desk.run("plan", "roles.yaml", "--redact", expect=1, **key).err
        assert "--redact needs a key of at least 16 characters in RECONCILER_REDACT_KEY." in told
        assert "short" not in told


def test_errors_are_told_without_what_somebody_wrote(first_desk: Desk):
    first_desk.environment["RECONCILER_REDACT_KEY"] = KEY
    twice = [{"person": "t-0412", "classes": []}] * 2
    first_desk.write(example(mentors=twice))
    told = first_desk.run("plan", "roles.yaml", "--redact", expect=1).err
    assert "RR112: The same person twice." in told
    assert "t-0412" not in told
    first_desk.write(example(mentors=[{"person": "t-0413x", "classes": []}]))
    unknown = first_desk.run("validate", "roles.yaml", "--online", "--redact", expect=1).err
    assert "RR202: Unknown person." in unknown
    assert "t-04" not in unknown
    near = first_desk.run("explain", "t-041", "--redact", expect=1).err
    assert "t-0412" not in near


def test_people_with_a_protected_address_are_in_no_report_even_without_a_key(
    desk: Desk, sandbox: Sandbox
):
    (desk.directory / "withheld").write_text("# do not show\ns-1001\nt-0412  # a mentor\n")
    desk.environment["RECONCILER_WITHHELD"] = "withheld"
    ids = sandbox.ids("people")
    words = {"s-1001", "t-0412", ids["s-1001"], ids["t-0412"]}
    desk.run("plan", "roles.yaml", "--out", "plan.json", RECONCILER_WITHHELD="/dev/null")
    told = [
        desk.run("plan", "roles.yaml", "--format", "json"),
        desk.run("show", "plan.json"),
        desk.run("apply", "plan.json", "--format", "json"),
        desk.run("access", "--unit", "8a", "--format", "json"),
        desk.run("review", "--format", "csv"),
        desk.run("export"),
        desk.run("drift", "roles.yaml"),
    ]
    desk.run("export", "--state", "live.json")
    told.append(Done(0, (desk.directory / "live.json").read_text(), ""))
    for done in told:
        assert names_nobody(done.out + done.err, words)
    assert json.loads(told[0].out)["redacted"] is True
    assert "mentor/withheld/class/8a" in told[0].out
    assert "t-0403" in told[0].out
    assert "# Withheld people: 2, with " in told[5].out
    assert "withheld from every report" in desk.run("explain", "t-0412", expect=1).err
    desk.environment["RECONCILER_WITHHELD"] = "nowhere"
    assert "cannot be read" in desk.run("plan", "roles.yaml", expect=1).err


def test_what_is_withheld_can_still_be_planned_and_applied(desk: Desk, sandbox: Sandbox):
    (desk.directory / "withheld").write_text("t-0412\n")
    desk.environment["RECONCILER_WITHHELD"] = "withheld"
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    desk.run("apply", "plan.json")
    assert "mentor/t-0412/class/8a" in sandbox.assignments()


def test_refusals_and_stale_plans_name_nobody_whom_the_plan_does_not_name(
    discreet: Desk, sandbox: Sandbox
):
    """A guard counts everybody, and somebody else may have moved anybody."""
    words = people_of(sandbox)
    discreet.run("apply", "roles.yaml", "--yes")
    few = [{"person": "t-0412", "classes": ["9a"]}]
    discreet.write(example(mentors=few, policy={"max_removals": "100%"}), "few.yaml")
    discreet.run("plan", "few.yaml", "--out", "few.json")
    demand = {"every_learner_has_mentor": True}
    policy = {"version": 1, "site": "nordberg-kommune", "policy": demand}
    discreet.write(policy, "policy.yaml")
    asked = ("apply", "few.json", "--redact")
    refused = discreet.run(*asked, expect=4, RECONCILER_POLICY="policy.yaml").err
    assert "RR513" in refused
    assert "p-" in refused
    assert "If it is meant, run again with --override RR513" in refused
    sandbox.assign("mentor/t-0405")
    sandbox.assign("mentor/t-0405/class/9a")
    for command in (asked, ("review", "--as-planned", "few.json", "--redact")):
        stale = discreet.run(*command, expect=5).err
        assert "The plan is stale" in stale
        assert "/class/9a: add by" in stale
        assert "Make a new plan and review it." in stale
        assert names_nobody(stale + refused, words)
    narrowed = ("--only", "mentor/*", "--except", "mentor/*/class/*", "--redact")
    discreet.write(example(mentors=[]), "nobody.yaml")
    for command in (("plan", "nobody.yaml"), ("apply", "nobody.yaml", "--yes")):
        needs = discreet.run(*command, *narrowed, expect=64).err
        assert "must wait for" in needs
        assert names_nobody(needs, words)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xef\xbb\xbfs-1001\r\n", None),
        (b"s-1001, s-1002\n", "line 1 of the file is more than one id or key"),
        (b"# of the school\nLiv Myhre\n", "line 2 of the file is more than one"),
        ("s-1001".encode("utf-16"), "cannot be read: it is not utf-8."),
    ],
)
def test_the_list_of_who_is_withheld_is_read_whole_or_not_at_all(
    first_desk: Desk, content: bytes, told: str | None
):
    (first_desk.directory / "withheld").write_bytes(content)
    asked = ("access", "--learner", "s-1001")
    done = first_desk.run(*asked, expect=1, RECONCILER_WITHHELD="withheld").err
    assert (told or "This person is withheld from every report.") in done
    for name, why in (("", "is set, but empty"), (".", "cannot be read: is a directory")):
        assert why in first_desk.run(*asked, expect=1, RECONCILER_WITHHELD=name).err
