"""Signing in and out, and choosing a language."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.console.addresses import SIGN_IN, go, own_page
from reconciler.sandbox.console.forms import Posted
from reconciler.sandbox.console.frame import LANGUAGE_COOKIE, Frame
from reconciler.sandbox.console.session import PATH, Session, from_own_form
from reconciler.sandbox.console.words import LANGUAGES

EXPIRED = "expired"
WRONG = "wrong"


def routes(frame: Frame) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(prefix=PATH)
    sessions = frame.sessions

    def sign_in_page(
        request: Request, session: Session | None, mistake: str = "", status: int = 200
    ) -> Response:
        session = session or sessions.fresh()
        response = frame.page(request, "sign_in.html", session, status, mistake=mistake)
        sessions.write(response, session)
        return response

    @router.get("/sign-in")
    def get_sign_in(request: Request) -> Response:
        return sign_in_page(request, sessions.read(request))

    @router.post("/sign-in")
    def post_sign_in(request: Request, form: Posted) -> Response:
        session = sessions.read(request)
        if not from_own_form(session, form):
            return sign_in_page(request, session, EXPIRED, 403)
        name, password = str(form.get("username", "")), str(form.get("password", ""))
        if not sessions.knows(name, password):
            return sign_in_page(request, session, WRONG, 401)
        response = go(PATH)
        sessions.write(response, sessions.fresh(name))
        return response

    @router.post("/sign-out")
    def post_sign_out(request: Request, form: Posted) -> Response:
        response = go(SIGN_IN)
        session = sessions.read(request)
        if session is not None and from_own_form(session, form):
            sessions.end(response, session)
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
