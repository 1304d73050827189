"""The pages of the site as a whole: the first page, profiles, ILP templates, events, style."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from reconciler.domain.vocabulary import Role
from reconciler.sandbox.console import events, queries
from reconciler.sandbox.console.addresses import go
from reconciler.sandbox.console.forms import searched
from reconciler.sandbox.console.frame import Frame
from reconciler.sandbox.console.headers import HEADERS
from reconciler.sandbox.console.named import called
from reconciler.sandbox.console.session import PATH, Session
from reconciler.sandbox.context import Server
from reconciler.sandbox.http import whole_number
from reconciler.sandbox.reading import LARGEST_REVISION

_STYLE: Final = Path(__file__).parent / "templates" / "style.css"


def routes(frame: Frame) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(prefix=PATH)
    Administrator = Annotated[Session, Depends(frame.administrator)]  # noqa: N806 - a type

    @router.get("")
    def first(request: Request, server: Server, session: Administrator) -> Response:
        with server.store.reading() as connection:
            site, labels = queries.site(connection), queries.labels(connection)
        return frame.page(request, "first.html", session, site=site, labels=labels)

    @router.get("/")
    def with_a_stroke(_session: Administrator) -> Response:
        return go(PATH)

    @router.get("/profiles")
    def profiles(request: Request, server: Server, session: Administrator) -> Response:
        with server.store.reading() as connection:
            found = queries.profiles(connection)
        return frame.page(request, "profiles.html", session, profiles=found, roles=list(Role))

    @router.get("/ilp")
    def ilp(request: Request, server: Server, session: Administrator) -> Response:
        with server.store.reading() as connection:
            site = queries.site(connection)
        return frame.page(request, "ilp.html", session, site=site)

    @router.get("/events")
    def log(request: Request, server: Server, session: Administrator) -> Response:
        query = request.query_params
        words = searched(query)
        before = whole_number(
            query, "before", default=LARGEST_REVISION, least=1, most=LARGEST_REVISION
        )
        with server.store.reading() as connection:
            found = events.events(connection, before, words)
            names = called(connection, {each["address"] for each in found.rows})
        return frame.page(request, "events.html", session, found=found, names=names, q=words)

    @router.get("/style.css")
    def style() -> Response:
        return Response(_STYLE.read_bytes(), media_type="text/css", headers=HEADERS)

    return router
