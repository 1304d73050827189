"""`apply --reviewed`: what is made of the manifest now, as far as a saved plan has it."""

import pytest
from sandboxes import example


def with_mentor(person: str, *classes: str):
    mentors = [*example()["mentors"], {"person": person, "classes": list(classes)}]
    return example(mentors=mentors)


@pytest.fixture
def reviewed(applied):
    """A desk whose saved plan gives t-0402 class 8a."""
    applied.write(with_mentor("t-0402", "8a"))
    applied.run("plan", "roles.yaml", "--out", "plan.json")
    return applied


def test_what_was_reviewed_is_applied_also_where_something_else_moved(reviewed):
    reviewed.sandbox.call("GET", "site")
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "plan.json", "--yes")
    assert "2 succeeded" in done.out
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "plan.json", "--yes")
    assert "2 changes that were reviewed need not be made any more." in done.err


def test_what_was_not_reviewed_is_refused_and_nothing_is_done(reviewed):
    before = reviewed.sandbox.writes()
    reviewed.write(with_mentor("t-0402", "8a", "8b"))
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "plan.json", "--yes", expect=5)
    assert "1 change would be made that nobody reviewed: add mentor/t-0402/class/8b." in done.err
    assert "Have a new plan reviewed" in done.err
    assert reviewed.sandbox.writes() == before


def test_drift_since_the_review_is_not_repaired_unseen(reviewed):
    reviewed.sandbox.assign("mentor/t-0407/class/8a")
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "plan.json", "--yes", expect=5)
    assert "remove mentor/t-0407/class/8a" in done.err


def test_with_pseudonyms_the_refusal_names_nobody(reviewed):
    reviewed.write(with_mentor("t-0402", "8a", "8b"))
    key = {"RECONCILER_REDACT_KEY": "k" * 32}
    words = ("apply", "roles.yaml", "--reviewed", "plan.json", "--yes", "--redact")
    done = reviewed.run(*words, expect=5, **key)
    assert "would be made that nobody reviewed" in done.err
    assert "t-0402" not in done.err


def test_the_reviewed_plan_has_to_be_a_plan_and_the_other_a_manifest(reviewed):
    done = reviewed.run("apply", "plan.json", "--reviewed", "plan.json", expect=64)
    assert "--reviewed is for manifests" in done.err
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "roles.yaml", "--yes", expect=1)
    assert "is a manifest, not a saved plan" in done.err
    reviewed.run("apply", "roles.yaml", "--reviewed", "none.json", "--yes", expect=1)
    plan = (reviewed.directory / "plan.json").read_text().replace("t-0402", "t-0403")
    reviewed.write(plan, "edited.json")
    done = reviewed.run("apply", "roles.yaml", "--reviewed", "edited.json", "--yes", expect=5)
    assert "its digest does not match" in done.err
