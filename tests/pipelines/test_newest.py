"""`pipeline newest`: whether a job is for what the default branch is by now."""

import pytest
from sandboxes import Desk

NEWER = "c" * 40


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_an_older_commit_than_the_newest_is_refused_with_advice(tmp_path, host, name):
    desk = Desk(tmp_path)
    variables = getattr(host, name)()
    assert desk.run("pipeline", "newest", **variables).out == ""
    host.newest = NEWER
    done = desk.run("pipeline", "newest", expect=5, **variables)
    assert f"for the commit {'b' * 12}, and the default branch is at {'c' * 12}" in done.err
    assert "Let the job of the newest commit apply" in done.err


def test_an_answer_without_a_commit_is_no_leave_to_apply(tmp_path, host):
    desk = Desk(tmp_path)
    host.newest = None
    assert "names no commit" in desk.run("pipeline", "newest", expect=1, **host.github()).err
    host.failing = 404
    done = desk.run("pipeline", "newest", expect=1, **host.github())
    assert "permissions that docs/pipelines.md lists" in done.err
