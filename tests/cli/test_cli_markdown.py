"""Plans, drift and mistakes as a comment: what it says, and what nothing in it can do."""

import re

from judges import rendered
from sandboxes import Desk, example
from small import plan, small_site, wanting

from reconciler.reports import markdown
from reconciler.state import Person

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</code></summary><script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "![a](https://example.org/x.png)",
    "`**_~~| @octocat #1 www.example.org https://example.org",
    "<!-- x",
    "--> y &lt;b&gt; &amp; \\ \n\n# heading\n- item",
)


def test_a_plan_is_a_comment_that_names_no_learner(first_desk: Desk):
    found = rendered(first_desk.run("plan", "roles.yaml", "--format", "markdown").out)
    assert "to add" in found.said
    assert "mentor t-0412: 5 changes" in found.said
    assert "add 2 learners" in found.said
    assert "class 8a" in found.codes
    assert "gains 22 learners" in found.said
    assert not re.search(r"\bs-\d{4}\b", found.said)
    assert "knows the learner" not in found.said


def test_a_refusal_comes_first(first_desk: Desk):
    first_desk.write(example(policy={"max_learners_per_mentor": 10}), "strict.yaml")
    first_desk.run("plan", "strict.yaml", "--format", "markdown=plan.md", expect=4)
    found = rendered((first_desk.directory / "plan.md").read_text(encoding="utf-8"))
    assert found.said.index("Refused (RR511)") < found.said.index("Access")
    first_desk.run("plan", "roles.yaml", "--format", "markdown=plan.md")  # its own is replaced


def test_drift_and_mistakes_are_comments_too(settled_desk: Desk):
    past = [{"id": "s-1020", "until": "2026-01-01"}]
    mentors = [
        {**each, "learners": past} if each.get("learners") else each
        for each in example()["mentors"]
    ]
    settled_desk.write(example(mentors=mentors), "past.yaml")
    found = rendered(settled_desk.run("drift", "past.yaml", "--format", "markdown", expect=2).out)
    assert "a learner" in found.codes
    assert "mentor t-0412 a learner on the site past its last day" in found.said
    assert not re.search(r"\bs-\d{4}\b", found.said)
    settled_desk.write(
        "version: 1\nsite: nord\nmentors:\n  - person: t-1\n    learners: [s-1, s-1]\n"
    )
    told = settled_desk.run("plan", "roles.yaml", "--format", "markdown", expect=1).out
    assert "RR113: the same assignment twice in roles.yaml:5:21" in rendered(told).said
    assert "s-1" not in rendered(told).said


def test_a_plan_that_is_too_long_says_what_is_left_out():
    people = tuple(
        Person(f"1{n}", f"t-{n}-{'æ' * 40}", f"t{n}", None, "T", "p0", active=True)
        for n in range(1_000)
    )
    site = small_site(
        people=(*people, *(each for each in small_site().people if each.profile == "p1"))
    )
    made = plan(site, wanting(*((each.sync_key or "", "8a") for each in people)))
    found = rendered("".join(markdown.plan_markdown(made)))
    assert re.search(r"\d+ more sections would be too long for a comment", found.said)
    assert found.tags.count("details") > 50


def test_nothing_that_a_key_says_has_an_effect():
    people = tuple(
        Person(f"1{n}", key, f"t{n}", None, "T", "p0", active=True) for n, key in enumerate(HOSTILE)
    )
    site = small_site(people=people, memberships=())
    found = rendered(
        "".join(markdown.plan_markdown(plan(site, wanting(*((key, "8a") for key in HOSTILE)))))
    )
    for key in HOSTILE:
        assert f"mentor {key.replace(chr(10), chr(92) + 'n')}" in found.codes
