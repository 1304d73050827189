"""Every `--help` has examples, and each of them is run here as it stands there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sandboxes import ROOT, Desk, Sandbox, clean_environment, example, running
from terminals import converse

from reconciler.cli.help import examples
from reconciler.cli.main import cli

MARK = "7f3a"
"""The runbook that the examples name."""

RUN = "3f2a91bc"
"""The run that the examples name; each test puts the one there that it has made."""

TOWN = '[environments.town]\nprovider = "snapshot"\npath = "town.json"\n'


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from commands(below, (*path, name))


ALL = dict(commands(cli, ("reconciler",)))
EXAMPLES = sorted({each for command in ALL.values() for each in examples(command.help or "")})


@pytest.mark.parametrize("name", ALL)
def test_every_help_has_an_example_of_its_own_command(name: str):
    found = examples(ALL[name].help or "")
    assert found
    assert all(f"{each} ".startswith(f"{name} ") for each in found)


def help_of(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    command = ALL[name]
    return command.get_help(command.context_class(command, info_name=name))


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("name", ALL)
def test_help_fits_the_terminal_and_breaks_no_example(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch
):
    told = help_of(name, columns, monkeypatch)
    lines = told.splitlines()
    assert lines.count("Examples:") == 1
    for each in examples(ALL[name].help or ""):
        assert f"  {each}" in lines
    options = told[told.index("\nOptions:\n") :]
    prose = told[told.index("\n\n") : told.index("\nExamples:\n")]
    meanings = [line for line in options.splitlines() if line.startswith("     ")]
    assert max(map(len, [*prose.splitlines(), *meanings])) <= max(columns, 40)
    wide = help_of(name, 200, monkeypatch)
    for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", wide, re.MULTILINE):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", told), option


def test_it_is_what_a_user_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    said = Desk(tmp_path).run("history", "show", "--help", COLUMNS="40").out
    before = help_of("reconciler history show", 40, monkeypatch).partition("\nOptions:")[0]
    assert said.startswith(before)
    assert "\nExamples:\n  reconciler history show 3f2a91bc\n" in said


# Every example is run


ELSEWHERE = {
    "reconciler demo": "tests/cli/test_cli_demo.py",
    "reconciler pipeline comment plan.md": "tests/pipelines/test_comment.py",
    "reconciler pipeline newest": "tests/pipelines/test_newest.py",
    "reconciler pipeline reviewed": "tests/pipelines/test_reviewed_run.py",
}

EXITS = {"drift": 3}
"""By command how its examples end, where they do not end well: on a fresh site all is pending."""

ASKED = {
    "reconciler apply examples/roles.yaml": "Apply these changes? [y/N]:",
    f"reconciler rollback {RUN}": "Apply these changes? [y/N]:",
    "reconciler fleet apply fleet.yaml --canary 5": "[y/N]:",
    "reconciler history forget t-0412": "Forget this person for good? [y/N]:",
}
"""What an example asks on a terminal."""

OF_SNAPSHOTS = ("snapshot", "runbook")


def at_work(directory: Path, sandbox: Sandbox) -> Desk:
    """A desk at a site of its own, with what the examples find in a folder that is in use."""
    shutil.copytree(ROOT / "examples", directory / "examples")
    shutil.copy(directory / "examples" / "roles.yaml", directory)
    desk = Desk(directory, sandbox)
    keys = ("client_id", "client_secret")
    desk.write(
        f'[environments.test]\nurl = "{sandbox.url}"\n'
        + "".join(f'{key} = {{env = "RECONCILER_{key.upper()}"}}\n' for key in keys),
        "reconciler.toml",
    )
    return desk


def in_town(directory: Path) -> Desk:
    """A desk where the site is a snapshot."""
    desk = Desk(directory, names=())
    desk.write(TOWN, "reconciler.toml")
    return desk


def prepare(desk: Desk, words: list[str]) -> dict[str, str]:
    """Make what an example needs; returns what stands for its words that nobody can know."""
    known = {"8321": "0"}
    if "plan.json" in words and "--out" not in words:
        desk.run("plan", "roles.yaml", "--out", "plan.json")
    if "roster.zip" in words:
        shutil.make_archive(str(desk.directory / "roster"), "zip", ROOT / "examples" / "roster")
    if "fleet.yaml" in words:
        desk.write(
            "version: 1\nsites: {nordberg: {manifest: roles.yaml, environment: test}}\n",
            "fleet.yaml",
        )
    if RUN in words or "forget" in words:
        desk.run("apply", "roles.yaml", "--yes")
        more = [*example()["mentors"], {"person": "t-0402", "classes": ["8a"]}]
        desk.run("apply", desk.write(example(mentors=more)), "--yes")
        known[RUN] = desk.run("history", "--format", "json").json("history")["runs"][0]["run"][:8]
    if words[:2] == ["export", "--out"]:
        (desk.directory / "roles.yaml").unlink()
    if "site.db" in words:
        with running(desk.directory, "--database", "site.db"):
            pass
    return known


def prepare_town(desk: Desk, words: list[str], site: Sandbox) -> str:
    """Make what an example about a site without an API needs; returns the mark of its runbook."""
    if words[:2] == ["snapshot", "import"]:
        from test_cli_snapshot import FILLED  # noqa: PLC0415 - the form that the examples name

        for name, text in FILLED.items():
            desk.write(text, f"town/{name}.csv")
    elif words[:2] == ["snapshot", "form"] and "--site" not in words:
        Desk(desk.directory, site).run("export", "--state", "town.json")
    elif words[0] == "runbook":
        Desk(desk.directory, site).run("export", "--state", "town.json")
        shutil.copy(ROOT / "examples" / "roles.yaml", desk.directory)
        desk.run("apply", "roles.yaml", "--yes")
        if words[1] == "undo":
            desk.run("runbook", "done", words[2])
        made = desk.run("runbook", "show", "--format", "json").json("runbook")
        return str(made["mark"])
    return MARK


@pytest.mark.parametrize("shown", [each for each in EXAMPLES if each not in ELSEWHERE])
def test_every_example_does_what_it_shows(shown: str, tmp_path: Path, untouched: Sandbox):
    words = shlex.split(shown)[1:]
    if words[0] in OF_SNAPSHOTS:
        desk = in_town(tmp_path)
        changed = shown.replace(MARK, prepare_town(desk, words, untouched))
        run_in(desk, changed, shlex.split(changed)[1:])
        return
    with running(tmp_path) as sandbox:
        desk = at_work(tmp_path, sandbox)
        known = prepare(desk, words)
        changed = shown
        for word, real in known.items():
            changed = re.sub(rf"\b{word}\b", real, changed)
        words = shlex.split(changed)[1:]
        if words[:2] == ["sandbox", "--port"]:
            serve(desk, words)
        elif shown in ASKED:
            code, said = converse(desk, words, ASKED[shown], "y\n")
            assert code == 0, said
        else:
            run_in(desk, changed, words)


def run_in(desk: Desk, command: str, words: list[str]) -> None:
    expected = next((EXITS[word] for word in words[:2] if word in EXITS), 0)
    if not {">", "<"} & set(words):
        desk.run(*words, expect=expected)
        return
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=desk.directory,
        env={**clean_environment(), **desk.environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stderr


def serve(desk: Desk, words: list[str]) -> None:
    """Start a sandbox as the example does, and stop it once it serves."""
    process = desk.start(*words)
    end = time.monotonic() + 30
    while not (ready := (desk.directory / "ready.json").exists()) and time.monotonic() < end:
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=30)
    assert ready


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        (["plann", "x"], "No such command 'plann'.", "Did you mean 'plan'? See reconciler --help."),
        (["fleet", "plam"], "No such command 'plam'.", "Did you mean 'plan'? See reconciler fleet"),
        (
            ["roster", "chek"],
            "No such command 'chek'.",
            "Did you mean 'check'? See reconciler rost",
        ),
        (["zzzz"], "No such command 'zzzz'.", "See reconciler --help."),
        (
            ["completion"],
            "Choose from: bash, zsh, fish, powershell",
            "See reconciler completion --",
        ),
    ],
)
def test_wrong_words_are_told_in_a_line_with_what_was_meant(
    words: list[str], message: str, advice: str, tmp_path: Path
):
    done = Desk(tmp_path).run(*words, expect=64)
    first, second = done.err.splitlines()
    assert message in first
    assert "\\" not in first
    assert second.startswith(advice)
