"""A sandbox that serves a site, as the benchmarks ask it, and a proxy that counts what is asked."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from measure import PROGRAM, environment


@contextmanager
def sandbox(
    folder: Path, seed: Path, *options: str, seconds: float = 60
) -> Iterator[dict[str, Any]]:
    """Serve a saved state; give what the ready file says.

    Raises:
        RuntimeError: it was not ready in time.
    """
    ready = folder / f"ready-{time.monotonic_ns()}.json"
    command = [PROGRAM, "sandbox", "--seed", seed, "--ready-file", ready, *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment()) as process:
        try:
            end = time.monotonic() + seconds
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the sandbox did not start")
                time.sleep(0.05)
            yield json.loads(ready.read_text())
        finally:
            process.terminate()


class Counted:
    """How many requests there were, and how many bytes of bodies were answered."""

    def __init__(self) -> None:
        self.requests = self.bytes = 0
        self._lock = threading.Lock()

    def add(self, body: int) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            self.bytes += body

    def reset(self) -> None:
        """Begin again."""
        self.requests = self.bytes = 0


@contextmanager
def counting(url: str, counted: Counted) -> Iterator[str]:
    """Stand before a server, pass everything on as it is, and count; give the address."""
    there = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.server_side = HTTPConnection(there, timeout=600)

        def finish(self) -> None:
            self.server_side.close()
            super().finish()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {**self.headers, "Host": there}
            self.server_side.request(self.command, self.path, body, headers)
            answer = self.server_side.getresponse()
            content = answer.read()
            counted.add(len(content))
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
