"""What all pages of the console share: the frame, the language, who is signed in, the headers."""

import gettext
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from reconciler.sandbox.console.session import PATH, Session, Sessions
from reconciler.sandbox.console.words import LANGUAGES, catalogue, preferred
from reconciler.sandbox.context import ConsoleUser
from reconciler.sandbox.problems import Problem

LANGUAGE_COOKIE: Final = "sandbox_language"
SIGN_IN: Final = f"{PATH}/sign-in"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language",
}
_WRITTEN: Final = {"en": "en_GB"}
"""How the days of a language are written where it does not say itself: by the clock of 24 hours."""

_HOST: Final = re.compile(r"(?P<name>[^\[\]:/@]+|\[[^\[\]/@]+\])(:[0-9]*)?")
_HERE: Final = Path(__file__).parent


class SignInFirst(Exception):
    """A page that is for the administrator was asked for by nobody."""


class Frame:
    """Renders pages, in the language and for the session of a request."""

    def __init__(self, user: ConsoleUser) -> None:
        self.sessions = Sessions(user)
        self._templates = MappingProxyType({code: _environment(code) for code in LANGUAGES})

    def administrator(self, request: Request) -> Session:
        """Return the session of who is signed in.

        Raises:
            SignInFirst: nobody is.
        """
        session = self.sessions.read(request)
        if session is None or session.user is None:
            raise SignInFirst
        return session

    def page(
        self,
        request: Request,
        template: str,
        session: Session,
        status: int = 200,
        **values: Any,
    ) -> Response:
        """Render a page; one that answers a refused form says why, with the refusal's status."""
        refusal: Refusal | None = getattr(request.state, "refusal", None)
        chosen = language(request)
        text = (
            self._templates[chosen]
            .get_template(template)
            .render(
                session=session,
                languages=LANGUAGES,
                language=chosen,
                here=_address(request),
                refusal=refusal,
                **values,
            )
        )
        return HTMLResponse(text, refusal.status if refusal else status, headers=HEADERS)

    def failure(self, request: Request, problem: Problem) -> Response:
        """Render the page of an address that cannot be answered."""
        session = self.sessions.read(request) or Session("")
        return self.page(request, "failure.html", session, problem.status, problem=problem)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was refused; the page that it stood on is shown again, with it.

    Attributes:
        status: the answer's.
        sentence: the API's; None where the form was too old to be looked at.
    """

    status: int
    sentence: str | None = None


class Again(Response):
    """Answers a form with the page that it stood on, as if that had been asked for."""

    def __init__(self, page: str, refusal: Refusal) -> None:
        super().__init__()
        self._path, _, self._query = page.partition("?")
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer in the place of this."""
        asked = {
            **scope,
            "method": "GET",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": self._query.encode(),
            "state": {"refusal": self._refusal},
        }
        await scope["app"].router(asked, receive, send)


async def to_sign_in(_request: Request, _error: Exception) -> Response:
    """Answer a request that nobody is signed in for."""
    return go(SIGN_IN)


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
    return _is_address(name) and ip_address(name).is_loopback


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


def language(request: Request) -> str:
    """Return the language that was chosen, or that the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def own_page(text: str) -> str:
    """Return the address of a page as a form names it; anything else is the first page."""
    own = text == PATH or text.startswith((f"{PATH}/", f"{PATH}?"))
    return text if own and text.isascii() and text.isprintable() else PATH


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _environment(code: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words: gettext.NullTranslations = catalogue(code)
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined] # by the extension
    environment.globals["link"] = lambda path, **query: with_query(f"{PATH}{path}", query)
    environment.filters["moment"] = lambda at: _moment(at, code)
    return environment


def _moment(at: str, code: str) -> str:
    """Write a moment as people do; it stays in UTC, as the API has it."""
    written = format_datetime(datetime.fromisoformat(at), "medium", locale=_WRITTEN.get(code, code))
    return f"{written} UTC"
