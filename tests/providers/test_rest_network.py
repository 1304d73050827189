"""Certificates, proxies and .netrc: to whom the program speaks, over real sockets."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
from between import make_certificate
from scripted_site import TOKENS, ScriptedSite, running_site, told

from reconciler.errors import Unreachable
from reconciler.http.call import Limits
from reconciler.providers.rest.reader import RestReader


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure_site(certificate: Path) -> Iterator[ScriptedSite]:
    with running_site(certificate=certificate) as running:
        yield running


class Tunnel(BaseRequestHandler):
    """A proxy's side of a connection: notes what is asked, and opens the tunnel."""

    asked: list[bytes]

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := self.request.recv(4096)):
                return
            head += more
        self.asked.append(head)
        method, target, _ = head.split(b" ", 2)
        if method != b"CONNECT":
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        host, port = target.decode().rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=5) as site:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(site, self.request))
            back.start()
            pump(self.request, site)
            back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


class Proxy:
    def __init__(self) -> None:
        self.asked: list[bytes] = []
        handler = type("Handler", (Tunnel,), {"asked": self.asked})
        self.server = ThreadingTCPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def test_a_certificate_that_nobody_signed_is_refused(
    secure_site: ScriptedSite, limits: Limits, sleeps: list[float]
) -> None:
    connection = secure_site.connection()
    with RestReader(connection, limits) as reader, pytest.raises(Unreachable) as caught:
        reader.fetch()
    said = told(caught.value)
    assert "POST to the token endpoint: the TLS connection was not accepted" in said
    assert "ca_bundle" in said
    assert sleeps == []
    assert secure_site.asked == []


def test_a_bundle_of_ones_own_is_trusted(
    secure_site: ScriptedSite, limits: Limits, certificate: Path
) -> None:
    connection = secure_site.connection(ca_bundle=certificate)
    with RestReader(connection, limits) as reader:
        assert reader.fetch().site.id == "nordberg"


def test_a_bundle_from_the_environment_is_trusted(
    secure_site: ScriptedSite, limits: Limits, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with RestReader(secure_site.connection(), limits) as reader:
        assert reader.site().id == "nordberg"


def test_a_bundle_that_holds_no_certificate(
    secure_site: ScriptedSite, limits: Limits, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("nothing of the kind")
    connection = secure_site.connection(ca_bundle=bundle)
    with RestReader(connection, limits) as reader, pytest.raises(Unreachable) as caught:
        reader.site()
    assert "ca_bundle" in told(caught.value)


def test_https_goes_through_the_proxy_of_the_environment(
    secure_site: ScriptedSite,
    limits: Limits,
    certificate: Path,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with RestReader(secure_site.connection(ca_bundle=certificate), limits) as reader:
        assert reader.site().id == "nordberg"
    assert proxy.asked
    for head in proxy.asked:
        assert head.startswith(f"CONNECT 127.0.0.1:{secure_site.port} ".encode())
        assert b"uthorization" not in head


def test_no_proxy_is_heeded(
    secure_site: ScriptedSite,
    limits: Limits,
    certificate: Path,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    with RestReader(secure_site.connection(ca_bundle=certificate), limits) as reader:
        assert reader.site().id == "nordberg"
    assert proxy.asked == []


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_what_is_not_encrypted_never_goes_through_a_proxy(
    site: ScriptedSite,
    limits: Limits,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """http is for this machine; a proxy elsewhere would read the secret and the token."""
    monkeypatch.setenv(variable, proxy.url)
    with RestReader(site.connection(), limits) as reader:
        assert reader.site().id == "nordberg"
    assert proxy.asked == []


def test_a_proxy_that_is_not_there(
    secure_site: ScriptedSite, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:pr0xy-passw0rd@127.0.0.1:{port}")
    limits = Limits(sleep=sleeps.append, attempts=2)
    with (
        RestReader(secure_site.connection(), limits) as reader,
        pytest.raises(Unreachable) as caught,
    ):
        reader.site()
    said = told(caught.value)
    assert "the proxy did not connect" in said
    assert "pr0xy" not in said


def test_netrc_is_never_read(
    site: ScriptedSite, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RestReader(site.connection(), limits) as reader:
        reader.fetch()
    given = {each.headers["authorization"] for each in site.asked if each.path != "/oauth/token"}
    assert given == {f"Bearer {TOKENS[0]}"}
