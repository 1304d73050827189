"""Runs the steps of action.yml as a runner of GitHub does, on this machine.

Its expressions are evaluated, its scripts run as the runner runs them, and what it passes between
steps and runs (outputs, summaries, artefacts) is kept. The three actions of others that it calls
are stood in for: they set Python up, and move artefacts.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import warm
import yaml
from code_host import TOKEN, CodeHost
from sandboxes import PROGRAM, ROOT, Desk

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
RUN_SECONDS = 120
HEAD, MERGE = "a" * 40, "b" * 40


@dataclass
class Event:
    """Why a workflow runs."""

    name: str = "pull_request"
    ref: str = "refs/pull/3/merge"
    sha: str = "d" * 40
    run: int = 4711
    head: str | None = HEAD
    head_repository: str = "office/roles"
    visibility: str = "private"

    @property
    def context(self) -> dict[str, Any]:
        event: dict[str, Any] = {"repository": {"visibility": self.visibility}}
        if self.head:
            head = {"sha": self.head, "repo": {"full_name": self.head_repository}}
            event["pull_request"] = {"head": head}
        return {"token": TOKEN, "sha": self.sha, "event": event, "event_name": self.name}


PULL = Event()
MERGED = Event("push", "refs/heads/main", MERGE, 4712, None)
NIGHT = Event("schedule", "refs/heads/main", MERGE, 4713, None)


@dataclass
class Ran:
    """How a run of the action ended: its exit code, its log, its outputs."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


class Evaluator:
    """The expressions that action.yml has: lookups, `==`, `||`."""

    def __init__(self, **contexts: Any) -> None:
        self.contexts = contexts

    def text(self, value: Any) -> str:
        """Fill a value's expressions in."""
        return re.sub(r"\$\{\{\s*(.+?)\s*\}\}", lambda found: self.of(found[1]), str(value))

    def of(self, expression: str) -> str:
        for part in expression.split("||"):
            left, is_equal, right = (each.strip() for each in part.partition("=="))
            found = self._value(left)
            if is_equal:
                found = "true" if found == self._value(right) else ""
            if found:
                return found
        return ""

    def _value(self, word: str) -> str:
        if word[0] == "'":
            return word.strip("'")
        found: Any = self.contexts
        for part in word.split("."):
            assert re.fullmatch(r"[\w-]+", part), word
            found = found.get(part, {}) if isinstance(found, dict) else {}
        return "" if found == {} or found is None else str(found)


class Runner:
    """A machine that runs the action on a desk's folder, and what it keeps between runs.

    Args:
        desk: where it works.
        host: the host of code that it asks.
        folder: where it may keep what it needs.
        programs: the console script that stands for an installed one.
    """

    def __init__(
        self,
        desk: Desk,
        host: CodeHost,
        folder: Path,
        programs: warm.Programs | None = None,
    ) -> None:
        self.desk = desk
        self.programs = programs or warm.programs(PROGRAM)
        self.host = host
        self.folder = folder
        self.kept: dict[tuple[int, str], bytes] = {}
        self.kept_as: dict[tuple[int, str], str] = {}

    def run(self, event: Event, **inputs: str) -> Ran:
        """Run the action as a step of a job; `with_` holds its inputs."""
        declared = ACTION["inputs"]
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(declared)
        temp = self.folder / f"temp-{len(list(self.folder.iterdir()))}"
        temp.mkdir()
        contexts = {"github": event.context, "runner": {"temp": str(temp)}, "steps": {}}
        defaults = Evaluator(**contexts)
        contexts["inputs"] = {
            name: given.get(name, defaults.text(each.get("default", "")))
            for name, each in declared.items()
        }
        ran = Ran()
        for step in ACTION["runs"]["steps"]:
            evaluator = Evaluator(**contexts)
            if "if" in step and not evaluator.of(step["if"]):
                continue
            outputs = self._step(step, evaluator, event, temp, ran)
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": outputs}
            if ran.code:
                break
        ran.outputs = contexts["steps"].get("run", {"outputs": {}})["outputs"]
        self.desk.check_manners(ran.log + ran.summary)
        return ran

    def _step(
        self, step: dict[str, Any], evaluator: Evaluator, event: Event, temp: Path, ran: Ran
    ) -> dict[str, str]:
        values = {key: evaluator.text(value) for key, value in step.get("with", {}).items()}
        match step.get("uses", "").partition("@")[0]:
            case "actions/setup-python":
                return {"python-path": sys.executable}
            case "actions/upload-artifact":
                self._keep(values, event)
                return {}
            case "actions/download-artifact":
                key = int(values["run-id"]), values["name"]
                (Path(values["path"])).mkdir(exist_ok=True)
                (Path(values["path"]) / self.kept_as[key]).write_bytes(self.kept[key])
                return {}
            case "":
                return self._shell(step, evaluator, event, temp, ran)
            case other:
                raise AssertionError(f"nothing stands in for {other}")

    def _keep(self, values: dict[str, str], event: Event) -> None:
        path = Path(values["path"])
        key = event.run, values["name"]
        self.kept[key], self.kept_as[key] = path.read_bytes(), path.name
        self.host.keep(values["name"], event.run, event.head or event.sha)

    def _shell(
        self, step: dict[str, Any], evaluator: Evaluator, event: Event, temp: Path, ran: Ran
    ) -> dict[str, str]:
        if "pipelines/install" in step["run"]:  # takes half a minute; test_install.py runs it
            installed = temp / "reconciler" / "bin"
            installed.mkdir(parents=True)
            (installed / PROGRAM.name).symlink_to(self.programs.folder / PROGRAM.name)
            return {}
        output, summary, script = temp / "output", temp / "summary", temp / "script.sh"
        for each in (output, summary):
            each.write_text("")
        script.write_text(step["run"])
        env = {
            **self.desk.environment,
            **self.host.github(
                GITHUB_SHA=event.sha,
                GITHUB_REF=event.ref,
                GITHUB_EVENT_NAME=event.name,
                GITHUB_RUN_ID=str(event.run),
            ),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temp),
            "HOME": str(temp),
        }
        del env["GH_TOKEN"]
        env |= {key: evaluator.text(value) for key, value in step.get("env", {}).items()}
        where = evaluator.text(step.get("working-directory", "."))
        done = subprocess.run(
            [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.desk.directory / where,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
            pass_fds=self.programs.kept,
        )
        ran.code = done.returncode
        ran.log += done.stdout
        ran.summary += summary.read_text(encoding="utf-8")
        return dict(line.split("=", 1) for line in output.read_text().splitlines())
