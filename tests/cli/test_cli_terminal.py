"""`apply` on a terminal: it shows, asks, and does what it is told (a pseudo-terminal stands in)."""

import re

import pytest
from sandboxes import Desk
from terminals import INTERRUPT, converse


def shown(desk: Desk, *arguments: str, **variables: str) -> str:
    """Run a command on a terminal that asks nothing, and return what it showed."""
    return converse(desk, list(arguments), "", "", **variables)[1].replace("\r\n", "\n")


ASKED = "Apply these changes? [y/N]:"


def test_yes_applies_what_was_shown(desk, sandbox):
    code, said = converse(desk, ["apply", "roles.yaml"], ASKED, "y\n")
    assert code == 0, said
    assert said.index("17 to add, 4 to change.") < said.index(ASKED)
    assert "21 succeeded; read back and confirmed." in said
    assert "\x1b[32m" in said, "colour on a terminal"
    assert sandbox.writes() == 21


def test_that_there_is_nothing_to_do_is_said_once(settled_desk):
    said = shown(settled_desk, "apply", "roles.yaml")
    assert said.count("Nothing to change: the site is as the manifest declares.") == 1
    assert "Plan for nordberg-kommune" in said


@pytest.mark.parametrize("answer", ["n\n", "\n", INTERRUPT, "\x04"])
def test_anything_else_leaves_everything_as_it_was(first_desk, answer):
    code, said = converse(first_desk, ["apply", "roles.yaml"], ASKED, answer)
    assert code == 1, said
    told = said[said.index(ASKED) :]
    assert "Nothing was changed." in told


def test_no_colour_where_none_is_wanted(first_desk):
    _, said = converse(first_desk, ["apply", "roles.yaml", "--no-color"], ASKED, "n\n")
    shown = said[: said.index(ASKED)]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)


COMMANDS = {
    "plan": ("plan", "roles.yaml"),
    "drift": ("drift", "roles.yaml"),
    "review": ("review",),
    "access": ("access", "--unit", "8a"),
    "explain": ("explain", "t-0412"),
    "history": ("history",),
    "doctor": ("doctor",),
}
"""Per command how it is run where it has something to show, and shows the same again."""

PLAIN = {
    "--no-color": (("--no-color",), {}),
    "NO_COLOR": ((), {"NO_COLOR": "1"}),
    "TERM=dumb": ((), {"TERM": "dumb"}),
}
"""How a terminal without escape codes is asked for."""


@pytest.mark.parametrize("how", PLAIN)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_escapes_at_all_where_none_are_wanted(recorded, command, how):
    options, variables = PLAIN[how]
    said = shown(recorded, *COMMANDS[command], *options, **variables)
    assert said
    assert "\x1b" not in said


def test_there_are_escapes_on_a_terminal_that_has_them(first_desk):
    assert "\x1b" in shown(first_desk, "plan", "roles.yaml")
    assert "\x1b" in shown(first_desk, "plan", "roles.yaml", NO_COLOR=""), "empty is not set"


@pytest.mark.parametrize("how", PLAIN)
def test_an_apply_draws_no_bar_without_escapes(desk, how):
    options, variables = PLAIN[how]
    code, said = converse(desk, ["apply", "roles.yaml", *options], ASKED, "y\n", **variables)
    assert code == 0, said
    assert "\x1b" not in said


@pytest.mark.parametrize("columns", [20, 30, 40])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_cut_on_a_narrow_terminal(recorded, command, columns):
    arguments = (*COMMANDS[command], "--no-color")
    wide = shown(recorded, *arguments, COLUMNS="400")
    narrow = shown(recorded, *arguments, COLUMNS=str(columns))
    assert max(map(len, narrow.splitlines())) <= columns
    assert letters(narrow) == letters(wide)


def letters(said: str) -> list[str]:
    """What is said, wherever it stands; how long something took is another every time."""
    return sorted("".join(re.sub(r"\d+(?=\s+ms)", "", said).split()))


@pytest.mark.parametrize("columns", [20, 30, 40])
def test_every_change_has_its_sign_on_a_narrow_terminal(first_desk, columns):
    narrow = shown(first_desk, "plan", "roles.yaml", "--no-color", COLUMNS=str(columns))
    signs = [line for line in narrow.splitlines() if re.match(r"  [+~] ", line)]
    assert len(signs) == 21


def test_control_characters_never_reach_the_terminal(desk, sandbox):
    sandbox.call("PATCH", "labels", "mentor", json={"tool_name": "a\u202eb"})
    _, said = converse(desk, ["apply", "roles.yaml"], ASKED, "n\n")
    assert "\u202e" not in said
    assert "a\\u202eb" in said
