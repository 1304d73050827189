"""Plugins as users have them: built, installed beside the program, and named in the settings."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sandboxes import ROOT, clean_environment
from wheels import BUILD_SECONDS, build

from reconciler import provider as protocols

OF_THE_EXAMPLE = ("sqlite-site ", "reconciler ")
EXAMPLE = ROOT / "examples" / "plugins" / "sqlite-site"
PROGRAMS = Path(sys.executable).parent
BROKEN = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "broken-plugins"
version = "0.3"
[project.entry-points."reconciler.providers"]
"broken.import" = "broken_plugins:MISSING"
"broken.fetch" = "broken_plugins:RAISING"
"broken.exit" = "broken_plugins.ends:ANY"
"broken.close" = "broken_plugins:CLOSING"
"broken.send" = "broken_plugins:ENDING"
"example.sqlite" = "broken_plugins:RAISING"
[project.entry-points."reconciler.rosters"]
"broken.read" = "broken_plugins:read"
[tool.hatch.build.targets.wheel]
packages = ["broken_plugins"]
"""
BROKEN_CODE = """
from contextlib import contextmanager
from pathlib import Path

import sqlite_site
from reconciler.errors import ConfigurationError

class Raising:
    @contextmanager
    def open_reader(self, options):
        yield self

    def fetch(self):
        raise ValueError("Marit Haugen")

class Closing:
    @contextmanager
    def open_reader(self, options):
        with sqlite_site.PROVIDER.open_reader(options) as opened:
            yield opened
        raise TimeoutError("Marit Haugen")

    @contextmanager
    def open_writer(self, options):
        with sqlite_site.PROVIDER.open_writer(options) as opened:
            yield opened
        raise TimeoutError("Marit Haugen")

class Once(sqlite_site.SqliteWriter):
    def send(self, changes):
        found = super().send(changes)
        if not Path("ended").exists():
            Path("ended").touch()
            raise ConfigurationError("The session has ended.")
        return found

class Ending:
    open_reader = sqlite_site.PROVIDER.open_reader

    @contextmanager
    def open_writer(self, options):
        with sqlite_site.PROVIDER.open_writer(options) as opened:
            yield Once(opened._db)

CLOSING, ENDING, RAISING = Closing(), Ending(), Raising()

def read(files):
    return ["Marit Haugen"]
"""


class Installed:
    """A virtual environment with the program and the plugins of one wheel in it."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        self.programs = folder / "venv" / "bin"
        self.folder = folder
        uv = [str(PROGRAMS / "uv")]
        self._do([*uv, "venv", "--python", sys.executable, str(folder / "venv")])
        self._do([*uv, "pip", "install", "--offline", "--no-deps", *map(str, wheels)])
        # What they depend on is here already.
        packages = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
        (packages / "beside.pth").write_text(str(next(PROGRAMS.parent.glob("lib/*/site-packages"))))

    def _do(self, command: list[str]) -> None:
        environment = {
            **clean_environment(),
            "VIRTUAL_ENV": str(self.folder / "venv"),
            "UV_CACHE_DIR": str(self.folder / "uv"),
        }
        subprocess.run(command, env=environment, check=True, timeout=BUILD_SECONDS)

    def run(self, *arguments: str, program: str = "reconciler", code: int = 0) -> str:
        environment = {
            **clean_environment(),
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "RECONCILER_STATE_DIR": str(self.folder / "state"),
        }
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The example beside the program."""
    made = tmp_path_factory.mktemp("wheels")
    wheels = [build(each, made / name) for each, name in ((ROOT, "own"), (EXAMPLE, "example"))]
    found = Installed(tmp_path_factory.mktemp("installed"), *wheels)
    found.run("site.db", program="sqlite-site")
    return found


@pytest.fixture
def write(installed: Installed) -> Callable[[str, str], None]:
    def to(name: str, text: str) -> None:
        (installed.folder / name).write_text(text)

    return to


