"""What can go wrong between a request and its answer, and which error says so.

One table maps what requests, urllib3 and the system raise; a test walks all of it. No message
repeats what the libraries say: their texts may hold addresses, headers or secrets.
"""

import logging
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3

from reconciler.errors import ContractViolation, SiteError, Undelivered, Unreachable

_LOG: Final = logging.getLogger("reconciler.http")

FAILURES: Final[tuple[type[Exception], ...]] = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    UnicodeError,
)
"""What sending a request, or reading its answer, may raise."""


class _Meaning(NamedTuple):
    """What an exception means.

    Attributes:
        error: what to raise if no try helps.
        what: what happened, in words.
        advice: what to do about it; `{noun}` stands for who was asked.
        again: whether another try may help.
        sent: whether the request may have arrived.
    """

    error: type[SiteError]
    what: str
    advice: str | None = None
    again: bool = True
    sent: bool = True


_BROKE_OFF: Final = _Meaning(ContractViolation, "the answer broke off before its end", "Try again.")
_DAMAGED: Final = _Meaning(
    ContractViolation, "the answer's compression is damaged", "A proxy may stand between."
)
_SLOW: Final = _Meaning(
    Unreachable, "no answer within the time allowed", "Try again, or set a longer timeout."
)
_UNTRUSTED: Final = _Meaning(
    Unreachable,
    "the TLS connection was not accepted",
    "If {noun} has a certificate authority of its own, name it in ca_bundle.",
    again=False,
)
_NOT_SENT: Final = _Meaning(
    Undelivered, "the request could not be sent", "Check url, ca_bundle and proxies.", again=False
)
_NO_CONNECTION: Final = _Meaning(
    Unreachable, "the connection failed", "Check url and network.", sent=False
)
_REFUSED: Final = _NO_CONNECTION._replace(
    what="the connection was refused", advice="Check url; is the server running?"
)
_UNKNOWN_HOST: Final = _NO_CONNECTION._replace(what="no such host is known")

# From the particular to the general: the first class that fits tells what happened.
_MEANINGS: Final[tuple[tuple[tuple[type[Exception], ...], _Meaning], ...]] = (
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), _UNTRUSTED),
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        _Meaning(
            Unreachable, "the proxy did not connect", "Check HTTPS_PROXY and NO_PROXY.", sent=False
        ),
    ),
    (
        (requests.exceptions.ConnectTimeout,),
        _Meaning(
            Unreachable,
            "no connection within the time allowed",
            "Check url and network.",
            sent=False,
        ),
    ),
    ((requests.exceptions.Timeout, urllib3.exceptions.TimeoutError), _SLOW),
    ((requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError), _BROKE_OFF),
    ((requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError), _DAMAGED),
    (
        (requests.exceptions.ConnectionError,),
        _Meaning(Unreachable, "the connection failed", "Check url and network."),
    ),
)


class Again(Exception):
    """An attempt failed, and another one may help.

    Attributes:
        error: what to say if none does.
        after: how many seconds the server asks to wait, if it does.
        lost: whether the request may have taken effect all the same.
    """

    def __init__(self, error: SiteError, *, after: float | None = None, lost: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after
        self.lost = lost


def meaning(name: str, error: Exception, noun: str) -> Again | SiteError:
    """Say what one of `FAILURES` means: `Again` where another try may help.

    Args:
        name: what the request is called.
        error: what was raised.
        noun: what messages call who was asked.
    """
    found = next((found for kinds, found in _MEANINGS if isinstance(error, kinds)), _NOT_SENT)
    found = _never_connected(error) or found
    advice = found.advice and found.advice.format(noun=noun)
    told = found.error(f"{name}: {found.what}{_where(error)}.", advice).naming_nobody()
    if found.again:
        _LOG.debug("%s There may be another try.", told)
    return Again(told, lost=found.sent) if found.again else told


def _where(error: Exception) -> str:
    """Name the host and port that were to be reached, and nothing else of the address."""
    request = getattr(error, "request", None)
    try:
        parts = urlsplit(getattr(request, "url", None) or "")
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    return f" ({parts.hostname}:{port})" if parts.hostname else ""


def _never_connected(error: Exception) -> _Meaning | None:
    """Say why no connection was made, if none was: requests wraps what urllib3 says of it."""
    reason = error.args[0] if error.args else None
    if isinstance(reason, urllib3.exceptions.MaxRetryError):
        reason = reason.reason
    if type(error) is not requests.exceptions.ConnectionError or not isinstance(
        reason, urllib3.exceptions.NewConnectionError
    ):
        return None
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return _UNKNOWN_HOST
    return _REFUSED if isinstance(reason.__cause__, ConnectionRefusedError) else _NO_CONNECTION


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read Retry-After, in seconds or as an HTTP date (RFC 9110, section 10.2.3).

    Returns:
        The seconds to wait; None where there is no such header, or it cannot be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:  # "-0000" is UTC, of an unknown place
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
