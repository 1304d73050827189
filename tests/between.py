"""What stands between a command and its site: TLS with a certificate made here, another clock, and
what happens while a request is on its way."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

HERE = "127.0.0.1"

_OF_AUTHORITIES = (
    "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
)


def make_certificate(directory: Path, *, name: str = f"IP:{HERE}", days: int = 2) -> Path:
    """Make a certificate that nobody has signed, with its key in the same file.

    Args:
        directory: where its files go.
        name: for whom it is.
        days: how long it holds; less than nothing is over already.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, and certificates are made with it")
    key, asked, made = (directory / each for each in ("key.pem", "asked.pem", "certificate.pem"))
    (directory / "extensions").write_text(f"subjectAltName={name}\n{_OF_AUTHORITIES}")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key)
    signed = ("-signkey", key, "-days", str(days), "-extfile", directory / "extensions")
    for words in (
        ("req", "-new", *new_key, "-subj", f"/CN={HERE}", "-out", asked),
        ("x509", "-req", "-in", asked, *signed, "-out", made),
    ):
        subprocess.run([openssl, *words], check=True, capture_output=True, timeout=30)
    both = directory / "both.pem"
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


@contextmanager
def between(
    url: str,
    *,
    certificate: Path | None = None,
    ahead: timedelta = timedelta(),
    meanwhile: Callable[[str, Callable[[], None]], None] = lambda _what, ask: ask(),
) -> Iterator[str]:
    """Pass on what is asked of a site; gives the address to ask at.

    Args:
        url: the site's own address, by http.
        certificate: for TLS, with its key.
        ahead: by how much the clock goes wrong that the answers tell.
        meanwhile: gets each request, `POST /v1/changes` say, and asks the site when it calls
            what it gets beside it; what it does before and after holds up the client.
    """
    there = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the client went away, as one does that trusts nobody
                super().handle()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            site = HTTPConnection(there, timeout=20)

            def ask() -> None:
                site.request(self.command, self.path, body, {**self.headers, "Host": there})
                answers.append(site.getresponse())
                contents.append(answers[0].read())

            answers: list[HTTPResponse] = []
            contents: list[bytes] = []
            meanwhile(f"{self.command} {self.path}", ask)
            site.close()
            (answer,), (content,) = answers, contents
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("date", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = pass_on  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer((HERE, 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        scheme = "https" if certificate else "http"
        yield f"{scheme}://{HERE}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
