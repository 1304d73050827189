"""`pipeline reviewed`: which run made the plan that a merge was reviewed by."""

import pytest
from sandboxes import Desk

HEAD, MERGE, OTHER = "a" * 40, "b" * 40, "c" * 40
NAME = f"reconciler-plan-roles-{HEAD}"


@pytest.fixture
def here(tmp_path):
    return Desk(tmp_path)


def find(desk, host, *words, expect=0, **more):
    found = host.github(GITHUB_REF="refs/heads/main", GITHUB_EVENT_NAME="push", **more)
    return desk.run("pipeline", "reviewed", *words, expect=expect, **found)


def test_the_newest_run_for_the_last_commit_of_the_merged_pull_request_is_named(here, host):
    host.merge(3, HEAD, MERGE)
    host.keep(NAME, 41, HEAD)
    host.keep(NAME, 42, HEAD)
    host.keep(NAME, 43, HEAD, expired=True)
    host.keep(NAME, 44, HEAD, head_repository_id=2)  # of a fork
    host.keep(NAME, 45, OTHER)  # a name that another commit took
    host.keep(f"reconciler-plan-{HEAD}", 46, HEAD)
    found = find(here, host, "--about", "roles")
    assert found.out == f"run=42\nartefact={NAME}\nrequest=3\n"
    assert find(here, host).out.startswith("run=46\n")


def test_without_a_merge_there_is_nothing_reviewed(here, host):
    done = find(here, host, expect=5)
    assert f"No pull request was reviewed for {MERGE[:12]}" in done.err
    host.merge(3, HEAD, OTHER, MERGE)  # a commit that another merge brought
    host.pulls[MERGE].append({"number": 4, "merged_at": None, "merge_commit_sha": MERGE})
    assert "No pull request was reviewed" in find(here, host, expect=5).err


def test_a_plan_that_is_not_kept_any_more_is_told(here, host):
    host.merge(3, HEAD, MERGE)
    host.keep(NAME, 41, HEAD, expired=True)
    done = find(here, host, "--about", "roles", expect=5)
    assert "pull request 3" in done.err
    assert NAME in done.err


def test_gitlab_has_no_such_thing(here, host):
    done = here.run("pipeline", "reviewed", expect=1, **host.gitlab())
    assert "GitLab does not tell which plan was reviewed" in done.err
