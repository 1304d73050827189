"""`explain`: the menu rule, and the platform's own troubleshooting, through the console script."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandboxes import Desk, Sandbox, example

# The menu's truth table on a real site


def explained(desk: Desk, *arguments: str) -> tuple[list[tuple[str, str]], set[str]]:
    """A person's menu, and the codes of what is not met."""
    found = desk.run("explain", *arguments, "--format", "json").json("explanation")
    menu = [(entry["entry"], entry["label"]) for entry in found["menu"]]
    unmet = {each["code"] for each in found["conditions"] if not each["met"]}
    assert all((each["remedy"] is None) == each["met"] for each in found["conditions"])
    return menu, unmet


PARTS = ("profile", "added", "linked", "learners")
NO_MENTOR = {f"mentor.{part}" for part in PARTS}
NO_HEAD = {f"headteacher.{part}" for part in PARTS}
UNLINKED_MENTOR = {"mentor.linked", "mentor.learners"}
UNLINKED_HEAD = {"headteacher.linked", "headteacher.learners"}

# What stands on the site; the menu of t-0401 (profile Staff); what is not met.
TRUTH = {
    "nothing": ({}, [], NO_MENTOR | NO_HEAD),
    "enabled": ({"mentor": "enabled"}, [], (NO_MENTOR - {"mentor.profile"}) | NO_HEAD),
    "added": ({"mentor": "added"}, [], UNLINKED_MENTOR | NO_HEAD),
    "mentor": ({"mentor": "assigned"}, [("mentor", "Mine elever")], NO_HEAD),
    "disabled": ({"mentor": "disabled"}, [], {"mentor.profile"} | NO_HEAD),
    "no unit": ({"headteacher": "added"}, [], NO_MENTOR | UNLINKED_HEAD),
    "headteacher": ({"headteacher": "assigned"}, [("headteacher", "Min skole")], NO_MENTOR),
    "both": (
        {"mentor": "assigned", "headteacher": "assigned"},
        [("supervisor", "Min skole")],
        set(),
    ),
    "one of both": (
        {"mentor": "assigned", "headteacher": "added"},
        [("mentor", "Mine elever")],
        UNLINKED_HEAD,
    ),
}
STATES = ("enabled", "added", "assigned", "disabled")
TARGETS = {
    "mentor": "mentor/t-0401/class/9a",
    "headteacher": "headteacher/t-0401/school/nordberg-skole",
}


def arrange(sandbox: Sandbox, staff: str, role: str, state: str) -> None:
    """Bring a role of t-0401 to a state, step by step as the platform wants it."""
    reached = STATES.index(state)
    sandbox.call("PUT", "profiles", staff, "roles", role)
    if reached >= STATES.index("added"):
        sandbox.assign(f"{role}/t-0401")
    if reached >= STATES.index("assigned"):
        sandbox.assign(TARGETS[role])
    if state == "disabled":
        sandbox.call("DELETE", "profiles", staff, "roles", role)


def clear(sandbox: Sandbox, staff: str, role: str) -> None:
    """Take all of it away; what is not there is no trouble."""
    sandbox.unassign(TARGETS[role])
    sandbox.unassign(f"{role}/t-0401")
    sandbox.call("DELETE", "profiles", staff, "roles", role)


def test_explain_is_the_menu_rule(desk, sandbox):
    staff = next(each["id"] for each in sandbox.items("profiles") if each["name"] == "Staff")
    for role, name in (("mentor", "Mine elever"), ("headteacher", "Min skole")):
        sandbox.call("PATCH", "labels", role, json={"tool_name": name})
    for case, (wanted, menu, unmet) in TRUTH.items():
        for role, state in wanted.items():
            arrange(sandbox, staff, role, state)
        assert explained(desk, "t-0401") == (menu, unmet), case
        for role in wanted:
            clear(sandbox, staff, role)


