"""What all pages of the console share: the frame, the language, who is signed in."""

import gettext
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from reconciler.sandbox.console.addresses import (
    SIGN_IN,
    Refusal,
    address_of,
    go,
    own_page,
    with_query,
)
from reconciler.sandbox.console.headers import HEADERS
from reconciler.sandbox.console.passwords import Passwords
from reconciler.sandbox.console.session import PATH, Session, Sessions
from reconciler.sandbox.console.words import LANGUAGES, catalogue, preferred
from reconciler.sandbox.context import ConsoleUser
from reconciler.sandbox.problems import Problem

LANGUAGE_COOKIE: Final = "sandbox_language"
_DONE_COOKIE: Final = "sandbox_done"
_DONE_SECONDS: Final = 10
_WRITTEN: Final = {"en": "en_GB"}
"""How the days of a language are written where it does not say itself: by the clock of 24 hours."""

_HERE: Final = Path(__file__).parent


class SignInFirst(Exception):
    """What is for the administrator was asked for by nobody.

    Attributes:
        page: where to go on after signing in.
        lost: whether a form was sent, of which nothing came.
    """

    def __init__(self, page: str, *, lost: bool) -> None:
        super().__init__(page)
        self.page = page
        self.lost = lost


class Frame:
    """Renders pages, in the language and for the session of a request."""

    def __init__(self, user: ConsoleUser) -> None:
        self.sessions = Sessions()
        self.passwords = Passwords(user)
        self._templates = MappingProxyType({code: _environment(code) for code in LANGUAGES})

    def administrator(self, request: Request) -> Session:
        """Return the session of who is signed in and asks for a page.

        Raises:
            SignInFirst: nobody is.
        """
        return self._signed_in(request, own_page(address_of(request)), lost=False)

    def sender(self, request: Request, page: str) -> Session:
        """Return the session of who is signed in and sends a form that stood on a page.

        Raises:
            SignInFirst: nobody is.
        """
        return self._signed_in(request, page, lost=True)

    def _signed_in(self, request: Request, page: str, *, lost: bool) -> Session:
        session = self.sessions.read(request)
        if session is None or session.user is None:
            raise SignInFirst(page, lost=lost)
        return session

    def page(
        self,
        request: Request,
        template: str,
        session: Session,
        status: int = 200,
        **values: Any,
    ) -> Response:
        """Render a page; one that answers a form says what became of it, and why.

        A refused form's has the refusal's status.
        """
        refusal: Refusal | None = getattr(request.state, "refusal", None)
        done = refusal is None and _DONE_COOKIE in request.cookies
        chosen = language(request)
        text = (
            self._templates[chosen]
            .get_template(template)
            .render(
                session=session,
                languages=LANGUAGES,
                language=chosen,
                here=address_of(request),
                refusal=refusal,
                done=done,
                **values,
            )
        )
        response = HTMLResponse(text, refusal.status if refusal else status, headers=HEADERS)
        if done:
            response.delete_cookie(_DONE_COOKIE, path=PATH, httponly=True, samesite="strict")
        return response

    def failure(self, request: Request, problem: Problem) -> Response:
        """Render the page of an address that cannot be answered."""
        session = self.sessions.read(request) or Session("")
        response = self.page(request, "failure.html", session, problem.status, problem=problem)
        response.headers.update(problem.headers)
        return response


def go_done(page: str) -> Response:
    """Send the browser back to the page that a form stood on, which says that it is done."""
    response = go(page)
    response.set_cookie(
        _DONE_COOKIE, "1", max_age=_DONE_SECONDS, path=PATH, httponly=True, samesite="strict"
    )
    return response


async def to_sign_in(_request: Request, error: Exception) -> Response:
    """Answer a request that nobody is signed in for."""
    assert isinstance(error, SignInFirst)  # noqa: S101, what the handler is registered for
    page = "" if error.page == PATH else error.page
    return go(with_query(SIGN_IN, {"page": page, "lost": "1" if error.lost else ""}))


def language(request: Request) -> str:
    """Return the language that was chosen, or that the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))


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
