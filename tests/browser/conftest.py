"""The console in a real Chromium, on a real sandbox."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import Console
from playwright.sync_api import Browser, sync_playwright
from sandboxes import Desk, Sandbox, running


# A module's, not a session's: while it is open, its thread has a running event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not on this machine")
    with sync_playwright() as playwright:
        # A container has no namespaces for Chromium's sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


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