def test_explain_finds_people_by_any_key_and_says_when_not(settled_desk, settled):
    person = next(each for each in settled.items("people") if each["sync_key"] == "t-0412")
    said = [
        settled_desk.run("explain", person[key]).out.partition(" sees ")[2]
        for key in ("sync_key", "username", "email", "id")
    ]
    assert said[0].startswith("“Mine elever” (mentor).")
    assert len(set(said)) == 1
    assert "zebra" in settled_desk.run("explain", "zebra", expect=1).err
    assert explained(settled_desk, "t-0411")[1] >= {"account.active"}


# "Mentor tab not visible": the platform's troubleshooting, one cause a row


class State:
    """A saved state of the settled site, in which one thing is put wrong: t-0401 mentors 9a."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        keyed = {item["sync_key"]: item for name in ("people", "units") for item in document[name]}
        self.person, self.unit = keyed["t-0401"], keyed["9a"]

    def change(self, collection: str, of: dict[str, Any], **values: object) -> None:
        """Change every item of a collection that has the given values."""
        for item in self.document[collection]:
            if of.items() <= item.items():
                item.update(values)

    def drop(self, collection: str, **of: object) -> None:
        """Take every item with the given values out of a collection."""
        kept = [each for each in self.document[collection] if not of.items() <= each.items()]
        assert len(kept) < len(self.document[collection])
        self.document[collection] = kept

    def deactivate(self) -> None:
        self.person["active"] = False

    def disable(self) -> None:
        self.change("profiles", {"id": self.person["profile"]}, roles=[])

    def move_to_another_profile(self) -> None:
        others = [each["id"] for each in self.document["profiles"] if not each["roles"]]
        self.person["profile"] = others[0]

    def unlink(self) -> None:
        self.drop("assignments", person=self.person["id"])

    def never_added(self) -> None:
        self.unlink()
        self.drop("holders", person=self.person["id"])

    def empty(self) -> None:
        self.drop("memberships", unit=self.unit["id"], role="learner")

    def only_teachers(self) -> None:
        self.change("memberships", {"unit": self.unit["id"]}, role="teacher")

    def begin_later(self) -> None:
        self.change("memberships", {"unit": self.unit["id"]}, begin="2030-08-17")

    def have_left(self) -> None:
        self.change("memberships", {"unit": self.unit["id"]}, end="2026-09-01")

    def no_ilps(self) -> None:
        self.document["site"]["ilp"]["enabled"] = False

    def no_template(self) -> None:
        self.document["site"]["ilp"]["published_templates"] = 0


NOT_VISIBLE: dict[str, tuple[Callable[[State], None], list[str], str]] = {
    "the account is inactive": (State.deactivate, ["account.active"], "activate the account"),
    "the profile lacks the role": (State.disable, ["mentor.profile"], "roles.mentor.profiles"),
    "the person has another profile": (
        State.move_to_another_profile,
        ["mentor.profile"],
        "enable the mentor role on the profile",
    ),
    "the person was never added": (
        State.never_added,
        ["mentor.added", "mentor.linked", "mentor.learners"],
        "add an entry for t-0401 under mentors",
    ),
    "nothing is assigned": (
        State.unlink,
        ["mentor.linked", "mentor.learners"],
        "assign one on the Mentors page",
    ),
    "the class is empty": (State.empty, ["mentor.learners"], "put learners into a unit"),
    "the class has only teachers": (State.only_teachers, ["mentor.learners"], "with learners"),
    "the learners begin later": (State.begin_later, ["mentor.learners"], "with learners"),
    "the learners have left": (State.have_left, ["mentor.learners"], "with learners"),
}
"""Per cause how it comes about, what is then not met (the cause first), and what helps."""

SAID = {
    "the class is empty": "none in 9a)",
    "the learners begin later": "none in 9a before 2030-08-17)",
    "the learners have left": "none in 9a since 2026-09-01)",
}


@pytest.fixture(scope="session")
def _exported(_settled: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("exported")
    Desk(directory, _settled).run("export", "--state", "live.json")
    return (directory / "live.json").read_text(encoding="utf-8")


@pytest.fixture
def state(_exported: str) -> State:
    return State(json.loads(_exported))


def explained_in(state: State, directory: Path) -> dict[str, Any]:
    """What explain says of t-0401 in a state, without a site."""
    desk = Desk(directory)
    desk.write(json.dumps(state.document), "live.json")
    run = ["explain", "t-0401", "--live", "live.json", "--as-of", "2026-11-24"]
    found: dict[str, Any] = desk.run(*run, "--format", "json").json("explanation")
    return found


def of_mentors(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The unmet conditions, without those of the other role."""
    return [
        each
        for each in found["conditions"]
        if not each["met"] and not each["code"].startswith("headteacher.")
    ]


