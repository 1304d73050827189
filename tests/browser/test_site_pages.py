"""The documentation as a site: built strictly, whole, and sound in a real Chromium."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sandboxes import ROOT, clean_environment

from reconciler.cli.main import COMMANDS

BUILD_SECONDS = 120
OF_THE_THEME = {"aria-dialog-name", "landmark-unique"}
"""What axe says of the theme's own search and navigation, which we do not write."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**clean_environment(), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Leave the terminal to the tests."""


@pytest.fixture(scope="module")
def served(built: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_reference_has_everything_that_there_is(built: Path):
    help_of_all = (built / "reference" / "help.html").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f'id="reconciler-{name}"' not in help_of_all]
    assert missing == []
    keys = (built / "reference" / "manifest-keys.html").read_text(encoding="utf-8")
    schema = json.loads((ROOT / "schemas" / "manifest-v1.schema.json").read_text("utf-8"))
    assert [key for key in schema["properties"] if f"<code>{key}</code>" not in keys] == []
    for key in ("mentors[].learners[].until", "policy.protected.people", "labels.mentor.tool_name"):
        assert f"<code>{key}</code>" in keys
    calls = (built / "reference" / "calls.html").read_text(encoding="utf-8")
    contract = json.loads((ROOT / "schemas" / "openapi-v1.json").read_text("utf-8"))
    assert [path for path in contract["paths"] if path not in calls] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_ask_nobody_else(chromium: Browser, served: str, scheme: str):
    context = chromium.new_context(color_scheme=scheme)  # type: ignore[arg-type] # one of its words
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(served) else complaints.append(request.url),
    )
    for name in ("index", "tutorials/first-site", "reference/help", "reference/manifest-keys"):
        page.goto(f"{served}/{name}.html")
        found = Axe().run(page).response["violations"]
        assert [each for each in found if each["id"] not in OF_THE_THEME] == []
    context.close()
    assert complaints == []


def test_a_word_is_found(chromium: Browser, served: str):
    page = chromium.new_page()
    page.goto(f"{served}/index.html")
    page.locator(".md-search__input").click()
    page.locator(".md-search__input").press_sequentially("protected")
    page.locator(".md-search-result__link", has_text="Protected people").first.wait_for()
    page.close()
