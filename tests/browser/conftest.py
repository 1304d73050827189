"""The console in a real Chromium, on a real sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import Console, chromium_at, chromium_program
from playwright.sync_api import Browser
from sandboxes import Desk, Sandbox, running


# A module's, not a session's: while it is open, its thread has a running event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = chromium_program()
    if program is None:
        pytest.skip("Chromium is not on this machine")
    with chromium_at(program) as browser:
        yield browser


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A fresh sandbox of the built-in municipality."""
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """Somebody with the reconciler beside the console."""
    return Desk(tmp_path, sandbox)


@pytest.fixture
def console(chromium: Browser, sandbox: Sandbox) -> Iterator[Console]:
    """An administrator who has signed in, in English."""
    found = Console(chromium, sandbox)
    found.sign_in()
    yield found
    found.close()