Write = Callable[[str, str], None]
SETTINGS = '[environments.{name}]\nprovider = "{provider}"\npath = "site.db"\n'
MANIFEST = """
version: 1
site: sample
mentors:
  - person: t-1
    classes: [8a]
  - person: t-2
    classes: [8b]
    learners: [s-0]
"""


def test_what_the_page_shows_of_the_example_is_what_happens(installed: Installed):
    """Its files are written and its commands run, in order, all but those that install it."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8").partition("## An example")[2]
    (installed.folder / "site.db").unlink()
    commands: list[str] = []
    shown = said = ""
    for name, kind, body in re.findall(
        r"(?ms)^(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)^```$", page
    ):
        if name:
            (installed.folder / name).write_text(body)
        elif kind == "sh":
            commands += [each for each in body.splitlines() if each.startswith(OF_THE_EXAMPLE)]
        elif kind == "text":
            shown = body
    for program, *words in map(str.split, commands):
        said += installed.run(*words, program=program)
    assert [each.split()[1] for each in commands[1:]] == [
        "roster",
        "rules",
        "plan",
        "apply",
        "drift",
    ]
    lines = said.splitlines()
    assert [each for each in lines if each in shown.splitlines()] == shown.splitlines(), said
    assert "There is a site.db already" in installed.run("site.db", program="sqlite-site", code=1)
    assert "Usage" in installed.run(program="sqlite-site", code=1)
    (installed.folder / "site.db").unlink()  # for the others, as it was
    installed.run("site.db", program="sqlite-site")


def test_the_page_names_every_method_of_the_protocols():
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8").replace("\\|", "|")
    rows = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)\((.*?)\)(?: -> (.+?))?` \| (.+) \|$", page)
    declared = (protocols.Provider, protocols.Reader, protocols.Writer, protocols.Options)
    assert [(name, method) for name, method, *_ in rows] == [
        (each.__name__, name)
        for each in declared
        for name, found in vars(each).items()
        if inspect.isfunction(found) and not name.startswith("_")
    ]
    for name, method, parameters, returned, what in rows:
        found = getattr(getattr(protocols, name), method)
        signature = inspect.signature(found)
        assert re.findall(r"(\w+): ", parameters) == list(signature.parameters)[1:]
        written = inspect.formatannotation(signature.return_annotation)
        assert re.sub(r"\b(?:\w+\.)+", "", written) == (returned or "None")
        assert inspect.getdoc(found).splitlines()[0] == what


def test_a_site_behind_a_plugin_is_planned_applied_and_explained(
    installed: Installed, write: Write
):
    write("reconciler.toml", SETTINGS.format(name="town", provider="example.sqlite"))
    write("roles.yaml", MANIFEST)
    planned = installed.run("plan", "roles.yaml", "--out", "plan.json")
    assert "3 to add." in planned
    assert "t-2  gains  1 learner: s-0" in planned
    assert "3 succeeded; read back and confirmed." in installed.run("apply", "plan.json")
    assert "Nothing to change" in installed.run("plan", "roles.yaml")
    assert "2 people see s-0" in installed.run("access", "--learner", "s-0")
    assert "t-2" in installed.run("export")
    run = installed.run("history").split()[0]
    lifted = ("--override", "RR501", "--reason", "it was a rehearsal")
    assert "3 succeeded" in installed.run("rollback", run, "--yes", *lifted)
    assert "3 to add." in installed.run("plan", "roles.yaml")
    told = installed.run("doctor")
    assert "the provider example.sqlite" in told
    assert "sample, at revision" in told
    # A site without events cannot say who changed it.
    assert "no events" in installed.run("drift", "roles.yaml", code=2)


def test_rules_look_at_a_roster_that_a_plugin_reads(installed: Installed, write: Write):
    write("reconciler.toml", SETTINGS.format(name="town", provider="example.sqlite"))
    write("classes.txt", "8a t-1\n8b t-2\n")
    write(
        "rules.yaml",
        "version: 1\nsite: sample\nrosters:\n  school: {type: example.list, path: classes.txt}\n"
        "rules:\n  - name: teachers\n    roster: school\n"
        "    mentor: {who: primary_teacher, of: homeroom}\n",
    )
    assert "8b  t-2" in installed.run("rules", "test", "rules.yaml")
    installed.run("roster", "check", "classes.txt", "--type", "example.list")
    write("classes.txt", "8a\n")
    told = installed.run("roster", "check", "classes.txt", "--type", "example.list", code=1)
    assert "classes.txt row 1" in told
    assert "RR306" in told


def test_what_is_not_installed_is_told(installed: Installed, write: Write):
    for provider, advice in (
        ("example.sqlit", "Did you mean 'example.sqlite'?"),
        ("other.one", "Install the distribution"),
        ("sqlite", "has a dot"),
    ):
        write("reconciler.toml", SETTINGS.format(name="town", provider=provider))
        assert advice in installed.run("export", code=1)
    write("reconciler.toml", '[environments.town]\nprovider = "example.sqlite"\nurl = "x"\n')
    assert "url is not known" in installed.run("export", code=1)
    write("reconciler.toml", '[environments.town]\nprovider = "example.sqlite"\n')
    assert "path is missing" in installed.run("export", code=1)
    write("rules.yaml", "version: 1\nsite: s\nrosters: {a: {type: exampl.list, path: x}}\n")
    told = installed.run("roster", "check", "x", "--type", "exampl.list", code=1)
    assert "Did you mean 'example.list'?" in told


def test_a_broken_plugin_is_one_sentence_with_its_name_and_nobody_else_s(
    installed: Installed, write: Write, tmp_path: Path
):
    (tmp_path / "source" / "broken_plugins").mkdir(parents=True)
    (tmp_path / "source" / "pyproject.toml").write_text(BROKEN)
    (tmp_path / "source" / "broken_plugins" / "__init__.py").write_text(BROKEN_CODE)
    (tmp_path / "source" / "broken_plugins" / "ends.py").write_text("import sys; sys.exit(0)")
    wheel = build(tmp_path / "source", tmp_path / "wheel")
    broken = Installed(tmp_path, *installed.folder.parent.glob("wheels*/*/*.whl"), wheel)
    cases = {
        "broken.import": "The provider broken.import (broken-plugins 0.3) cannot be loaded: Attr",
        "broken.exit": "broken.exit (broken-plugins 0.3) cannot be loaded: SystemExit.",
        "broken.fetch": "The provider broken.fetch (broken-plugins 0.3) failed: ValueError.",
        "example.sqlite": "more than once: broken-plugins 0.3, sqlite-site 1.0.0.",
    }
    for provider, told in cases.items():
        settings = f'[environments.town]\nprovider = "{provider}"\n'
        (broken.folder / "reconciler.toml").write_text(settings)
        said = broken.run("export", code=1)
        assert told in said
        assert "Marit" not in said
    broken.run("site.db", program="sqlite-site")
    (broken.folder / "roles.yaml").write_text(MANIFEST)
    settings = SETTINGS.format(name="send", provider="broken.send")
    settings += SETTINGS.format(name="close", provider="broken.close")
    (broken.folder / "reconciler.toml").write_text(settings)
    # What was sent when its session ended is found out; a run that cannot be closed is told whole.
    said = broken.run("apply", "roles.yaml", "--yes", "-e", "send")
    assert "3 succeeded; read back and confirmed." in said
    (broken.folder / "roles.yaml").write_text(MANIFEST.replace("    learners: [s-0]\n", ""))
    said = broken.run("apply", "roles.yaml", "--yes", "-e", "close")
    assert "1 succeeded; read back and confirmed." in said
    assert "Marit" not in said
    (broken.folder / "list.txt").write_text("")
    said = broken.run("roster", "check", "list.txt", "--type", "broken.read", code=1)
    assert "The format of rosters broken.read (broken-plugins 0.3) returned no roster." in said
