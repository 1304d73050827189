"""What the other tests start warm starts cold, too: with the modules alone that it asks for.

How each command runs cold, the pages show (`tests/docs/test_docs_console.py`).
"""

from pathlib import Path

import pytest
import warm
from sandboxes import PROGRAM, clean_environment

from reconciler.cli.main import COMMANDS


def cold(directory: Path, *arguments: str) -> warm.Process:
    process = warm.Process([PROGRAM, *arguments], clean_environment(), directory, cold=True)
    assert process.wait(30) == 0, process.stderr
    return process


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_starts_cold(command: str, tmp_path: Path):
    assert cold(tmp_path, command, "--help").stdout.startswith(f"Usage: reconciler {command} ")


def test_a_schema_is_printed_cold(tmp_path: Path):
    assert cold(tmp_path, "schema", "plan").stdout.startswith("{")


@pytest.mark.parametrize("command", [("schema", "plan"), ("schema", "nonsense"), ("--help",)])
def test_warm_and_cold_say_the_same(command: tuple[str, ...], tmp_path: Path):
    said = []
    for cold in (False, True):
        process = warm.Process([PROGRAM, *command], clean_environment(), tmp_path, cold=cold)
        said.append((process.wait(30), process.stdout, process.stderr))
    assert said[0] == said[1]
    assert said[0][1] or said[0][2]


def test_an_interpreter_that_is_to_start_otherwise_starts_cold(tmp_path: Path):
    environment = {**clean_environment(), "PYTHONVERBOSE": "1"}
    process = warm.Process([PROGRAM, "--version"], environment, tmp_path)
    assert process.wait(30) == 0
    assert "import " in process.stderr
