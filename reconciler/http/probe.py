"""Looks at what answers at an address, without credentials: by which way, how far, since when.

It takes the way that every other request takes: the same proxies, the same trust, the same limits.
"""

import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from reconciler import tracing
from reconciler.errors import SiteError
from reconciler.http.call import Call
from reconciler.http.failures import FAILURES, Again, meaning
from reconciler.http.transport import ReadOnlyTransport

_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_NOT_ACCEPTED: Final = "The server's certificate is not accepted"
_OTHER_NAME: Final = "Check url: the certificate names the right one."
_NAME_AUTHORITY: Final = "Name the certificate of its authority in ca_bundle."

_UNTRUSTED: Final[Mapping[int | str, tuple[str, str]]] = MappingProxyType(
    {
        9: (f"{_NOT_ACCEPTED}: it is not valid yet.", "Check this machine's clock."),
        10: (f"{_NOT_ACCEPTED}: it has expired.", "Whoever runs the server has to renew it."),
        18: (f"{_NOT_ACCEPTED}: it is signed by itself.", "Name it in ca_bundle."),
        19: (f"{_NOT_ACCEPTED}: its authority is not trusted here.", _NAME_AUTHORITY),
        20: (f"{_NOT_ACCEPTED}: its authority is not known here.", _NAME_AUTHORITY),
        62: (f"{_NOT_ACCEPTED}: it is for another name.", _OTHER_NAME),
        64: (f"{_NOT_ACCEPTED}: it is for another address.", _OTHER_NAME),
        "WRONG_VERSION_NUMBER": (
            "What answers there does not speak TLS.",
            "Check the url's port; http is for this machine only.",
        ),
        "UNSUPPORTED_PROTOCOL": (
            "The server speaks only versions of TLS that are not safe.",
            "Whoever runs the server has to offer TLS 1.2 or newer.",
        ),
        "NO_CERTIFICATE_OR_CRL_FOUND": (
            "The file of trusted certificates holds none.",
            "Look at ca_bundle, or at the variable that names the file.",
        ),
    }
)
"""Why TLS does not come about, and what to do: by OpenSSL's number of what is wrong with a
certificate (X509_V_ERR), or by its word for any other failure."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows, once it was accepted.

    Attributes:
        issuer: who signed it.
        ends: when it expires.
        version: of TLS, as `TLSv1.3`.
    """

    issuer: str
    ends: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer, whatever it says.

    Attributes:
        status: of HTTP.
        seconds: from the request to the answer's beginning, the connection included.
        offset: by how many seconds the server's clock is ahead of this machine's; None where the
            answer has no date.
        certificate: None without TLS.
    """

    status: int
    seconds: float
    offset: float | None
    certificate: Certificate | None


class Untrusted(SiteError):
    """There is no TLS connection that could be trusted."""


class Probe(ReadOnlyTransport):
    """A transport that looks at a server, and sends it no credentials."""

    def way(self) -> str:
        """Say by which proxy requests go, if by any, and why; without its credentials."""
        proxy = select_proxy(self._base, dict(self._surroundings["proxies"]))
        parts = urlsplit(self._base)
        named = _proxy_variable(parts.scheme)
        if proxy is not None:
            return f"{_without_credentials(proxy)}, by {named or 'the settings of the system'}"
        if named is None:
            return "none is set"
        if parts.scheme == "http":
            return f"none, as http is for this machine; {named} is not heeded"
        return f"none, as NO_PROXY excepts {parts.hostname} from {named}"

    @property
    def trust(self) -> tuple[Path, str]:
        """The file or folder of the certificates that are trusted, and what names it."""
        verify = self._surroundings["verify"]
        if not isinstance(verify, str):
            return Path(DEFAULT_CA_BUNDLE_PATH), "the usual authorities"
        if self._ca_bundle and verify == str(self._ca_bundle):
            return Path(verify), "ca_bundle"
        return Path(verify), next(name for name in _BUNDLES if os.environ.get(name) == verify)

    def look(self, path: str) -> Seen:
        """Ask once, and say what came.

        Raises:
            Untrusted: no TLS connection came about.
            Unreachable: no answer came.
        """
        trusted, named = self.trust
        if self._base.startswith("https:") and not trusted.exists():
            raise Untrusted(
                f"{named} is {trusted}, which does not exist.", "Name a file that does."
            )
        call = Call("GET", path)
        request = requests.PreparedRequest()
        headers = {**self._session.headers, **tracing.header(tracing.current())}
        request.prepare(call.method, self._base + path, headers)
        sent, began = time.time(), time.monotonic()
        try:
            response = self._session.send(
                request, timeout=self._timeout, allow_redirects=False, **self._surroundings
            )
            with response:
                certificate = _certificate(response)
        except FAILURES as error:
            reason = _why_untrusted(error)
            if reason is not None:
                raise Untrusted(*reason) from None
            told = meaning(call.name, error, self._peer.noun)
            raise (told.error if isinstance(told, Again) else told) from None
        seconds = time.monotonic() - began
        offset = _offset(response.headers.get("Date"), sent, sent + seconds)
        return Seen(response.status_code, seconds, offset, certificate)


def _proxy_variable(scheme: str) -> str | None:
    """Name the variable that says which proxy an address is reached by, if one does."""
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name)), None)


def _without_credentials(proxy: str) -> str:
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def _certificate(response: requests.Response) -> Certificate | None:
    """Read the certificate that the answer came under; its connection is still open."""
    connection: Any = getattr(response.raw, "connection", None)
    sock: Any = getattr(connection, "sock", None)
    shown = sock.getpeercert() if hasattr(sock, "getpeercert") else None
    if not shown:
        return None
    issuer = dict(part for group in shown.get("issuer", ()) for part in group)
    name = issuer.get("organizationName") or issuer.get("commonName") or "nobody named"
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    return Certificate(name, ends, str(sock.version()))


def _why_untrusted(error: Exception) -> tuple[str, str] | None:
    """Find what OpenSSL has against a connection, in an error that wraps others."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, ssl.SSLCertVerificationError):
            unknown = f"{_NOT_ACCEPTED}: {found.verify_message}.", _NAME_AUTHORITY
            return _UNTRUSTED.get(found.verify_code, unknown)
        if isinstance(found, ssl.SSLError) and found.reason in _UNTRUSTED:
            return _UNTRUSTED[found.reason]
        waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
    return None


def _offset(date: str | None, sent: float, received: float) -> float | None:
    """Return how far ahead the clock is that wrote a date, which has whole seconds.

    It was written at some moment between sending and receiving; within that, there is no offset.
    """
    try:
        at = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    told = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if told > received:
        return told - received
    return min(0.0, told + 1 - sent)
