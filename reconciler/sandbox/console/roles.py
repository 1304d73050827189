"""The pages of a role: who has it over whom, adding somebody, editing one, and its labels."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind
from reconciler.sandbox.console import queries, sight
from reconciler.sandbox.console.forms import searched
from reconciler.sandbox.console.frame import Frame
from reconciler.sandbox.console.session import PATH, Session
from reconciler.sandbox.context import Context, Server
from reconciler.sandbox.problems import Problem

NAMED: Final = 10
"""So many assignments and learners of a holder are named in the overview; the edit page has all."""


def routes(frame: Frame) -> APIRouter:
    """Return the routes of both roles' pages."""
    router = APIRouter(prefix=PATH)
    administrator = Depends(frame.administrator)

    def page(role: Role, path: str, template: str, read: Any) -> None:
        def get(
            request: Request, server: Server, session: Annotated[Session, administrator]
        ) -> Response:
            with server.store.reading() as connection:
                values = read(connection, server, role, request.query_params)
                labels = queries.labels(connection)[role.value]
            return frame.page(request, template, session, role=role.value, labels=labels, **values)

        router.add_api_route(f"/{role.value}{path}", get, methods=["GET"])

    for role in Role:
        page(role, "", "role.html", _overview)
        page(role, "/add", "add.html", _add)
        page(role, "/edit", "edit.html", _edit)
        page(role, "/settings", "settings.html", lambda *_: {})
    return router


def _overview(
    connection: Connection, server: Context, role: Role, query: QueryParams
) -> dict[str, Any]:
    words = searched(query)
    holders = queries.holders(connection, role, words, query.get("after", ""))
    people = [each["id"] for each in holders.rows]
    assignments = queries.assignments(connection, role, people)
    # Whom a headteacher sees is counted on their own page: a school's learners take a while.
    wanted = people if role is Role.MENTOR else ()
    assigned = {each: assignments.get(each, ()) for each in wanted}
    sights = sight.sights(connection, assigned, server.store.today())
    first = {learner for each in sights.values() for learner in each.learners[:NAMED]}
    return {
        "q": words,
        "holders": holders,
        "assignments": assignments,
        "sights": sights,
        "called": sight.named(connection, first),
        "named": NAMED,
    }


def _add(
    connection: Connection, _server: Context, role: Role, query: QueryParams
) -> dict[str, Any]:
    words = searched(query)
    found = queries.search_people(connection, words, query.get("after", ""), learners=False)
    people = [each["id"] for each in found.rows]
    added = queries.holders_among(connection, role, people)
    return {"q": words, "found": found, "added": added}


def _edit(
    connection: Connection, server: Context, role: Role, query: QueryParams
) -> dict[str, Any]:
    person = queries.person(connection, query.get("person", ""))
    if person is None:
        raise Problem("not_found", "there is no such person")
    words, unit = searched(query), query.get("unit")
    path = queries.path_to(connection, unit) if unit else []
    day, who = server.store.today(), person["id"]
    assignments = queries.assignments(connection, role, [who]).get(who, [])
    seen = sight.sights(connection, {who: assignments}, day)[who]
    return {
        "person": person,
        "holds": bool(queries.holders_among(connection, role, [who])),
        "assignments": assignments,
        "assigned": {(each["kind"], each["target"]) for each in assignments},
        "sight": seen,
        "learners": sight.learners_of(connection, role, who, seen, day, query.get("learner", "")),
        "q": words,
        "found": queries.search_people(connection, words, query.get("after", ""), learners=True)
        if TargetKind.LEARNER in TARGET_KINDS[role]
        else None,
        "path": path,
        "unit": path[-1] if path else None,
        "units": queries.units_below(
            connection, path[-1]["id"] if path else None, query.get("unit_after", "")
        ),
        "kinds": [kind.value for kind in TARGET_KINDS[role]],
    }
