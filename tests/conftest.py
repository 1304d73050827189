"""What every test shares: the real district, and no silent skip in CI."""

import os
import re
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

# The small run of test_skips_in_ci.py has this file alone.
pytest_plugins = ["postgres"] if Path(__file__).with_name("postgres.py").is_file() else []

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - what stands in it, pytest makes for its user alone
MEMORY = Path("/proc/meminfo")
ROOM = 4_000_000_000
"""So many bytes have to be free there, and twice as many of memory; the tests take a third."""

DISTRICT = Path(__file__).parents[2] / "shared" / "data" / "district-oneroster-1.1.zip"


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start, also where a shell started the tests deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "TMPDIR" not in os.environ and _has_room(IN_MEMORY):
        # A commit of SQLite waits a hundred times as long for a disk as for memory.
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return False
    found = os.statvfs(folder)
    allowed = found.f_bavail * found.f_frsize
    kibibytes = re.search(r"^MemAvailable: +(\d+) kB$", MEMORY.read_text(), re.MULTILINE)
    there = int(kibibytes[1]) * 1024 if kibibytes else 0
    return allowed > ROOM and there > 2 * ROOM and not found.f_flag & os.ST_NOEXEC


def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are processors: many tests wait, for a lease or a process."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, for which the others would have to wait at the end."""
    items.sort(key=lambda item: not {"simulation", "docs"} & set(item.path.parts))


@pytest.fixture(scope="session")
def district_zip() -> Path:
    """A whole district in OneRoster 1.1 CSV, which a third-party generator wrote."""
    if not DISTRICT.is_file():
        pytest.skip("the district's OneRoster bundle is not on this machine")
    return DISTRICT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failure where CI is set."""
    return _no_skip_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that skips itself into a failure where CI is set."""
    return _no_skip_in_ci((yield))


def _no_skip_in_ci(report: Report) -> Report:
    expected_failure = hasattr(report, "wasxfail")
    if os.environ.get("CI") and report.skipped and not expected_failure:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI allows no skip: {reason}"
    return report
