"""The program where it is installed for good: an image, a unit of systemd, a hook of pre-commit."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import warm
import yaml
from broken_roster import break_the_roster
from sandboxes import PROGRAM, ROOT, Desk, clean_environment
from traps import lay_traps, sprung

from reconciler.connection import load_connection

BIN = Path(sys.executable).parent


def offline() -> dict[str, str]:
    """Let pip build and install the project here, with the packages that are here."""
    return {
        **clean_environment(),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip's variable says yes
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }


def built_from(folder: Path) -> None:
    """Copy what the image is built from: what .dockerignore lets in."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    for name in (line[1:] for line in lines if line.startswith("!")):
        source = ROOT / name
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the image holds."""
    source, wheels = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    built_from(source)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", wheels, "."],
        cwd=source,
        env=offline(),
        check=True,
        timeout=120,
    )
    (found,) = wheels.iterdir()
    return found


def test_the_image_holds_the_program_and_nothing_of_its_making(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "reconciler/schemas/manifest-v1.schema.json" in names
    assert "reconciler/starter/github.yaml" in names
    assert not [each for each in names if each.startswith(("tests", "docs", "benchmarks"))]


READ_ONLY = """
import errno, os, sys
WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod"}
def guard(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITE
    if event in CHANGES or (writes and arguments[0] != os.devnull):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(arguments[0]))
sys.addaudithook(guard)
from reconciler.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""Whatever Python would write is refused, as a file system does that can only be read."""


def test_it_runs_where_nothing_can_be_written(wheel, desk, tmp_path_factory):
    """As in the image: no home, and a file system to read alone."""
    installed = tmp_path_factory.mktemp("image")
    zipfile.ZipFile(wheel).extractall(installed)
    folder = desk.directory
    environment = {
        **desk.environment,
        "HOME": "/nowhere",
        "RECONCILER_NO_CACHE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join([str(installed), sysconfig.get_path("purelib")]),
    }
    for name in ("RECONCILER_STATE_DIR", "RECONCILER_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR"):
        environment.pop(name, None)
    before = sorted(folder.rglob("*"))

    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        desk.check_manners(done.stdout + done.stderr)
        return done

    for arguments in (
        ["--version"],
        ["validate", "roles.yaml"],
        ["plan", "roles.yaml", "--detailed-exitcode"],
        ["drift", "roles.yaml", "--format", "markdown"],
        ["review"],
    ):
        done = ran(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    done = ran("plan", "roles.yaml", "--out", "plan.json")
    assert done.returncode == 1
    assert "plan.json" in done.stderr
    assert sorted(folder.rglob("*")) == before


# systemd

UNITS = ROOT / "deploy" / "systemd"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the program where it is on this machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not on this machine")
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/reconciler/bin/reconciler", str(PROGRAM))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyzed(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_accepts_the_units(units):
    paths = [units / "reconciler-drift.service", units / "reconciler-drift.timer"]
    done = analyzed("verify", "--man=no", *paths)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "reconciler" in line], done.stderr
    text = paths[0].read_text(encoding="utf-8")
    paths[0].write_text(text.replace("ProtectSystem", "ProtectSystems"), encoding="utf-8")
    assert "ProtectSystems" in analyzed("verify", "--man=no", paths[0]).stderr


def test_the_unit_has_few_rights(units):
    """By systemd's own measure: 0.0 is no rights at all, 10.0 everything."""
    service = units / "reconciler-drift.service"
    done = analyzed("security", "--offline=true", "--threshold=20", "--no-pager", service)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_timer_says_when(units):
    text = (units / "reconciler-drift.timer").read_text(encoding="utf-8")
    (when,) = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)
    assert analyzed("calendar", when).returncode == 0


def test_systemd_accepts_the_drop_in_for_monitoring(units):
    service = units / "reconciler-drift.service"
    drop_in = units / "reconciler-drift.service.d" / "monitoring.conf"
    drop_in.parent.mkdir()
    (units / "monitoring.conf").rename(drop_in)
    done = analyzed("verify", "--man=no", service)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "monitoring" in line], done.stderr
    text = drop_in.read_text(encoding="utf-8")
    drop_in.write_text(text.replace("ReadWritePaths", "ReadWritePath"), encoding="utf-8")
    assert "ReadWritePath" in analyzed("verify", "--man=no", service).stderr


