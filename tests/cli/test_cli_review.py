"""`review` on a real site: what it finds, in every format, and when it fails."""

import csv
import io

import pytest
from sandboxes import Desk, example

from reconciler.review import Check


def test_an_untouched_site_lacks_mentors_and_a_settled_one_is_told_what_is_left(
    first_desk: Desk, settled_desk: Desk
):
    told = first_desk.run("review").out
    assert told.startswith("Review of nordberg-kommune on ")
    assert "Classes without a mentor: " in told
    assert "(RR601)" in told
    settled = settled_desk.run("review", "roles.yaml", "--format", "json").json("review")
    assert settled["counts"]["class_without_mentor"] == 0
    assert settled["counts"]["school_without_headteacher"] == 0


def test_as_planned_is_the_review_after_the_apply(first_desk: Desk, settled_desk: Desk):
    options = ("roles.yaml", "--format", "csv")
    planned = first_desk.run("review", "--as-planned", "roles.yaml", *options).out
    assert planned == settled_desk.run("review", *options).out


def test_it_fails_for_what_it_is_asked_to_fail_for(first_desk: Desk):
    first_desk.run("review")
    first_desk.run("review", "--fail-on", "warning", expect=4)
    first_desk.run("review", "--fail-on", "class_without_mentor", expect=4)
    first_desk.run("review", "--fail-on", "expired_and_live")
    first_desk.run("review", "--fail-on", "never")
    first_desk.write(example(policy={"every_class_has_mentor": True}), "strict.yaml")
    first_desk.run("review", "strict.yaml", expect=4)
    first_desk.run("review", "strict.yaml", "--fail-on", "never")
    told = first_desk.run("review", "--fail-on", "nothing", expect=64).err
    assert "class_without_mentor" in told


def test_the_policy_of_the_site_counts(first_desk: Desk):
    first_desk.write(
        {"version": 1, "site": "nordberg-kommune", "policy": {"every_class_has_mentor": True}},
        "policy.yaml",
    )
    first_desk.run("review", expect=4, RECONCILER_POLICY="policy.yaml")


def test_a_grant_past_its_end_is_an_error_and_drift(settled_desk: Desk):
    mentors = example()["mentors"]
    mentors[0]["classes"] = [{"id": mentors[0]["classes"][0], "until": "2026-01-01"}]
    settled_desk.write(example(mentors=mentors), "past.yaml")
    told = settled_desk.run("review", "past.yaml", expect=4).out
    assert "Past their last day and still live: 1 (RR611)" in told
    drift = settled_desk.run("drift", "past.yaml", "--format", "json", expect=2).json("drift")
    assert [(each["kind"], each["cause"]) for each in drift["drifted"]] == [
        ("expired", "expired 2026-01-01")
    ]
    assert (
        "Past their last day and still live: 1"
        in settled_desk.run("drift", "past.yaml", expect=2).out
    )


def test_what_ends_within_the_days_asked_for_is_named(settled_desk: Desk):
    mentors = example()["mentors"]
    mentors[0]["classes"] = [{"id": mentors[0]["classes"][0], "until": "2026-12-20"}]
    settled_desk.write(example(mentors=mentors), "ends.yaml")
    on = ("ends.yaml", "--as-of", "2026-12-01")
    assert "holds until 2026-12-20" in settled_desk.run("review", *on, "--within", "30d").out
    assert "Ending soon" not in settled_desk.run("review", *on, "--within", "18").out
    assert "Ending soon: 1" in settled_desk.run("drift", *on, "--within", "19d").out
    assert "Ending soon" not in settled_desk.run("drift", *on, "--within", "18d").out
    for days in ("-1d", "month", "1234567"):
        assert "--within" in settled_desk.run("review", "--within", days, expect=64).err


def test_every_row_of_the_table_has_every_column(first_desk: Desk):
    rows = list(csv.DictReader(io.StringIO(first_desk.run("review", "--format", "csv").out)))
    document = first_desk.run("review", "--format", "json").json("review")
    assert len(rows) == len(document["findings"]) > 50
    assert [row["id"] for row in rows] == [each["id"] for each in document["findings"]]
    assert {row["check"] for row in rows} <= {check.value for check in Check}


