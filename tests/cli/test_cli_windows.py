"""What is different on Windows, as far as others can show: paths, shells, what is missing."""

import json
import ntpath
import subprocess
import sys
from html import unescape
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
from sandboxes import Desk, Done

from reconciler.cli import places
from reconciler.diagnostics import Diagnostic, Position
from reconciler.plain import as_typed, plain
from reconciler.reports import code_quality, formats, sarif

DRIVE = "C:\\roles\\new year\\teachers.yaml"
FOUND = (Diagnostic("RR202", "nobody has this key.", Position(DRIVE, 3, 7), "Look at it."),)


def rendered(name: str) -> str:
    return "".join(formats.render("diagnostics", name, FOUND, "roles.yaml"))


def test_a_message_has_the_path_as_it_was_given():
    told = plain(str(FOUND[0]))
    assert told.startswith(f"{DRIVE}:3:7: error RR202")


@pytest.mark.parametrize("name", [each for each in formats.names("diagnostics") if each != "text"])
def test_no_format_loses_a_backslash_or_makes_an_address(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    for module in (sarif, code_quality):
        monkeypatch.setattr(module, "PurePath", PureWindowsPath)
    said = rendered(name)
    if name == "sarif":
        place = json.loads(said)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "file:///C:/roles/new%20year/teachers.yaml"
        return
    assert "file://" not in said
    ways = {
        "code-quality": "C:/roles/new year/teachers.yaml",
        "annotations": "C%3A\\roles\\new year\\teachers.yaml",
        "json": DRIVE.replace("\\", "\\\\"),
        "jsonl": DRIVE.replace("\\", "\\\\"),
    }
    assert ways.get(name, DRIVE) in unescape(said)


def test_a_path_below_the_folder_is_one_of_every_system(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sarif, "PurePath", PureWindowsPath)
    location = sarif._location(Position("schools\\a b.yaml", 1))
    assert location["artifactLocation"]["uri"] == "schools/a%20b.yaml"


def test_commands_are_told_as_its_shells_take_them():
    words = ["reconciler", "fmt", "C:\\new year\\a.yaml", "C:\\b.yaml"]
    assert as_typed(words, windows=True) == 'reconciler fmt "C:\\new year\\a.yaml" C:\\b.yaml'
    assert as_typed(["cd", "a & b"], windows=True) == 'cd "a & b"'
    assert as_typed(["cd", ""], windows=True) == 'cd ""'
    assert as_typed(words, windows=False).count("'") == 4


@pytest.fixture
def windows_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let places be named as on Windows."""
    system = SimpleNamespace(path=ntpath, curdir=".", pardir="..", sep="\\", altsep="/")
    monkeypatch.setattr(places, "os", system)


def test_a_manifest_names_a_roster_by_slashes(windows_paths: None):
    folder = Path("C:\\work\\roles")
    assert places.seen_from(folder, "C:\\work\\exports\\all.zip") == "../exports/all.zip"
    assert places.seen_from(folder, "D:\\exports\\all.zip") == "D:/exports/all.zip"


def test_what_is_on_another_drive_is_named_as_it_is(windows_paths: None):
    assert places.relative("D:\\roles\\a.yaml", "C:\\work") == "D:\\roles\\a.yaml"
    assert places.relative("C:\\roles\\a.yaml", "C:\\work") == "..\\roles\\a.yaml"


@pytest.mark.parametrize(
    "path", ["C:\\certificates\\a.pem", "C:\\Users\\a.pem", "C:\\new.pem", "C:\\temp\\a.pem"]
)
def test_a_backslash_in_the_settings_is_told_how_it_is_written(tmp_path: Path, path: str):
    desk = Desk(tmp_path)
    settings = (
        '[environments.test]\nurl = "https://x.example"\ntoken = {{env = "HOME"}}\nca_bundle = {}\n'
    )
    desk.write(settings.format(f'"{path}"'), "reconciler.toml")
    assert "Write backslashes in single quotes" in desk.run("export", expect=1).err
    desk.write(settings.format(f"'{path}'"), "reconciler.toml")
    assert "ca_bundle does not exist" in desk.run("export", expect=1).err


WITHOUT = """
import os, signal, sys
import platformdirs, platformdirs.unix
for name in ("fcntl", "grp", "pwd", "pty", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
for name in ("chown", "fork", "geteuid", "getegid", "getgid", "getuid", "killpg", "uname"):
    delattr(os, name)
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "pthread_sigmask", "alarm"):
    delattr(signal, name)
from reconciler.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""Runs a command without what Windows lacks."""


def test_nothing_that_windows_lacks_is_needed(desk: Desk):
    desk.write("version: 1\nsite:   nordberg-kommune\n", "ragged.yaml")
    for arguments in (
        ("init", "new", "--site", "x", "--url", "https://x.example", "--yes"),
        ("doctor",),
        ("validate", "roles.yaml"),
        ("fmt", "ragged.yaml"),
        ("plan", "roles.yaml", "--out", "plan.json"),
        ("apply", "plan.json"),
        ("history",),
        ("export", "--out", "exported.yaml"),
        ("drift", "roles.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *arguments],
            cwd=desk.directory,
            env={**desk.environment, "USERNAME": "anna"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        ended = Done(done.returncode, done.stdout, done.stderr)
        assert ended.code == 0, (arguments, ended)
        desk.check_manners(ended.out + ended.err)
