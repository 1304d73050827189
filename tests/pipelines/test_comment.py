"""`pipeline comment`: one comment on a pull request, which each run writes anew."""

import pytest
from code_host import BOT, LIMIT, TOKEN, CodeHost
from sandboxes import Desk

from reconciler.reports.markdown import MARK, fitted

HOSTS = ("github", "gitlab")


@pytest.fixture
def here(tmp_path):
    """A folder with a report in it, at no site."""
    desk = Desk(tmp_path)
    desk.write(f"{MARK}### Plan for <code>nordberg</code>\n", "plan.md")
    return desk


def variables(host: CodeHost, name: str, **more: str) -> dict[str, str]:
    return {"github": host.github, "gitlab": host.gitlab}[name](**more)


@pytest.mark.parametrize("name", HOSTS)
def test_a_comment_is_written_once_and_then_written_anew(here, host, name):
    noun = "pull request" if name == "github" else "merge request"
    host.say("Looks good to me.")
    done = here.run("pipeline", "comment", "plan.md", **variables(host, name))
    assert done.err == f"Wrote a comment on {noun} 3.\n"
    here.write(f"{MARK}### Nothing to do\n", "plan.md")
    done = here.run("pipeline", "comment", "plan.md", **variables(host, name))
    assert done.err == f"Wrote the comment on {noun} 3 anew.\n"
    assert host.writes == [("made", "18"), ("renewed", "18")]
    first, own = host.comments
    assert first["body"] == "Looks good to me."
    assert own["body"].startswith(MARK)
    assert own["body"].endswith("### Nothing to do\n")


@pytest.mark.parametrize("name", HOSTS)
def test_the_comment_is_found_behind_many_others_and_nobody_elses_is_touched(here, host, name):
    here.run("pipeline", "comment", "plan.md", **variables(host, name))
    own = host.comments.pop()
    for number in range(250):
        host.say(f"Remark {number}")
    host.say(own["body"])  # somebody quotes it
    host.comments.append({**own, "body": own["body"].replace("\n", "\r\n")})
    host.comments[-1]["id"] = 900
    here.run("pipeline", "comment", "plan.md", **variables(host, name))
    assert host.writes[1:] == [("renewed", "900")]


def test_two_manifests_have_a_comment_each(here, host):
    for about in ("north", "south", "", "north", "south"):
        words = ("--about", about) if about else ()
        here.run("pipeline", "comment", "plan.md", *words, **host.github())
    assert [what for what, _ in host.writes] == ["made", "made", "made", "renewed", "renewed"]
    assert [number for _, number in host.writes] == ["17", "18", "19", "17", "18"]


REFUSED = {
    "no permission": ({"permitted": False}, {}, 1, "docs/pipelines.md lists"),
    "a host that fails": ({"failing": 500}, {}, 1, "GitHub cannot answer: 500"),
    "a wrong token": ({}, {"GH_TOKEN": "other"}, 1, "was refused: 401 Bad credentials"),
    "no token": ({}, {"GH_TOKEN": "", "GITHUB_TOKEN": ""}, 1, "GH_TOKEN is not set"),
    "no pull request": ({}, {"GITHUB_REF": "refs/heads/main"}, 64, "runs for no pull request"),
    "no pipeline": ({}, {"GITHUB_ACTIONS": ""}, 1, "neither GITHUB_ACTIONS nor GITLAB_CI"),
    "another machine, in the clear": (
        {},
        {"GITHUB_API_URL": "http://git.example"},
        1,
        "GITHUB_API_URL is not encrypted",
    ),
    "a repository that is no path": (
        {},
        {"GITHUB_REPOSITORY": "a b"},
        1,
        "the host's own pipeline",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_goes_wrong_is_told_in_a_sentence_without_the_token(here, host, case, monkeypatch):
    state, changed, code, told = REFUSED[case]
    for name, value in state.items():
        setattr(host, name, value)
    done = here.run("pipeline", "comment", "plan.md", expect=code, **host.github(**changed))
    assert told in done.err
    assert TOKEN not in done.err
    assert host.writes == []


def test_a_comment_that_got_no_answer_is_not_sent_twice(here, host, monkeypatch):
    """Who lists the comments next finds it, if it was written."""
    asked = []
    answer = host.answer

    def failing(method, path, query, body):
        asked.append(method)
        return (
            (502, {"message": "Bad Gateway"})
            if method == "POST"
            else answer(method, path, query, body)
        )

    monkeypatch.setattr(host, "answer", failing)
    here.run("pipeline", "comment", "plan.md", expect=1, **host.github())
    assert asked == ["GET", "POST"]


def test_only_a_report_that_fits_is_sent(here, host):
    here.write("# My notes\n", "notes.md")
    done = here.run("pipeline", "comment", "notes.md", expect=64, **host.github())
    assert "notes.md is no report in Markdown" in done.err
    here.write(MARK + "x" * LIMIT, "long.md")
    done = here.run("pipeline", "comment", "long.md", expect=64, **host.github())
    assert "a comment has room for 65,536" in done.err
    here.run("pipeline", "comment", "plan.md", "--about", "a b", expect=64, **host.github())
    here.run("pipeline", "comment", "none.md", expect=1, **host.github())
    assert host.writes == []


def test_a_plan_of_any_size_fits_with_the_longest_name(here, host):
    """The report leaves room for what is put before it."""
    sections = (f"Section {number}\n" + "é" * 900 for number in range(100))
    here.write("".join(fitted(["### Plan\n"], sections)), "plan.md")  # type: ignore[arg-type]
    here.run("pipeline", "comment", "plan.md", "--about", "n" * 40, **host.github())
    assert "would be too long for a comment" in host.comments[0]["body"]
    assert host.comments[0]["user"] is BOT