def test_the_mentor_tab_is_visible_where_nothing_is_wrong(state, tmp_path):
    found = explained_in(state, tmp_path)
    assert [entry["entry"] for entry in found["menu"]] == ["mentor"]
    assert of_mentors(found) == []


@pytest.mark.parametrize("cause", NOT_VISIBLE)
def test_mentor_tab_not_visible(cause, tmp_path, state):
    put_wrong, codes, helps = NOT_VISIBLE[cause]
    put_wrong(state)
    found = explained_in(state, tmp_path)
    assert found["menu"] == []
    unmet = of_mentors(found)
    assert [each["code"] for each in unmet] == codes
    assert helps in unmet[0]["remedy"]
    for each in unmet:
        assert "In the manifest: " in each["remedy"]
        assert "In the admin pages: " in each["remedy"]
    assert unmet[0]["text"].endswith(SAID.get(cause, ""))


@pytest.mark.parametrize(
    ("put_wrong", "code"),
    [(State.no_ilps, "ilp.enabled"), (State.no_template, "ilp.template")],
    ids=["ILPs are off", "no template"],
)
def test_ilps_not_visible_though_the_mentor_tab_is(put_wrong, code, tmp_path, state):
    put_wrong(state)
    found = explained_in(state, tmp_path)
    assert [entry["entry"] for entry in found["menu"]] == ["mentor"]
    (unmet,) = of_mentors(found)
    assert unmet["code"] == code
    assert "The menu entry does not need it." in unmet["remedy"]


def test_a_day_before_the_school_year_has_no_learners_yet(settled_desk):
    told = settled_desk.run("explain", "t-0412", "--as-of", "2026-07-31").out
    assert told.startswith("t-0412 sees “Mine elever” (mentor).\n"), "for two single learners"
    assert "(on 2026-07-31 none in 8a before 2026-08-01, choir before 2026-08-01)" in told
    told = settled_desk.run("explain", "t-0401", "--as-of", "2026-07-31").out
    assert told.startswith("t-0401 sees no entry of these roles.\n")
    menu, unmet = explained(settled_desk, "t-0007", "--as-of", "2026-07-31")
    assert menu == [("headteacher", "Min skole")]
    assert unmet == NO_MENTOR | {"headteacher.learners"}


# As planned


def test_as_planned_is_the_menu_after_the_apply(first_desk, settled_desk):
    assert explained(first_desk, "t-0401")[0] == []
    then = explained(settled_desk, "t-0401")
    assert then[0] == [("mentor", "Mine elever")]
    assert explained(first_desk, "t-0401", "--as-planned", "roles.yaml") == then
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    assert explained(first_desk, "t-0401", "--as-planned", "plan.json") == then
    told = first_desk.run("explain", "t-0401", "--as-planned", "plan.json").out
    assert told.startswith("t-0401 sees “Mine elever” (mentor), once that is applied.\n")


def test_as_planned_tells_what_a_manifest_forgot(first_desk):
    first_desk.write(example(mentors=[{"person": "t-0401"}]))
    planned = ("--as-planned", "roles.yaml", "--as-of", "2026-11-24")
    menu, unmet = explained(first_desk, "t-0401", *planned)
    assert (menu, unmet) == ([], UNLINKED_MENTOR | NO_HEAD)
    first_desk.write(example(mentors=[{"person": "t-0401", "groups": ["choir"]}]))
    assert explained(first_desk, "t-0401", *planned)[0] == [("mentor", "Mine elever")]