def test_a_policy_file_that_states_more_is_refused(first_desk: Desk):
    first_desk.write(example(), "policy.yaml")
    told = first_desk.run("plan", "roles.yaml", expect=1, RECONCILER_POLICY="policy.yaml").err
    assert "RR123: 'mentors' does not belong into a policy file." in told
    nowhere = first_desk.run("plan", "roles.yaml", expect=1, RECONCILER_POLICY="nowhere.yaml").err
    assert "nowhere.yaml" in nowhere
    empty = first_desk.run("plan", "roles.yaml", expect=1, RECONCILER_POLICY=" ").err
    assert "RECONCILER_POLICY is set, but empty" in empty


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_the_policy_of_the_site_refuses_what_a_manifest_would_allow(first_desk: Desk, command):
    first_desk.write(
        {"version": 1, "site": "nordberg-kommune", "policy": {"max_learners_per_mentor": 10}},
        "policy.yaml",
    )
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    asked = {"plan": ["plan", "roles.yaml"], "apply": ["apply", "plan.json"]}[command]
    refused = first_desk.run(*asked, expect=4, RECONCILER_POLICY="policy.yaml")
    assert "RR511" in refused.out + refused.err
    assert "the site's policy max_learners_per_mentor" in refused.out + refused.err


def test_what_it_is_asked_to_fail_for_can_be_a_code(first_desk: Desk):
    first_desk.run("review", "--fail-on", "RR602", expect=4)
    first_desk.run("review", "--fail-on", "RR611")


def test_as_planned_brings_its_policies_with_it(first_desk: Desk):
    """A manifest, and a plan that was saved from it."""
    demand = {"every_learner_has_mentor": True}
    only_one = [{"person": "t-0412", "classes": ["8a"]}]
    first_desk.write(example(policy=demand, mentors=only_one), "strict.yaml")
    told = first_desk.run("review", "--as-planned", "strict.yaml", expect=4)
    assert "of which" in told.out
    first_desk.run("plan", "strict.yaml", "--out", "strict.json", expect=4)
    of_plan = first_desk.run("review", "--as-planned", "strict.json", expect=4)
    assert of_plan.out == told.out


def test_what_is_odd_about_the_manifest_is_told_beside_the_review(settled_desk: Desk):
    nothing = {
        "address": "mentor/t-0412/class/8a",
        "owner": "t-0007",
        "reason": "not any more",
        "until": "2099-12-31",
    }
    settled_desk.write(example(accepted=[nothing]), "odd.yaml")
    told = settled_desk.run("review", "odd.yaml", "--fail-on", "never")
    assert "RR213: mentor/t-0412/class/8a is accepted" in told.err


def test_nobody_is_named_beside_a_redacted_answer(first_desk: Desk):
    """Warnings and refusals of the plan that makes the state go to standard error."""
    mentors = [{"person": "t-0412", "classes": ["8a"], "learners": ["s-1040"]}]
    demand = {"max_learners_per_mentor": 1}
    first_desk.write(example(mentors=mentors, policy=demand), "few.yaml")
    key = {"RECONCILER_REDACT_KEY": "0123456789abcdef"}
    asked = ("--as-planned", "few.yaml", "--redact")
    for command in (("review", "--fail-on", "never"), ("access", "--unit", "8a")):
        told = first_desk.run(*command, *asked, **key)
        assert "RR511" in told.err
        assert "t-0412" not in told.err + told.out


POLICY = {"version": 1, "site": "nordberg-kommune", "policy": {"max_access_gain": 30}}


def test_a_policy_file_can_be_checked_by_itself_and_on_the_site(first_desk: Desk):
    first_desk.write(POLICY, "policy.yaml")
    told = first_desk.run("validate", "--as-policy", "policy.yaml").out
    assert told == "Valid: policy.yaml (checked offline).\n"
    unknown = {**POLICY, "policy": {"protected": {"people": ["t-9999"]}}}
    first_desk.write(unknown, "unknown.yaml")
    first_desk.run("validate", "--as-policy", "unknown.yaml")
    online = ("validate", "--as-policy", "unknown.yaml", "--online")
    assert "RR202" in first_desk.run(*online, expect=1).err
    manifest = ("validate", "roles.yaml", "--online")
    assert "RR202" in first_desk.run(*manifest, expect=1, RECONCILER_POLICY="unknown.yaml").err
    assert "RR123" in first_desk.run("validate", "--as-policy", "roles.yaml", expect=1).err


def test_a_policy_file_without_policies_is_warned_of_wherever_it_is_read(first_desk: Desk):
    first_desk.write({"version": 1, "site": "nordberg-kommune"}, "empty.yaml")
    assert "RR127" in first_desk.run("validate", "--as-policy", "empty.yaml").err
    assert "RR127" in first_desk.run("plan", "roles.yaml", RECONCILER_POLICY="empty.yaml").out
