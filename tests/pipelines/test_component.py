"""The component for GitLab: its jobs' shell, against a sandbox and a host of code."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import warm
import yaml
from broken_roster import GHOST, break_the_roster
from sandboxes import PROGRAM, ROOT, clean_environment
from traps import lay_traps, sprung

TEMPLATE = ROOT / "templates" / "roles.yml"
LEARNER = re.compile(r"\bs-\d{4}\b")


def filled(**inputs: str) -> dict[str, Any]:
    """The jobs, with inputs put in as GitLab puts them in: as text, before it is read as YAML."""
    text = TEMPLATE.read_text(encoding="utf-8")
    head, body = text.split("\n---\n")
    declared = yaml.safe_load(head)["spec"]["inputs"]
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    assert set(given) <= set(declared)
    values = {
        name: given.get(name, each.get("default", "nowhere")) for name, each in declared.items()
    }
    named = set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", body))
    assert named == set(declared)
    return dict(
        yaml.safe_load(
            re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda found: str(values[found[1]]), body)
        )
    )


class Project:
    """A project with the component, and what its jobs leave behind."""

    def __init__(self, desk, host) -> None:
        self.desk = desk
        self.host = host

    def job(self, name: str, expect: int, *, more: dict[str, str] | None = None, **inputs: str):
        jobs = filled(package="reconciler", **inputs)
        about = inputs.get("about", "roles")
        shared = jobs[f".{about}"]
        job = jobs[f"{about}-{name}"]
        assert job["extends"] == f".{about}"
        shell = "\n".join([*shared["before_script"], *job["script"]])
        environment = {
            **self.desk.environment,
            **self.host.gitlab(),
            **{key: str(value) for key, value in shared["variables"].items()},
            **(more or {}),
            "PATH": f"{warm.programs(PROGRAM).folder}:{PROGRAM.parent}:/usr/bin:/bin",
        }
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", shell.replace("python -P -m pip install", "true")],
            cwd=self.desk.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
            pass_fds=warm.programs(PROGRAM).kept,
        )
        self.desk.check_manners(done.stdout)
        assert done.returncode == expect, done.stdout
        assert not LEARNER.search(done.stdout), done.stdout
        return done.stdout


@pytest.fixture
def project(desk, host):
    return Project(desk, host)


def change(desk, old: str, new: str) -> None:
    path = desk.directory / "roles.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_plan_comment_apply_and_drift(project, host):
    desk = project.desk
    change(desk, "classes: [9a]", "classes: [9a, 8b]")
    change(desk, "- s-1020", "- s-1020\n      - s-1021")
    assert "2 to add." in project.job("plan", 0)
    project.job("plan", 0)
    assert [what for what, _ in host.writes] == ["made", "renewed"]
    assert "2 to add." in host.comments[0]["body"]
    assert not LEARNER.search(host.comments[0]["body"])
    assert (desk.directory / "gl-code-quality-report.json").read_text().strip() == "[]"
    said = project.job("apply", 0)
    assert "2 succeeded" in said
    assert "t-0401" not in said
    assert "retry the job roles-plan" in project.job("apply", 5)
    host.newest = "c" * 40
    assert "Let the job of the newest commit apply" in project.job("apply", 5)
    host.newest = "b" * 40
    project.job("drift", 0)
    change(desk, "classes: [9a, 8b]", "classes: [9a]")
    project.job("drift", 0)
    desk.sandbox.assign("mentor/t-0407/class/8a")
    assert "Drifted: 1" in project.job("drift", 2)


def test_a_roster_is_fetched_first(project):
    fetch = "cp roles.yaml fetched.yaml && rm roles.yaml"
    project.job("plan", 0, manifest="fetched.yaml", fetch=fetch)
    assert (project.desk.directory / "fetched.yaml").exists()
    project.job("drift", 1, fetch="false")


def test_mistakes_refusals_and_forks(project, host):
    desk = project.desk
    good = (desk.directory / "roles.yaml").read_text(encoding="utf-8")
    desk.write(good + "mentor: []\n")
    project.job("plan", 1)
    assert "RR101" in (desk.directory / "gl-code-quality-report.json").read_text()
    assert "1 error" in host.comments[0]["body"]
    desk.write(good.replace("version: 1", "version:   1"))
    project.job("plan", 2)
    desk.write("version: 1\nsite: nordberg-kommune\nmentors: []\n")
    assert "A guard or policy refuses" in project.job("plan", 4)
    desk.write(good)
    fork = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8", "RECONCILER_COMMENT_TOKEN": ""}
    (desk.directory / "plan.json").unlink(missing_ok=True)
    assert "from a fork gets no secrets" in project.job("plan", 0, more=fork)
    assert not (desk.directory / "plan.json").exists()


def test_a_fork_gets_no_roster(project):
    """What fetches it may need secrets, and runs what the fork has written beside it."""
    fork = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8"}
    said = project.job("plan", 0, more=fork, fetch="touch fetched")
    assert "and so no roster" in said
    assert not (project.desk.directory / "fetched").exists()


def test_where_no_plan_could_be_made_no_comment_says_that_nothing_is_wrong(project, host):
    project.job("plan", 1, settings="nowhere")
    assert host.comments == []
    assert not (project.desk.directory / "plan.md").exists()


def test_mistakes_of_a_roster_are_told_without_the_ids_of_learners(project, host):
    twice = break_the_roster(project.desk)
    said = project.job("plan", 1) + project.job("drift", 1)
    report = (project.desk.directory / "gl-code-quality-report.json").read_text(encoding="utf-8")
    assert "RR309" in report
    assert "RR310" in said
    for told in (said, report, host.comments[0]["body"]):
        assert twice not in told
        assert GHOST not in told


def test_without_a_token_there_is_no_comment(project, host):
    project.job("plan", 0, more={"RECONCILER_COMMENT_TOKEN": ""})
    assert host.comments == []


def test_inputs_are_values_and_never_code(project):
    for name in ("manifest", "settings"):
        project.job("drift", 1, **{name: "$(touch pwned);x"})
    assert not (project.desk.directory / "pwned").exists()
    body = TEMPLATE.read_text(encoding="utf-8").split("\n---\n")[1]
    for job in yaml.safe_load(body).values():
        assert "$[[" not in "\n".join([*job.get("script", []), *job.get("before_script", [])])


def test_nothing_of_the_repository_runs_beside_the_secrets(tmp_path):
    lay_traps(tmp_path)
    jobs = filled(package="reconciler @ file:///no-such-place/reconciler")
    shell = [*jobs[".roles"]["before_script"], jobs["roles-apply"]["script"][0]]
    for each in shell[0], f"{shell[-1]}; echo key=$RECONCILER_REDACT_KEY":
        done = subprocess.run(
            ["bash", "-e", "-c", each],
            cwd=tmp_path,
            env={
                **clean_environment(),
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "PIP_NO_INDEX": "1",
                "ROLES_PACKAGE": jobs[".roles"]["variables"]["ROLES_PACKAGE"],
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not sprung(tmp_path), done.stderr
        assert "no-such-place" in done.stderr or re.fullmatch(r"key=[0-9a-f]{64}\n", done.stdout)


def test_only_who_may_deploy_applies_and_nobody_twice_at_once():
    for when in ("manual", "on_success"):
        jobs = filled(about="north", apply_when=when, environment="live")
        job = jobs["north-apply"]
        assert (job["environment"], job["resource_group"]) == ("live", "north-apply")
        (rule,) = job["rules"]
        assert rule["when"] == when
        assert "$CI_DEFAULT_BRANCH" in rule["if"]
        assert job["needs"] == ["north-plan"]
        assert all("timeout" in jobs[f"north-{each}"] for each in ("plan", "apply", "drift"))
        assert jobs["north-plan"]["artifacts"]["access"] == "developer"


def test_it_starts_from_an_image_of_one_state():
    image = filled()[".roles"]["image"]
    assert re.fullmatch(r"python:3\.\d+-\w+@sha256:[0-9a-f]{64}", image)
    assert "slim" not in image, "it has no git"
    stages = Path(ROOT / "Dockerfile").read_text(encoding="utf-8")
    (base,) = set(re.findall(r"^FROM (\S+)", stages, re.MULTILINE))
    assert re.fullmatch(r"python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert "git" not in re.sub(r"(?m)^#.*", "", stages), "a slim image has no git"
