"""The site as a person sees it: their menu, their learners, and their profile card."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from reconciler.domain.vocabulary import Role
from reconciler.sandbox.console import queries, sight
from reconciler.sandbox.console.forms import searched
from reconciler.sandbox.console.frame import Frame
from reconciler.sandbox.console.session import PATH, Session
from reconciler.sandbox.context import Server
from reconciler.sandbox.problems import Problem


def routes(frame: Frame) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(prefix=PATH)
    Administrator = Annotated[Session, Depends(frame.administrator)]  # noqa: N806 - a type

    @router.get("/people")
    def choose(request: Request, server: Server, session: Administrator) -> Response:
        query = request.query_params
        words = searched(query)
        with server.store.reading() as connection:
            found = queries.search_people(connection, words, query.get("after", ""), learners=False)
        return frame.page(request, "people.html", session, q=words, found=found)

    @router.get("/people/seen")
    def seen(request: Request, server: Server, session: Administrator) -> Response:
        query = request.query_params
        with server.store.reading() as connection:
            person = queries.person(connection, query.get("person", ""))
            if person is None:
                raise Problem("not_found", "there is no such person")
            day, who = server.store.today(), person["id"]
            shown = sight.shown(connection, who, day)
            site = queries.site(connection)
            labels = queries.labels(connection)
            learners = {
                role.value: sight.learners_of(
                    connection, role, who, seen_by, day, query.get(role.value, "")
                )
                for role, seen_by in shown.items()
            }
            holds = [
                role.value
                for role in Role
                if role in person["roles"] and queries.holders_among(connection, role, [who])
            ]
            supervisors = sight.supervisors(connection, who, day)
        return frame.page(
            request,
            "seen.html",
            session,
            person=person,
            entry=sight.entry_of(shown),
            holds=holds,
            ilp=bool(shown) and site["ilp_enabled"] and site["ilp_published_templates"] > 0,
            labels=labels,
            learners=learners,
            supervisors=supervisors,
        )

    return router
