"""What a command may load as it starts: a budget of packages, since seconds tell of the machine."""

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from sandboxes import PROGRAM, clean_environment, running
from small import small_site

from reconciler.cli.main import COMMANDS
from reconciler.providers.saved import write_state

EXAMPLE = Path(__file__).parents[2] / "examples" / "roles.yaml"
MANIFEST = "version: 1\nsite: nord\nmentors:\n  - person: t-1\n    classes: [8a]\n"

PACKAGES = {
    *("alembic", "babel", "click", "deepdiff", "defusedxml", "fastapi", "jinja2", "jsonschema"),
    *("msgspec", "platformdirs", "prometheus_client", "psycopg", "requests", "rich", "ruamel"),
    "sqlalchemy",
    *("tenacity", "urllib3", "uvicorn", "yaml"),
    *("dask", "distributed", "itsdangerous", "python_multipart"),
}
"""What the project depends on (deepdiff and ruamel: its tests alone).

Nothing else comes without one of them.
"""

SLOW = {
    *("asyncio", "email", "http", "json", "logging", "ssl", "subprocess", "tomllib", "xml"),
    "zipfile",
}
"""Parts of the standard library that nobody is to wait for who only asks how to call a command."""

BARE = {
    *(
        "reconciler",
        "reconciler.__main__",
        "reconciler.cli",
        "reconciler.cli.help",
        "reconciler.cli.lazy",
        "reconciler.cli.main",
        "reconciler.cli.streams",
    ),
    *("reconciler.errors", "reconciler.plain", "reconciler.tracing"),
}
"""What of the program itself is loaded where no command is called."""


def loaded(directory: Path, *arguments: str | Path, **variables: str) -> frozenset[str]:
    """The modules that a command loads, beyond those that a bare interpreter does."""
    command = [sys.executable, "-X", "importtime", PROGRAM, *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 2, 3), done.stderr
    return names(done.stderr) - bare()


@cache
def bare() -> frozenset[str]:
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    return names(subprocess.run(command, capture_output=True, text=True, check=True).stderr)


def names(importtime: str) -> frozenset[str]:
    lines = importtime.splitlines()
    return frozenset(
        line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")
    )


