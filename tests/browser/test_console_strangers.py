"""The console among strangers: hostile text on its own pages, and others' pages beside it."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import hostile
import pytest
from consoles import Console
from sandboxes import Sandbox, running

PAGES = (
    *("", "/profiles", "/ilp", "/people", "/people/seen", "/events", "/nothing"),
    *(f"/{role}{page}" for role in ("mentor", "headteacher") for page in ("", "/add", "/edit")),
    *("/mentor/settings", "/headteacher/settings"),
)

QUERIES = (
    {"person": hostile.MENTOR, "unit": hostile.UNIT, "q": hostile.SCRIPT},
    {"person": hostile.PERSON, "q": "evil"},
    {"person": hostile.SCRIPT, "q": hostile.MARKS, "after": hostile.MARKS},
)

EVIL_PAGE = """<!doctype html><title>evil</title><body>
<form method="post" action="{url}/console/profiles/add" target="result">
<input name="profile" value="p-3"><input name="role" value="mentor">
<input name="csrf" value=""><input name="page" value="/console"></form>
<iframe name="result"></iframe><iframe id="framed" src="{url}/console"></iframe>
<script>
window.read = "";
for (const path of ["/console", "/v1/site", "/v1/openapi.json"])
  fetch("{url}" + path, {{credentials: "include"}})
    .then(answer => answer.text()).then(text => window.read += text, () => window.read += "-");
fetch("{url}/console/profiles/add", {{method: "POST", mode: "no-cors", credentials: "include",
  body: new URLSearchParams({{profile: "p-3", role: "mentor", csrf: ""}})}});
document.forms[0].submit();
</script>"""


@pytest.fixture
def sandbox(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    of_all = ("--seed", str(hostile.seed(tmp_path)), "--console-user", hostile.SCRIPT)
    with running(tmp_path, *(of_all if "hostile" in request.function.__name__ else ())) as found:
        yield found


def test_no_hostile_text_runs_in_a_browser(console: Console):
    console.page.add_init_script("window.evil = () => console.error('evil ran')")
    console.page.on("dialog", lambda dialog: console.complaints.append(dialog.message))
    console.open("/mentor/settings")
    console.press("Save")
    shown = ""
    for path in PAGES:
        for query in QUERIES:
            console.open(f"{path}?{urlencode(query)}")
            assert console.page.locator("script, img, iframe").count() == 0
            shown += console.page.locator("main").inner_text()
    assert hostile.SCRIPT in shown
    assert hostile.MARKS in shown
    # What is not there is 404, which Chromium notes; what a policy forbids, it notes as well.
    assert not [each for each in console.complaints if "404" not in each]
    console.complaints.clear()


def test_the_pages_of_others_cannot_use_the_console(console: Console, sandbox: Sandbox, evil: str):
    console.complaints.clear()
    page = console.page
    for host in ("127.0.0.1", "localhost"):  # the first one is the same "site" to SameSite
        page.goto(evil.replace("127.0.0.1", host))
        page.wait_for_function("window.read.length >= 3")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.read") == "---"
        framed = page.frames[-1]
        assert "Administration" not in framed.content()
        assert sandbox.events() == []
        assert sandbox.revision() == 1
    console.complaints.clear()


@pytest.fixture
def evil(sandbox: Sandbox) -> Iterator[str]:
    """Somebody else's page, on another port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Evil, sandbox.url))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Evil(BaseHTTPRequestHandler):
    def __init__(self, url: str, *given: object) -> None:
        self.url = url
        super().__init__(*given)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        body = EVIL_PAGE.format(url=self.url).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
