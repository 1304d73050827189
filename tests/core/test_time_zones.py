"""Days are counted in the site's time zone, on a system that has no time zones of its own too."""

import os
import subprocess
import sys

import pytest
from sandboxes import PROGRAM

MANIFEST = "version: 1\nsite: nord\nsettings: {timezone: %s}\nlabels: {}\n"


@pytest.mark.parametrize(
    ("zone", "code", "told"),
    [("UTC", 0, ""), ("Europe/Oslo", 0, ""), ("Europe/Olso", 1, "Did you mean 'Europe/Oslo'?")],
)
def test_a_system_without_time_zones_is_enough(tmp_path, zone, code, told):
    path = tmp_path / "roles.yaml"
    path.write_text(MANIFEST % zone)
    done = subprocess.run(
        [PROGRAM, "validate", path],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


WITHOUT = """
import sys
sys.modules["tzdata"] = None  # cannot be imported
from pathlib import Path
from reconciler.errors import InvalidInput
from reconciler.workflows import reading
from reconciler.workflows.loading import load_manifest
try:
    print(reading.today_in(load_manifest([Path(sys.argv[1])]).settings.timezone))
except InvalidInput as error:
    print(*error.diagnostics)
"""


@pytest.mark.parametrize(
    ("zone", "told"), [("UTC", "20"), ("Europe/Oslo", "this system knows no time zones")]
)
def test_without_any_time_zones_utc_still_works_and_the_refused_name_is_not_advised(
    tmp_path, zone, told
):
    path = tmp_path / "roles.yaml"
    path.write_text(MANIFEST % zone)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, path],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told in done.stdout
    assert "Oslo'?" not in done.stdout
    assert "such as" not in done.stdout