def tops(modules: frozenset[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


COMPLETE = {"_RECONCILER_COMPLETE": "bash_complete"}
WITHOUT_A_COMMAND: Mapping[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "version": (("--version",), {}),
    "help": (("--help",), {}),
    "completing a command": ((), {**COMPLETE, "COMP_WORDS": "reconciler pl", "COMP_CWORD": "1"}),
    "completing any": ((), {**COMPLETE, "COMP_WORDS": "reconciler ", "COMP_CWORD": "1"}),
}


@pytest.mark.parametrize("case", WITHOUT_A_COMMAND)
def test_without_a_command_nothing_but_click_is_loaded(case: str, tmp_path: Path):
    arguments, variables = WITHOUT_A_COMMAND[case]
    modules = loaded(tmp_path, *arguments, **variables)
    assert tops(modules) & PACKAGES == {"click"}
    assert not tops(modules) & SLOW - ({"subprocess"} if variables else set())
    assert "importlib.metadata" not in modules
    assert {each for each in modules if each.startswith("reconciler")} == BARE


def completed(words: str, directory: Path) -> list[str]:
    variables = {**COMPLETE, "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = subprocess.run(
        [PROGRAM],
        cwd=directory,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_are_completed(tmp_path: Path):
    assert completed("reconciler ", tmp_path) == list(COMMANDS)
    assert completed("reconciler ro", tmp_path) == ["rollback", "roster"]
    assert completed("reconciler --v", tmp_path) == ["--version"]
    assert completed("reconciler plan --o", tmp_path) == ["--out", "--only", "--override"]
    assert completed("reconciler roster ", tmp_path) == ["check", "show"]


HELP = {"export": {"yaml"}, "fmt": {"yaml"}, "init": {"yaml"}, "roster": {"yaml"}}
"""Per command what its help loads besides click and what live state is made of, msgspec."""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_completion_load_nothing_that_a_command_runs_with(command: str, tmp_path: Path):
    words = {**COMPLETE, "COMP_WORDS": f"reconciler {command} --", "COMP_CWORD": "2"}
    for modules in (loaded(tmp_path, command, "--help"), loaded(tmp_path, **words)):
        assert tops(modules) & PACKAGES <= {"click", "msgspec"} | HELP.get(command, set())


VALUES = ("plan -e ", "plan --override ", "validate ", "apply roles.yaml --only ")
"""What is completed beside commands and options."""


@pytest.mark.parametrize("words", VALUES)
def test_completion_of_values_loads_no_more_than_the_help(words: str, tmp_path: Path):
    (tmp_path / "reconciler.toml").write_text("[environments.production]\n")
    (tmp_path / "roles.yaml").write_text(MANIFEST)
    line = f"reconciler {words}"
    place = str(len(line.split(" ")) - 1)
    modules = loaded(tmp_path, **COMPLETE, COMP_WORDS=line, COMP_CWORD=place)
    assert tops(modules) & PACKAGES <= {"click", "msgspec"}


RUN: Mapping[str, tuple[tuple[str | Path, ...], set[str]]] = {
    "validate": (("validate", EXAMPLE), {"yaml"}),
    "plan": (("plan", "roles.yaml", "--live", "state.json"), {"msgspec", "rich", "yaml"}),
    "plan as JSON": (
        ("plan", "roles.yaml", "--live", "state.json", "--format", "json"),
        {"msgspec", "yaml"},
    ),
    "plan as tests, lines and rows": (
        (
            *("plan", "roles.yaml", "--live", "state.json", "--format", "junit"),
            *("--format", "jsonl=plan.jsonl", "--format", "csv=plan.csv"),
        ),
        {"msgspec", "yaml"},
    ),
    "export": (("export", "--live", "state.json"), {"jsonschema", "msgspec", "yaml"}),
    "drift": (("drift", "roles.yaml", "--live", "state.json"), {"msgspec", "rich", "yaml"}),
    "review": (("review", "--live", "state.json"), {"msgspec", "rich"}),
    "access": (("access", "--unit", "8a", "--live", "state.json"), {"msgspec", "rich"}),
    "access as rows": (
        ("access", "--unit", "8a", "--live", "state.json", "--format", "csv"),
        {"msgspec", "rich"},
    ),
    "roster check": (
        ("roster", "check", EXAMPLE.parent / "roster", "--format", "sarif"),
        {"msgspec", "rich", "yaml"},
    ),
    "explain": (("explain", "t-1", "--live", "state.json"), {"msgspec", "rich"}),
    "schema": (("schema",), set()),
    "fmt": (("fmt", "--check", EXAMPLE), {"yaml"}),
    "doctor": (
        ("doctor", "-e", "town"),
        {"msgspec", "platformdirs", "requests", "rich", "sqlalchemy", "urllib3"},
    ),
}

PLACES = {"RECONCILER_CACHE_DIR": "cache", "RECONCILER_STATE_DIR": "state"}
TOWN = '[environments.town]\nprovider = "snapshot"\npath = "state.json"\n'


@pytest.mark.parametrize("case", RUN)
def test_a_command_loads_what_it_runs_with_and_no_more(case: str, tmp_path: Path):
    (tmp_path / "roles.yaml").write_text(MANIFEST)
    (tmp_path / "state.json").write_bytes(write_state(small_site()))
    (tmp_path / "reconciler.toml").write_text(TOWN)
    arguments, budget = RUN[case]
    assert tops(loaded(tmp_path, *arguments, **PLACES)) & PACKAGES <= {"click"} | budget


def test_over_http_nothing_is_loaded_that_only_a_failure_needs(tmp_path: Path):
    """tenacity loads asyncio, and what else it finds installed, which no answered request needs."""
    (tmp_path / "roles.yaml").write_text(MANIFEST)
    (tmp_path / "state.json").write_bytes(write_state(small_site()))
    with running(tmp_path, "--seed", str(tmp_path / "state.json")) as sandbox:
        modules = loaded(
            tmp_path, "plan", "roles.yaml", RECONCILER_NO_CACHE="1", **sandbox.variables()
        )
    budget = {"click", "msgspec", "requests", "rich", "urllib3", "yaml"}
    assert tops(modules) & PACKAGES <= budget
    assert "asyncio" not in tops(modules)
