"""Addresses of the console: what it answers to, where browsers are sent, what is shown again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from reconciler.sandbox.console.headers import HEADERS
from reconciler.sandbox.console.session import PATH
from reconciler.sandbox.problems import Problem

SIGN_IN: Final = f"{PATH}/sign-in"

_LONGEST: Final = 2_000
"""So many characters has an address to come back to at most; browsers and proxies take them."""

_HOST: Final = re.compile(r"(?P<name>[^\[\]:/@]+|\[[^\[\]/@]+\])(:[0-9]*)?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was refused; the page that it stood on is shown again, with it.

    Attributes:
        status: the answer's.
        sentence: the API's; None where the form was too old to be looked at.
        about: who and what the ids in it are.
    """

    status: int
    sentence: str | None = None
    about: str = ""


class Again(Response):
    """Answers a form with the page that it stood on, as if that had been asked for."""

    def __init__(self, page: str, refusal: Refusal) -> None:
        super().__init__()
        self._page = page
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer in the place of this; without such a page, with the first."""
        try:
            await scope["app"].router(self._asking(scope, self._page), receive, send)
        except HTTPException:
            await scope["app"].router(self._asking(scope, PATH), receive, send)

    def _asking(self, scope: Scope, page: str) -> Scope:
        path, _, query = page.partition("?")
        return {
            **scope,
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "state": {"refusal": self._refusal},
        }


def go(path: str) -> RedirectResponse:
    """Send the browser to a page of the console."""
    return RedirectResponse(path, 303, headers=HEADERS)


def with_query(path: str, query: Mapping[str, Any]) -> str:
    """Return an address with those of the parameters that have a value."""
    given = {name: value for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(given)}" if given else path


def check_address(request: Request) -> None:
    """Refuse what no page of the console is asked for with.

    A name of somebody else on this machine's own address comes from a page of theirs, to which
    browsers gave that address afterwards ("DNS rebinding"). An IP address cannot be given so.

    Raises:
        Problem: the site is called by a name of somebody else, or a parameter has null characters.
    """
    server = request.scope.get("server")
    if server and _is_loopback(server[0]) and not _is_own_name(request.headers.get("host", "")):
        raise Problem("not_found", "this machine's console answers to localhost or an IP address")
    if any("\x00" in value for value in request.query_params.values()):
        raise Problem("invalid_parameter", "a parameter has no null characters")


def _is_loopback(name: str) -> bool:
    if not _is_address(name):
        return False
    address = ip_address(name)
    # Who listens on all IPv6 addresses meets IPv4 ones in this form; older Pythons do not look in.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_own_name(host: str) -> bool:
    parts = _HOST.fullmatch(host)
    if parts is None:
        return not host  # HTTP/1.0; no browser leaves it out
    name = parts["name"].strip("[]").lower()
    return name.rpartition(".")[2] == "localhost" or _is_address(name)


def own_page(text: str) -> str:
    """Return the address of a page as a form names it; anything else is the first page."""
    own = text == PATH or text.startswith((f"{PATH}/", f"{PATH}?"))
    return text if own and len(text) <= _LONGEST and text.isascii() and text.isprintable() else PATH


def address_of(request: Request) -> str:
    """Return what was asked for, path and query."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
