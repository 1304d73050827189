"""With CI set, a skip is a failure: shown on a small test run of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

TESTS = """
import pytest

@pytest.mark.skip(reason="not today")
def test_marked(): ...

def test_while_running():
    pytest.skip("not here")

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail():
    assert False

def test_sound(): ...
"""
MODULE = 'import pytest\npytest.skip("not this module", allow_module_level=True)\n'


@pytest.mark.parametrize(
    ("ci", "status", "summary"),
    [
        ("", 0, "1 passed, 3 skipped, 1 xfailed"),
        ("true", 1, "1 failed, 1 passed, 1 xfailed, 2 errors"),
    ],
)
def test_a_skip_is_a_failure_in_ci(tmp_path, ci, status, summary):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text(MODULE)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no"),
            *("--continue-on-collection-errors", "-o", "addopts=", str(tmp_path)),
        ],
        cwd=tmp_path,
        env={"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary in run.stdout, run.stdout
    assert run.returncode == status
    if ci:
        assert "CI allows no skip: Skipped: not here" in run.stdout
