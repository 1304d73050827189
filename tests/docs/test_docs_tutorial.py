"""The tutorial, word for word: in an empty folder, with the wheel that a user gets."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pages import DOCS, ROOT, parts
from sandboxes import START_SECONDS, Site, clean_environment
from shells import Shell, run_page
from wheels import build

PAGE = DOCS / "tutorials" / "first-site.md"
PROGRAMS = Path(sys.executable).parent
WHEELS = PROGRAMS.parent / "wheels"
INSTALL_SECONDS = 120


def said(remark: str) -> str:
    """The commands under a remark: they install something, or run until they are stopped."""
    found = list(parts(PAGE.read_text(encoding="utf-8")))
    places = [number for number, part in enumerate(found) if part.text == remark]
    (place,) = places
    return found[place + 1].text.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def where_from() -> dict[str, str]:
    """For which Python, and where packages come from: here, or as for a user (`make release`)."""
    python = os.environ.get("TUTORIAL_PYTHON")
    if python:
        return {"UV_PYTHON": python}
    return {"UV_FIND_LINKS": str(WHEELS), "UV_OFFLINE": "1", "UV_PYTHON": sys.executable}


@contextmanager
def site_of(command: str, shell_environment: dict[str, str], folder: Path) -> Iterator[Site]:
    """What runs in the other terminal."""
    process = subprocess.Popen(
        command.split(), cwd=folder, env=shell_environment, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + START_SECONDS
        while not (folder / "ready.json").exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        site = Site(json.loads((folder / "ready.json").read_text()))
        yield site
        site.close()
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def test_the_tutorial_is_what_happens(wheel: Path, tmp_path: Path):
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(wheel, folder)
    programs = tmp_path / "bin"
    installing = {
        **clean_environment(),
        "HOME": str(tmp_path),
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_TOOL_BIN_DIR": str(programs),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        **where_from(),
    }
    subprocess.run(
        ["bash", "-c", said("install")],
        cwd=folder,
        env=installing,
        check=True,
        timeout=INSTALL_SECONDS,
    )
    environment = {
        **clean_environment(),
        "HOME": str(tmp_path),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    with site_of(said("in another terminal"), environment, folder) as site:
        shell = Shell(folder, {"HOME": str(tmp_path)}, [programs])
        try:
            differences = list(run_page(PAGE, shell, site))
        finally:
            shell.close()
    assert not differences, "\n" + "\n".join(differences)


def test_who_has_a_clone_installs_it_from_beside_the_folder(tmp_path: Path):
    """The other beginning, by which the README leads here."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "reconciler").symlink_to(ROOT)
    words = said("install from a clone").split()
    assert words[:3] == ["uv", "tool", "install"]
    found, _, extra = words[3].strip('"').partition("[")
    assert extra == "sandbox]"
    assert (tmp_path / "empty" / found / "pyproject.toml").exists()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for typed in ('pipx install ".[sandbox]"', "make demo"):
        assert typed in readme
        assert typed in PAGE.read_text(encoding="utf-8")
    assert "docs/tutorials/first-site.md" in readme.partition("## A plan, step by step")[0]


def test_the_wheel_that_is_named_is_the_one_that_is_built(wheel: Path):
    assert wheel.name in PAGE.read_text(encoding="utf-8")
