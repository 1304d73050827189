"""What others run is judged by the linters that they would use; those notice a mistake."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sandboxes import ROOT

from reconciler.starter import Answers, Pipeline, starting_files

BIN = Path(sys.executable).parent
PAGE = ROOT / "docs" / "pipelines.md"
SCRIPTS = sorted(path for path in (ROOT / "pipelines").iterdir())


def judged(*words: str | Path, cwd: Path = ROOT, expect: int | None = 0) -> str:
    program, *arguments = words
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    if expect is not None:
        assert done.returncode == expect, said
    return said


def shown(*, having: str) -> Iterator[str]:
    """The YAML on the page that has some word."""
    text = PAGE.read_text(encoding="utf-8")
    for found in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if re.search(having, found, re.MULTILINE):
            yield found


def starter(pipeline: Pipeline, **more: str) -> str:
    answers = Answers("nord", "https://roles.example", "UTC", pipeline, **more)  # type: ignore[arg-type]
    names = {Pipeline.GITHUB: ".github/workflows/roles.yaml", Pipeline.GITLAB: ".gitlab-ci.yml"}
    return starting_files(answers, "1.0.0")[names[pipeline]].decode()


@pytest.fixture
def workflows(tmp_path: Path) -> list[Path]:
    """Every workflow that somebody may take over: what `init` writes, and those on the page."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    place = "office/reconciler@" + "0" * 40
    called = starter(Pipeline.GITHUB, action=place, below="all the roles")
    texts = [called, *shown(having="^jobs:"), starter(Pipeline.GITHUB)]
    assert len(texts) == 4
    found = [folder / f"workflow-{number}.yaml" for number in range(len(texts))]
    for path, text in zip(found, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return found


GITLAB = ("--data-transform", "gitlab-ci")


def schema(name: str, *words: str | Path, expect: int | None = 0) -> str:
    judge = ("-m", "check_jsonschema", "--builtin-schema", f"vendor.{name}")
    return judged("python", *judge, *words, expect=expect)


def test_published_schemas_accept_the_action_and_the_workflows(workflows, tmp_path):
    schema("github-actions", ROOT / "action.yml")
    schema("github-workflows", *workflows)
    wrong = tmp_path / "action.yml"
    wrong.write_text((ROOT / "action.yml").read_text().replace("runs:", "run:", 1))
    schema("github-actions", wrong, expect=1)


def test_the_published_schema_accepts_the_component_and_its_use(tmp_path):
    head, body = (ROOT / "templates" / "roles.yml").read_text(encoding="utf-8").split("\n---\n")
    spec = yaml.safe_load(head)["spec"]["inputs"]
    values = {name: str(each.get("default", "x")) for name, each in spec.items()}
    body = re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda found: values[found[1]], body)
    place = "office/reconciler@" + "0" * 40
    uses = [*shown(having="^include:"), starter(Pipeline.GITLAB, action=place)]
    assert len(uses) == 2
    for number, text in enumerate([body, head, *uses]):
        path = tmp_path / f"{number}.gitlab-ci.yml"
        path.write_text(text, encoding="utf-8")
        schema("gitlab-ci", *(() if text == head else GITLAB), path)
    wrong = tmp_path / "wrong.gitlab-ci.yml"
    wrong.write_text(body.replace("script:", "scripts:"), encoding="utf-8")
    schema("gitlab-ci", *GITLAB, wrong, expect=1)


def test_zizmor_finds_nothing_unsafe_in_the_action_and_the_workflows(workflows, tmp_path):
    words = ("--offline", "--no-progress", "--persona", "pedantic", "--min-severity", "low")
    judged("zizmor", *words, ROOT / "action.yml", *workflows)
    wrong = workflows[1]
    text = wrong.read_text(encoding="utf-8")
    wrong.write_text(
        re.sub(r"(?m)^( +)- uses: actions/checkout.*$",
               r"\g<0>\n\1- run: echo ${{ github.event.pull_request.title }}", text),
        encoding="utf-8",
    )  # fmt: skip
    assert "template-injection" in judged("zizmor", *words, wrong, expect=None)


def test_no_job_runs_without_an_end(workflows):
    for path in workflows:
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            assert 0 < job["timeout-minutes"] <= 120


def test_actionlint_accepts_the_workflows(workflows):
    words = ("actionlint", "-no-color", "-shellcheck", BIN / "shellcheck", "-pyflakes", "")
    judged(*words, *workflows)
    text = workflows[1].read_text(encoding="utf-8")
    workflows[1].write_text(text.replace("github.run_id", "github.run_identity"), encoding="utf-8")
    assert "run_identity" in judged(*words, workflows[1], expect=1)


def test_shellcheck_accepts_every_script(tmp_path):
    # Braces are style; variables come from the step; exit codes of functions are looked at.
    judged("shellcheck", "--enable=all", "--exclude=SC2154,SC2250,SC2310,SC2312", *SCRIPTS)
    for number, text in enumerate(shells()):
        path = tmp_path / f"{number}.sh"
        path.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{text}\n", encoding="utf-8")
        judged("shellcheck", path)
    wrong = tmp_path / "wrong.sh"
    wrong.write_text("#!/usr/bin/env bash\nrm $1\n", encoding="utf-8")
    assert "SC2086" in judged("shellcheck", wrong, expect=1)


def shells() -> Iterator[str]:
    """The shell in YAML."""
    _, body = (ROOT / "templates" / "roles.yml").read_text(encoding="utf-8").split("\n---\n")
    for job in yaml.safe_load(body).values():
        yield "\n".join(job.get("before_script", []) + job.get("script", []))
    for job in yaml.safe_load(starter(Pipeline.GITHUB))["jobs"].values():
        yield "\n".join(step["run"] for step in job["steps"] if "run" in step)
    for document in yaml.safe_load_all(
        (ROOT / "deploy" / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
    ):
        if document["kind"] == "CronJob":
            (container,) = pod_of(document)["containers"]
            yield "\n".join(container["args"])


def test_hadolint_accepts_the_image(tmp_path):
    judged("hadolint", "--failure-threshold", "style", ROOT / "Dockerfile")
    wrong = tmp_path / "Dockerfile"
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    wrong.write_text(re.sub(r"(?m)^FROM python:\S+$", "FROM python", text), encoding="utf-8")
    assert "DL3006" in judged("hadolint", wrong, expect=1)


CRONJOB = ROOT / "deploy" / "kubernetes" / "cronjob.yaml"


def pod_of(cronjob: dict) -> dict:
    return dict(cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("version", ["1.31", "1.34"])
def test_the_schemas_of_kubernetes_accept_the_cron_job(tmp_path, version):
    words = ("kubernetes-validate", "--strict", "--kubernetes-version", version)
    judged(*words, CRONJOB)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        CRONJOB.read_text(encoding="utf-8").replace("runAsNonRoot", "runAsNonroot"),
        encoding="utf-8",
    )
    assert judged(*words, wrong, expect=1)


def test_the_cron_job_has_the_least_rights():
    documents = list(yaml.safe_load_all(CRONJOB.read_text(encoding="utf-8")))
    (job,) = [each for each in documents if each["kind"] == "CronJob"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    pod = pod_of(job)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "env" not in container, "secrets are files"
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    user = str(pod["securityContext"]["runAsUser"])
    assert f"USER {user}:{user}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
