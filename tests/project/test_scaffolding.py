"""The project's own promises about its files: the gate, the versions, the written-down rules."""

import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import __version__, errors
from reconciler.cli.fleet import FLEET_COMMANDS
from reconciler.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = ("demo", "dev")
"""The sets that run the project; `bench` is only measured beside it."""


def files_of_the_project() -> list[Path]:
    """Every file that is, or would be, under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in files_of_the_project() if path.suffix == ".py"]


def test_ci_runs_the_gate_that_everybody_runs():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "#!/usr/bin/env bash",
        "set -euo pipefail",
        'cd "$(dirname "${BASH_SOURCE[0]}")/.."',
        "exec make test",
    ]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_make_lists_its_targets():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = ("demo", "test", "lint", "types", "imports", "fmt", "lock", "bench-check", "clean")
    for target in targets:
        assert f"make {target} " in listed.stdout


# Split, so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/" + r"work/",
            r"(?<![\w.])/" + r"home/\w",
            r"(?<![\w.])/" + r"Users/\w",
            r"(?<![\w.])/" + r"root/",
            "files" + r"\.pythonhosted\.org",
            r"pypi" + r"\.org/simple",
            "--" + "index-url",
            "--" + "extra-index-url",
        ]
    )
)


def test_no_file_names_a_machine_or_a_registry():
    found = []
    for path in files_of_the_project():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if FORBIDDEN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_what_is_forbidden_would_be_found():
    assert FORBIDDEN.search("open('/" + "work/main')")
    assert FORBIDDEN.search("--" + "index-url https://example.org")


def test_the_changelog_begins_with_the_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    top = re.search(r"^## (\S+)", text, flags=re.MULTILINE)
    assert top
    assert top[1] == __version__


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.lstrip().startswith("Apache License\n")
    assert "END OF TERMS AND CONDITIONS" in text
    assert text.rstrip().endswith("limitations under the License.")


# Locked versions


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonical(package): version for package, version in pins}


def asked(requirements: list[str]) -> set[str]:
    found = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {canonical(match[0]) for match in found if match}


@pytest.mark.parametrize("name", LOCKED)
def test_what_is_locked_is_what_the_project_asks_for(name):
    wanted = asked(PROJECT["project"]["dependencies"])
    wanted |= asked(PROJECT["project"]["optional-dependencies"]["sandbox"])
    if name == "dev":
        wanted |= asked(PROJECT["dependency-groups"]["dev"])
    assert wanted <= set(locked(name))


@pytest.mark.parametrize("name", [*LOCKED, "bench", "build", "run"])
def test_every_locked_package_has_its_hashes(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.,[\]-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_all_sets_lock_the_same_versions():
    demo, dev, bench = (locked(name) for name in ("demo", "dev", "bench"))
    for name in ("build", "run"):  # what an image is built with, and what it holds
        assert locked(name).items() <= dev.items()
    assert asked(PROJECT["project"]["dependencies"]) <= set(locked("run"))
    assert asked(PROJECT["build-system"]["requires"]) <= set(locked("build"))
    assert {name: dev.get(name) for name in demo} == demo
    assert {name: dev.get(name, bench[name]) for name in bench} == bench
    assert asked(PROJECT["dependency-groups"]["bench"]) <= set(bench)


# Written-down rules


def test_the_drawn_tree_of_errors_is_the_real_one():
    drawn = re.findall(r"^ {4}([│├└─ ]*)([A-Z]\w+)(?: +(\d+))?", errors.__doc__ or "", re.MULTILINE)
    parents: dict[str, str] = {}
    codes: dict[str, int] = {}
    path: list[str] = []
    for lead, name, code in drawn:
        depth = len(lead) // 4
        path[depth:] = [name]
        if depth:
            parents[name] = path[depth - 1]
        if code:
            codes[name] = int(code)
    classes = {
        name: each
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.ReconcilerError)
    }
    assert {name for _, name, _ in drawn} == set(classes)
    assert parents == {
        name: each.__bases__[0].__name__
        for name, each in classes.items()
        if each is not errors.ReconcilerError
    }
    assert codes == {name: int(classes[name].exit_code) for name in codes}


def comments() -> Iterator[tuple[Path, int, str]]:
    for path in python_files():
        with path.open("rb") as source:
            for token in tokenize.tokenize(source.readline):
                if token.type == tokenize.COMMENT:
                    yield path, token.start[0], token.string


EXCEPTION = re.compile(r"#\s*(noqa|pragma:\s*no cover)")
REASONED = re.compile(
    r"# (noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|pragma: no cover)\W+(?![A-Z]+\d+\b)\w.{4,}"
)


@pytest.mark.parametrize(
    "bare", ["# noqa", "# noqa: S603", "# noqa: S603, PLR0913", "#noqa: S603 - x"]
)
def test_an_exception_without_a_reason_would_be_found(bare):
    assert EXCEPTION.match(bare)
    assert not REASONED.match(bare)


def test_every_exception_to_a_lint_rule_has_its_reason_beside_it():
    bare = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, line, text in comments()
        if EXCEPTION.match(text) and not REASONED.match(text)
    ]
    assert not bare


UNREASONED_TYPE = re.compile(r"# type: ignore(\[[\w, -]*\])?\W*$")


def test_an_exception_to_a_type_without_a_reason_would_be_found():
    assert UNREASONED_TYPE.match("# type: ignore")
    assert UNREASONED_TYPE.match("# type: ignore[arg-type, misc] #")
    assert not UNREASONED_TYPE.match("# type: ignore[arg-type] # by the extension")


def test_every_exception_to_a_type_of_the_product_has_its_reason_beside_it():
    """In a test it is what the test is about: a double, or a value that is wrong on purpose."""
    bare = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path, line, text in comments()
        if not path.is_relative_to(ROOT / "tests") and UNREASONED_TYPE.match(text)
    ]
    assert not bare


def test_the_contract_of_the_sandbox_names_every_other_part():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (contract,) = [
        each for each in contracts if each.get("source_modules") == ["reconciler.sandbox"]
    ]
    # How a file is written or read, or kept by SQLite, says nothing of what is in it.
    files = {"catalogues", "gc_pause", "private_files", "sqlite"}
    shared = {"domain", "resources", "rosters", "sandbox", "__init__", "__main__", *files}
    parts = {
        path.relative_to(ROOT / "reconciler").parts[0].removesuffix(".py")
        for path in python_files()
        if path.is_relative_to(ROOT / "reconciler")
    }
    assert {f"reconciler.{part}" for part in parts - shared} == set(contract["forbidden_modules"])


WRITE = {"apply", "rollback", "fleet.apply"}
"""The commands that write to a site."""

AROUND = {"fleet", "demo", "sandbox"}
"""Those that only lead to others, or bring a site of their own."""


def test_every_command_that_does_not_write_cannot_reach_what_does():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    all_sources = [each.get("source_modules", ()) for each in contracts]
    (sources,) = [each for each in all_sources if "reconciler.cli.plan" in each]
    modules = {module for table in (COMMANDS, FLEET_COMMANDS) for module, _ in table.values()}
    named = {f"reconciler.cli.{each}" for each in WRITE | AROUND}
    assert modules - named <= set(sources)
    assert named <= modules - set(sources)


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_every_dependency_has_its_decision_recorded():
    wanted = asked(PROJECT["project"]["dependencies"])
    wanted |= asked(PROJECT["project"]["optional-dependencies"]["sandbox"])
    wanted |= asked(PROJECT["dependency-groups"]["dev"])
    wanted |= asked(PROJECT["build-system"]["requires"])
    text = " ".join(path.read_text(encoding="utf-8").lower() for path in DECISIONS)
    assert [name for name in sorted(wanted) if name not in text] == []
