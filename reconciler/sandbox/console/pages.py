"""The console's pages: sign in, overview, events, and the forms between them.

Every form is posted and answered by a redirect; a refused one is answered by the page with the
API's sentence, and with its status.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability, LabelField, Role
from reconciler.sandbox.changes import Author, Change, Verb, make_change, read_address
from reconciler.sandbox.console.overview import overview, recent_events
from reconciler.sandbox.console.session import Session, Sessions, from_own_form
from reconciler.sandbox.context import ConsoleUser, Context, context
from reconciler.sandbox.problems import Problem

_HERE: Final = Path(__file__).parent
_HOME: Final = "/console"
_EVENTS_SHOWN: Final = 200
_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_FIELDS: Final[dict[str, tuple[Callable[..., Address], tuple[str, ...]]]] = {
    "profiles": (Address.profile, ("profile", "role")),
    "holders": (Address.holder, ("role", "person")),
    "assignments": (Address.assignment, ("role", "person", "kind", "target")),
}
"""What a form names; it is posted to `/console/THING/add` or `/console/THING/remove`."""

Form = dict[str, str]


async def _read_form(request: Request) -> FormData:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise Problem("unsupported_media_type", f"the body must be {_FORM}")
    return await request.form()


def router(user: ConsoleUser) -> APIRouter:
    """Return the console's routes, with sessions of their own."""
    pages = _Pages(user)
    routes = APIRouter(prefix=_HOME)
    routes.add_api_route("", pages.overview, methods=["GET"])
    routes.add_api_route("/events", pages.events, methods=["GET"])
    routes.add_api_route("/style.css", pages.style, methods=["GET"])
    routes.add_api_route("/sign-in", pages.sign_in_form, methods=["GET"])
    routes.add_api_route("/sign-in", pages.sign_in, methods=["POST"])
    routes.add_api_route("/sign-out", pages.sign_out, methods=["POST"])
    routes.add_api_route("/labels", pages.change_labels, methods=["POST"])
    routes.add_api_route("/{thing}/{verb}", pages.change, methods=["POST"])
    return routes


Server = Annotated[Context, Depends(context)]
Posted = Annotated[FormData, Depends(_read_form)]


class _Pages:
    """The endpoints, and what they share: sessions and templates."""

    def __init__(self, user: ConsoleUser) -> None:
        self._sessions = Sessions(user)
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def overview(self, request: Request, server: Server) -> Response:
        """Show who has which role over whom."""
        session = self._signed_in(request)
        return self._overview(request, server, session) if session else _go("/console/sign-in")

    def events(self, request: Request, server: Server) -> Response:
        """Show the last writes."""
        session = self._signed_in(request)
        if session is None:
            return _go("/console/sign-in")
        with server.store.reading() as connection:
            events = recent_events(connection, _EVENTS_SHOWN)
        return self._page("events.html", session, events=events)

    def style(self) -> Response:
        """Give the style sheet."""
        css = (_HERE / "templates" / "style.css").read_bytes()
        return Response(css, media_type="text/css", headers=_HEADERS)

    def sign_in_form(self, request: Request) -> Response:
        """Show the sign-in form."""
        return self._sign_in_page(self._sessions.read(request))

    def sign_in(self, request: Request, form: Posted) -> Response:
        """Sign in with the name and password of the ready file."""
        session = self._sessions.read(request)
        if not from_own_form(session, form):
            return self._sign_in_page(session, "The form has expired; please try again.", 403)
        name, password = str(form.get("username", "")), str(form.get("password", ""))
        if not self._sessions.knows(name, password):
            return self._sign_in_page(session, "The name or the password is wrong.", 401)
        response = _go(_HOME)
        self._sessions.write(response, self._sessions.fresh(name))
        return response

    def sign_out(self, request: Request, form: Posted) -> Response:
        """Sign out."""
        response = _go("/console/sign-in")
        session = self._sessions.read(request)
        if session is not None and from_own_form(session, form):
            self._sessions.end(response, session)
        return response

    def change_labels(self, request: Request, server: Server, form: Posted) -> Response:
        """Set a role's labels; an empty field is the platform's default."""

        def changes(fields: Form) -> list[Change]:
            return [
                Change(
                    read_address(str(Address.label(fields.get("role", ""), field))),
                    Verb.CHANGE,
                    fields[field] or None,
                )
                for field in LabelField
                if field in fields
            ]

        return self._edit(request, server, form, changes)

    def change(
        self, request: Request, server: Server, form: Posted, thing: str, verb: str
    ) -> Response:
        """Add or remove a role on a profile, a holder or an assignment."""
        if thing not in _FIELDS or verb not in (Verb.ADD, Verb.REMOVE):
            raise Problem("not_found", "there is nothing at this address")
        name, parts = _FIELDS[thing]

        def changes(fields: Form) -> list[Change]:
            address = name(*(fields.get(part, "").strip() for part in parts))
            return [Change(read_address(str(address)), Verb(verb))]

        return self._edit(request, server, form, changes)

    def _edit(
        self,
        request: Request,
        server: Context,
        form: FormData,
        changes: Callable[[Form], list[Change]],
    ) -> Response:
        session = self._signed_in(request)
        if session is None or session.user is None:
            return _go("/console/sign-in")
        if not from_own_form(session, form):
            message = "The form has expired; nothing was changed. Please try again."
            return self._overview(request, server, session, message, 403)
        # The console is the platform's own: a capability that the API lacks is no limit here.
        author = Author(session.user, "console", frozenset(Capability))
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            with server.store.writing() as writing:
                for change in changes(fields):
                    make_change(writing, author, change)
        except Problem as problem:
            return self._overview(request, server, session, problem.detail, problem.status)
        return _go(_HOME)

    def _signed_in(self, request: Request) -> Session | None:
        session = self._sessions.read(request)
        return session if session is not None and session.user is not None else None

    def _overview(
        self,
        request: Request,
        server: Context,
        session: Session,
        message: str | None = None,
        status: int = 200,
    ) -> Response:
        after = {role: request.query_params.get(f"{role.value}_after", "") for role in Role}
        with server.store.reading() as connection:
            found = overview(connection, after)
        return self._page("overview.html", session, status, message=message, **found)

    def _sign_in_page(
        self, session: Session | None, message: str | None = None, status: int = 200
    ) -> Response:
        session = session or self._sessions.fresh()
        response = self._page("sign_in.html", session, status, message=message)
        self._sessions.write(response, session)
        return response

    def _page(self, template: str, session: Session, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(session=session, **values)
        return HTMLResponse(text, status, headers=_HEADERS)


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, headers=_HEADERS)