def test_with_the_drop_in_metrics_and_memory_are_written_where_it_lets_them(desk):
    """The unit has a file system to read alone: what it writes stands in the drop-in."""
    text = (UNITS / "monitoring.conf").read_text(encoding="utf-8")
    written = dict(re.findall(r"^(ReadWritePaths|StateDirectory)=(\S+)$", text, re.MULTILINE))
    state = f"/var/lib/{written['StateDirectory']}"
    assert f"Environment=RECONCILER_STATE_DIR={state}\n" in text
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert f'textfile_folder = "{written["ReadWritePaths"]}"' in page
    pipelines = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    assert f"chmod g+w {written['ReadWritePaths']}\n" in pipelines
    (command,) = re.findall(r"^ExecStart=\S+ (.+)$", text, re.MULTILINE)
    (desk.directory / "metrics").mkdir()
    desk.write('[metrics]\ntextfile_folder = "metrics"\n', "reconciler.toml")
    desk.run(*command.split())
    (found,) = (desk.directory / "metrics").glob("*.prom")
    assert "reconciler_last_run_success" in found.read_text(encoding="utf-8")


def test_what_the_unit_runs_ends_as_the_unit_says(desk):
    text = (UNITS / "reconciler-drift.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=\S+ (.+)$", text, re.MULTILINE)
    desk.run(*command.split())
    manifest = (desk.directory / "roles.yaml").read_text(encoding="utf-8")
    desk.write(manifest.replace("classes: [9a]", "classes: [9a, 8b]"))
    desk.run(*command.split(), expect=3)
    assert "SuccessExitStatus=3\n" in text
    desk.sandbox.assign("mentor/t-0407/class/8a")
    desk.run(*command.split(), expect=2)


# Kubernetes


