"""Completion: what it offers, and that real shells take it."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from sandboxes import PROGRAM, Desk, clean_environment
from small import plan, small_site, wanting

from reconciler.plan import document
from reconciler.policy.guards import GUARDS

CONFIG = '[environments.production]\nurl = "https://roles.example"\n[environments.practice]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.toml").write_text(CONFIG)
    (tmp_path / "roles.yaml").write_text("version: 1\nsite: nord\n")
    made = plan(small_site(), wanting(("t-0", "8a"), ("t-1", "8b")))
    (tmp_path / "plan.json").write_text("".join(document.to_texts(made)))
    return tmp_path


def offered(folder: Path, words: str) -> list[str]:
    """What is offered for the last of some words, each as its kind and value."""
    variables = {
        "_RECONCILER_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [PROGRAM],
        cwd=folder,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return [line for line in done.stdout.splitlines() if line]


def test_environments_of_the_settings_file(folder: Path):
    assert offered(folder, "reconciler plan -e ") == ["plain,production", "plain,practice"]
    assert offered(folder, "reconciler plan --environment=pro") == ["plain,production"]
    (folder / "other.toml").write_text("[environments.elsewhere]\n")
    assert offered(folder, "reconciler plan --config other.toml -e ") == ["plain,elsewhere"]


@pytest.mark.parametrize("text", ["", "environments = 1", "[environments", "\udcff"])
def test_settings_that_cannot_be_read_complete_nothing(folder: Path, text: str):
    (folder / "reconciler.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert offered(folder, "reconciler plan -e ") == []
    assert offered(folder, "reconciler plan --config none.toml -e ") == []


def test_codes_of_guards(folder: Path):
    found = offered(folder, "reconciler apply roles.yaml --override ")
    assert found == [f"plain,{code}" for code in GUARDS]
    assert offered(folder, "reconciler apply roles.yaml --override rr502") == ["plain,RR502"]


def test_addresses_of_a_saved_plan(folder: Path):
    found = offered(folder, "reconciler apply plan.json --only mentor/t-1")
    assert found == ["plain,mentor/t-1", "plain,mentor/t-1/class/8b"]
    assert offered(folder, "reconciler apply roles.yaml --only ") == []
    assert offered(folder, "reconciler apply none.json --except ") == []


@pytest.mark.parametrize(
    "words",
    [
        *("validate ", "plan ro", "apply ", "fmt ", "show ", "review ", "fleet plan "),
        *("plan --out ", "plan --config ", "review --live ", "access --as-planned "),
        *("export --out ", "export --state ", "export --as-rules ", "init --roster "),
        *("roster check ", "roster check x --base "),
    ],
)
def test_files_are_left_to_the_shell(folder: Path, words: str):
    begun = words.rpartition(" ")[2]
    assert offered(folder, f"reconciler {words}") == [f"file,{begun}"]


@pytest.mark.parametrize("words", ["init ", "export --per-school ", "snapshot form "])
def test_folders_are_left_to_the_shell(folder: Path, words: str):
    assert offered(folder, f"reconciler {words}") == ["dir,"]


def test_powershell_is_told_how_too(tmp_path: Path):
    assert "Register-ArgumentCompleter" in Desk(tmp_path).run("completion", "powershell").out


# In real shells

TYPED = {
    "a command": ("reconciler rollb", "reconciler rollback "),
    "an option": ("reconciler plan --detailed", "reconciler plan --detailed-exitcode "),
    "a file": ("reconciler validate rol", "reconciler validate roles.yaml "),
    "an environment": ("reconciler plan -e prod", "reconciler plan -e production "),
    "a code": ("reconciler plan --override RR502", "reconciler plan --override RR502 "),
    "a choice": ("reconciler schema fleet-", "reconciler schema fleet-result "),
}
"""What is typed before the tab key, and what stands there afterwards."""

CLEAR = "\x15"
"""Ctrl-U takes back what stands on the line."""

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(reconciler completion bash)"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -D -u; source <(reconciler completion zsh)",
    ),
}


def environment(folder: Path) -> dict[str, str]:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environment() | {
        "PATH": path,
        "HOME": str(folder),
        "TERM": "xterm",
        "COLUMNS": "200",
        "PS1": "$ ",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
    }


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, command: list[str], folder: Path) -> None:
        number, self._master = pty.fork()
        if not number:
            os.chdir(folder)
            os.execvpe(command[0], command, environment(folder))  # noqa: S606 - it is a shell
        self._number = number
        self._said = ""

    def type(self, keys: str, shown: str) -> None:
        """Type keys, and wait for a text."""
        self._said = ""
        os.write(self._master, keys.encode())
        end = time.monotonic() + 30
        while shown not in self._said:
            assert time.monotonic() < end, f"{shown!r} is not in {self._said!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._said += os.read(self._master, 65536).decode(errors="replace")

    def close(self) -> None:
        os.kill(self._number, signal.SIGKILL)
        os.waitpid(self._number, 0)
        os.close(self._master)


@pytest.mark.parametrize("shell", START)
def test_a_shell_completes_what_is_typed(folder: Path, shell: str):
    command, line = START[shell]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{shell} is not installed")
    terminal = Terminal(command, folder)
    try:
        terminal.type(f"{line}; echo re''ady\n", "ready")
        for typed, made in TYPED.values():
            rest = made.removeprefix(typed)
            terminal.type(typed, typed[-4:])
            terminal.type("\t", rest.strip() or " ")
            terminal.type(CLEAR, "")
    finally:
        terminal.close()


def test_fish_completes_what_is_typed(folder: Path):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    for typed, made in TYPED.values():
        done = subprocess.run(
            [
                "fish",
                "--no-config",
                "-c",
                "reconciler completion fish | source; complete -C $argv[1]",
                typed,
            ],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        offered = [found.partition("\t")[0] for found in done.stdout.splitlines()]
        assert made.split()[-1] in offered, (typed, done.stderr)
