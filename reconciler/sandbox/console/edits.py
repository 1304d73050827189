"""What the console's forms change: through the function that the API changes a site with.

Every form is posted and answered by a redirect to the page that it stands on; a refused one by that
page with the API's sentence, and with its status.
"""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from sqlalchemy import update
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability, LabelField
from reconciler.sandbox import tables
from reconciler.sandbox.changes import Author, Change, Verb, make_change, read_address
from reconciler.sandbox.console.addresses import Again, Refusal, own_page
from reconciler.sandbox.console.forms import Posted
from reconciler.sandbox.console.frame import Frame, go_done
from reconciler.sandbox.console.named import called
from reconciler.sandbox.console.session import PATH, Session, from_own_form
from reconciler.sandbox.context import Context, Server
from reconciler.sandbox.problems import Problem
from reconciler.sandbox.store import Writing

_ADDRESSED: Final[dict[str, tuple[Callable[..., Address], tuple[str, ...]]]] = {
    "profiles": (Address.profile, ("profile", "role")),
    "holders": (Address.holder, ("role", "person")),
    "assignments": (Address.assignment, ("role", "person", "kind", "target")),
}
"""What a form names; it is posted to `/console/THING/add` or `/console/THING/remove`."""

_MOST_TEMPLATES: Final = 10_000

Fields = dict[str, str]
Edit = Callable[[Writing, Author, Fields], None]


def routes(frame: Frame) -> APIRouter:
    """Return the routes of the forms that change the site."""
    router = APIRouter(prefix=PATH)

    def form_of(path: str, edit: Edit) -> None:
        def post(request: Request, server: Server, form: Posted) -> Response:
            page = own_page(str(form.get("page", "")))
            return _answer(server, frame.sender(request, page), page, form, edit)

        router.add_api_route(path, post, methods=["POST"])

    for thing in _ADDRESSED:
        for verb in (Verb.ADD, Verb.REMOVE):
            form_of(f"/{thing}/{verb}", _addressed(thing, verb))
    form_of("/labels", _labels)
    form_of("/ilp", _ilp)
    return router


def _answer(server: Context, session: Session, page: str, form: FormData, edit: Edit) -> Response:
    if not from_own_form(session, form):
        return Again(page, Refusal(403))
    # The console is the platform's own: a capability that the API lacks is no limit here.
    author = Author(str(session.user), "console", frozenset(Capability))
    fields = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    try:
        with server.store.writing() as writing:
            edit(writing, author, fields)
    except Problem as problem:
        about = _about(server, problem.address)
        return Again(page, Refusal(problem.status, problem.detail, about))
    return go_done(page)


def _about(server: Context, address: str | None) -> str:
    """Return who and what the ids in an address are: the API's sentences know no names."""
    if address is None:
        return ""
    with server.store.reading() as connection:
        return "; ".join(map(str, called(connection, [address])[address].things))


def _addressed(thing: str, verb: Verb) -> Edit:
    name, parts = _ADDRESSED[thing]

    def edit(writing: Writing, author: Author, fields: Fields) -> None:
        address = name(*(fields.get(part, "") for part in parts))
        make_change(writing, author, Change(read_address(str(address)), verb))

    return edit


def _labels(writing: Writing, author: Author, fields: Fields) -> None:
    """Set a role's labels; an empty field is the platform's default."""
    for label in LabelField:
        if label in fields:
            address = read_address(str(Address.label(fields.get("role", ""), label)))
            make_change(writing, author, Change(address, Verb.CHANGE, fields[label] or None))


def _ilp(writing: Writing, author: Author, fields: Fields) -> None:
    """Switch individual learning plans on or off, and say how many templates are published."""
    told = fields.get("published_templates", "")
    if not (told.isascii() and told.isdigit() and int(told) <= _MOST_TEMPLATES):
        raise Problem(
            "invalid_value", f"the templates are counted from 0 to {_MOST_TEMPLATES}, in digits"
        )
    wanted = {"ilp_enabled": "enabled" in fields, "ilp_published_templates": int(told)}
    own = tables.site.c
    differs = (own.ilp_enabled != wanted["ilp_enabled"]) | (
        own.ilp_published_templates != wanted["ilp_published_templates"]
    )
    changed = writing.connection.execute(update(tables.site).where(differs).values(wanted))
    if changed.rowcount:
        writing.record(
            collection=None,
            actor=author.name,
            actor_kind=author.kind,
            address=tables.ILP,
            verb=Verb.CHANGE.value,
        )
