"""What is released: both files are made, judged, and hold what they should."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from sandboxes import ROOT
from wheels import BUILD_SECONDS

from reconciler import __version__


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_SECONDS)
    return folder


def test_an_index_would_take_it(dist: Path):
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_wheel_has_the_program_and_nothing_else(dist: Path):
    with zipfile.ZipFile(dist / f"reconciler-{__version__}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        about = f"reconciler-{__version__}.dist-info"
        metadata = Parser().parsestr(wheel.read(f"{about}/METADATA").decode())
        points = wheel.read(f"{about}/entry_points.txt").decode()
    assert {name.partition("/")[0] for name in names} == {"reconciler", about}
    modules = {str(each.relative_to(ROOT)) for each in (ROOT / "reconciler").rglob("*.py")}
    assert modules <= {*names}
    assert {f"reconciler/schemas/{each.name}" for each in (ROOT / "schemas").iterdir()} <= {*names}
    assert "reconciler/py.typed" in names
    assert f"{about}/licenses/LICENSE" in names
    assert points.strip().splitlines()[-1] == "reconciler = reconciler.__main__:main"
    assert (metadata["Name"], metadata["Version"]) == ("reconciler", __version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra")) == {"dask", "postgresql", "sandbox"}


def test_the_source_has_what_a_stranger_needs_to_build_and_read_it(dist: Path):
    with tarfile.open(dist / f"reconciler-{__version__}.tar.gz") as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile"} <= names
    assert {"docs/README.md", "tests/conftest.py", "schemas/manifest-v1.schema.json"} <= names
    assert not [each for each in names if each.startswith((".venv", ".git/", "mutants", "dist"))]
