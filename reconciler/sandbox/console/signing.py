"""Signing in and out, and choosing a language."""

from typing import Final

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.console.addresses import SIGN_IN, go, own_page
from reconciler.sandbox.console.forms import Posted
from reconciler.sandbox.console.frame import LANGUAGE_COOKIE, Frame
from reconciler.sandbox.console.passwords import Paused
from reconciler.sandbox.console.session import PATH, Session, from_own_form
from reconciler.sandbox.console.words import LANGUAGES

EXPIRED: Final = "expired"
LOST: Final = "lost"
PAUSED: Final = "paused"
WRONG: Final = "wrong"


def routes(frame: Frame) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(prefix=PATH)
    sessions = frame.sessions

    @router.get("/sign-in")
    def get_sign_in(request: Request) -> Response:
        session, query = sessions.read(request), request.query_params
        page = own_page(query.get("page", ""))
        if session is not None and session.user is not None:
            return go(page)
        return _sign_in_page(frame, request, session, page, LOST if "lost" in query else "")

    @router.post("/sign-in")
    def post_sign_in(request: Request, form: Posted) -> Response:
        return _sign_in(frame, request, form)

    @router.post("/sign-out")
    def post_sign_out(request: Request, form: Posted) -> Response:
        response = go(SIGN_IN)
        session = sessions.read(request)
        if session is not None and from_own_form(session, form):
            sessions.end(request, response, session)
        return response

    @router.post("/language")
    def post_language(form: Posted) -> Response:
        # It changes nothing but what this browser shows, so that it needs no session.
        response = go(own_page(str(form.get("page", ""))))
        chosen = form.get("language")
        if chosen in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, str(chosen), path=PATH, httponly=True, samesite="strict"
            )
        return response

    return router


def _sign_in(frame: Frame, request: Request, form: FormData) -> Response:
    session, page = frame.sessions.read(request), own_page(str(form.get("page", "")))
    if session is not None and session.user is not None:
        return go(page)
    if not from_own_form(session, form):
        return _sign_in_page(frame, request, session, page, EXPIRED, 403)
    name, password = str(form.get("username", "")), str(form.get("password", ""))
    whence = request.client.host if request.client else "nowhere"
    try:
        right = frame.passwords.check(name, password, whence)
    except Paused as paused:
        refused = _sign_in_page(frame, request, session, page, PAUSED, 429)
        refused.headers["Retry-After"] = str(paused.seconds)
        return refused
    if not right:
        return _sign_in_page(frame, request, session, page, WRONG, 401)
    response = go(page)
    frame.sessions.write(request, response, frame.sessions.fresh(name))
    return response


def _sign_in_page(
    frame: Frame,
    request: Request,
    session: Session | None,
    page: str,
    said: str = "",
    status: int = 200,
) -> Response:
    """Show the form; the cookie is that of a new session only, since none is ever made longer."""
    shown = session or frame.sessions.fresh()
    response = frame.page(request, "sign_in.html", shown, status, said=said, page=page)
    if session is None:
        frame.sessions.write(request, response, shown)
    return response