def test_what_the_cron_job_runs_ends_as_the_page_says(desk):
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes/cronjob.yaml").read_text("utf-8"))
    (job,) = [each for each in documents if each["kind"] == "CronJob"]
    spec = job["spec"]["jobTemplate"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    programs = warm.programs(PROGRAM)
    path = os.pathsep.join([str(programs.folder), os.environ["PATH"]])

    def ended() -> tuple[int, str]:
        done = subprocess.run(
            [*container["command"], *container["args"]],
            cwd=desk.directory,
            env={**desk.environment, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            pass_fds=programs.kept,
        )
        desk.check_manners(done.stdout + done.stderr)
        said = done.stdout + done.stderr
        assert not re.search(r"\bs-\d{4}\b", said), "the log names learners"
        return done.returncode, said

    assert ended()[0] == 0
    manifest = (desk.directory / "roles.yaml").read_text(encoding="utf-8")
    desk.write(manifest.replace("- s-1020", "- s-1020\n      - s-1021"))
    assert ended()[0] == 0
    desk.sandbox.assign("mentor/t-0412/learner/s-1033")
    code, said = ended()
    assert code == 2
    assert "Drifted: 1" in said
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert code in rule["onExitCodes"]["values"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    break_the_roster(desk)
    code, said = ended()
    assert code == 1
    assert "RR309" in said


def test_secrets_as_files_are_found_as_the_page_has_them(tmp_path):
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert "/run/secrets/reconciler/" in text
    for name, value in (("client_id", "me"), ("client_secret", "hunter2"), ("journal", "j.db")):
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
    config = tmp_path / "reconciler.toml"
    config.write_text(text.replace("/run/secrets/reconciler", str(tmp_path)), encoding="utf-8")
    found = load_connection(None, config=config, environ={}, directory=tmp_path)
    assert found.client_id == "me"
    assert found.client_secret is not None
    assert found.client_secret.reveal() == "hunter2"


# pre-commit


@pytest.fixture
def repository(tmp_path: Path) -> Desk:
    """A repository with a manifest, and hooks from this one as it is now."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    built_from(hooks)
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    git(hooks, "init", "-q")
    git(hooks, "add", "-A")
    git(hooks, "commit", "-q", "-m", "as it is now")
    place = tmp_path / "roles"
    place.mkdir()
    found = Desk(place)
    git(place, "init", "-q")
    found.write(
        f"repos:\n  - repo: {hooks}\n    rev: {git(hooks, 'rev-parse', 'HEAD').strip()}\n"
        "    hooks: [{id: reconciler-validate}, {id: reconciler-fmt}]\n",
        ".pre-commit-config.yaml",
    )
    return found


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "-c", "user.name=x", "-c", "user.email=x@x.example",
         *words],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def hooked(desk: Desk) -> tuple[int, str]:
    git(desk.directory, "add", "-A")
    done = subprocess.run(
        [BIN / "pre-commit", "run", "--color", "never"],
        cwd=desk.directory,
        env={**offline(), "PRE_COMMIT_HOME": str(desk.directory.parent / "home")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_hooks_check_manifests_and_put_them_into_their_form(repository):
    good = "version: 1\nsite: nord\nmentors:\n  - person: t-0412\n    classes: [8a]\n"
    repository.write(good)
    repository.write("a:   1\n", "other.yaml")
    code, said = hooked(repository)
    assert code == 0, said
    assert said.count("Passed") == 2
    repository.write(good.replace("version: 1", "version:   1"))
    code, said = hooked(repository)
    assert code == 1
    assert "files were modified by this hook" in said
    assert (repository.directory / "roles.yaml").read_text() == good
    repository.write(good + "mentor: []\n")
    code, said = hooked(repository)
    assert code == 1
    assert "RR101" in said
    assert (repository.directory / "other.yaml").read_text() == "a:   1\n"
    judged = subprocess.run(
        [BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout


def installing(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "pipelines" / "install"],
        cwd=folder,
        env={**clean_environment(), "RUNNER_TEMP": str(folder.parent / "temp"), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nothing_of_the_checkout_runs_when_the_action_installs(tmp_path):
    """The step has the secrets of an apply; whoever may push a file has no part in it."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    lay_traps(checkout)
    done = installing(checkout, PYTHON=sys.executable, PIP_NO_INDEX="1")
    assert "No matching distribution" in done.stderr, "pip itself was asked"
    assert (tmp_path / "temp" / "reconciler" / "bin" / "python").exists()
    assert not sprung(checkout), done.stderr


def test_what_the_action_installs_sees_no_secrets(tmp_path):
    seen = tmp_path / "seen"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv >{seen}\nexit 3\n", encoding="utf-8")
    python.chmod(0o700)
    secrets = dict.fromkeys(("RECONCILER_CLIENT_SECRET", "OF_ANOTHER_NAME", "GH_TOKEN"), "hunter2")
    proxy = "http://proxy.example:3128"
    done = installing(tmp_path, PYTHON=str(python), https_proxy=proxy, **secrets)
    assert done.returncode == 3
    told = seen.read_text(encoding="utf-8")
    assert "hunter2" not in told
    assert f"https_proxy={proxy}\n" in told


@pytest.mark.soak
def test_the_action_installs_the_program_with_its_locked_packages(tmp_path):
    environment = {**clean_environment(), "RUNNER_TEMP": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run(
        [ROOT / "pipelines" / "install"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    program = tmp_path / "reconciler" / "bin" / "reconciler"
    words = [program, "validate", ROOT / "examples" / "roles.yaml"]
    assert subprocess.run(words, env=environment, timeout=60, check=False).returncode == 0


@pytest.mark.soak
def test_the_steps_that_build_the_image_make_the_program_and_nothing_more(tmp_path):
    """What the first stage runs, on this machine, in folders of its own."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stage = text.split("\nFROM ")[1]
    steps = re.findall(r"^RUN (.+)$", stage, re.MULTILINE)
    assert len(steps) == 2
    source = tmp_path / "source"
    source.mkdir()
    built_from(source)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "base"], check=True, timeout=120)
    path = os.pathsep.join([str(tmp_path / "base" / "bin"), os.environ["PATH"]])
    for step in steps:
        here = step.replace("/opt/reconciler", str(tmp_path / "opt"))
        done = subprocess.run(
            ["sh", "-euc", here.replace("/wheels", str(tmp_path / "wheels"))],
            cwd=source,
            env={**clean_environment(), "PATH": path, "PIP_ROOT_USER_ACTION": "ignore"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    packages = next((tmp_path / "opt" / "lib").glob("python3*/site-packages"))
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}
    assert {"reconciler", "psycopg", "requests"} <= names
    assert not names & {"pip", "hatchling", "setuptools", "wheel", "pytest"}
    program = tmp_path / "opt" / "bin" / "reconciler"
    subprocess.run([program, "--version"], check=True, timeout=60)
