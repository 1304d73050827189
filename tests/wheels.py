"""Wheels as their authors build them."""

import subprocess
import sys
from pathlib import Path

BUILD_SECONDS = 120


def build(source: Path, into: Path) -> Path:
    """Build a wheel, as its author does."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into)]
    built = subprocess.run(
        command, cwd=source, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = into.glob("*.whl")
    return found
