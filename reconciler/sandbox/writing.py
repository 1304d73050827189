"""The writing half of the API: single writes by PUT, DELETE and PATCH, and batches."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import LabelField
from reconciler.sandbox import tables
from reconciler.sandbox.bodies import (
    KEY_PATTERN,
    ChangeBody,
    LabelsBody,
    read_body,
    read_changes,
)
from reconciler.sandbox.changes import (
    Author,
    Change,
    Outcome,
    Verb,
    check_shape,
    make_change,
    read_address,
)
from reconciler.sandbox.context import Context, Server, writer
from reconciler.sandbox.http import json_body, matches, no_body, path_segment, read_query
from reconciler.sandbox.idempotency import Answers, fingerprint
from reconciler.sandbox.problems import Problem
from reconciler.sandbox.store import Writing

router = APIRouter()

Writer = Annotated[str, Depends(writer)]

_VERBS = {"PUT": Verb.ADD, "DELETE": Verb.REMOVE}


async def _empty_body(request: Request, _client: Writer) -> None:
    # It depends on the client, so that a stranger learns nothing about the body.
    await no_body(request)


async def _json_body(request: Request, _client: Writer) -> bytes:
    return await json_body(request)


Json = Annotated[bytes, Depends(_json_body)]
Empty = Annotated[None, Depends(_empty_body)]


@router.api_route("/v1/profiles/{profile}/roles/{role}", methods=["PUT", "DELETE"])
def write_profile_role(request: Request, client: Writer, server: Server, _body: Empty) -> Response:
    """Enable or disable a role on a profile."""
    profile, role = path_segment(request, "profile"), path_segment(request, "role")
    return _single(request, client, server, Address.profile(profile, role))


@router.api_route("/v1/holders/{role}/{person}", methods=["PUT", "DELETE"])
def write_holder(request: Request, client: Writer, server: Server, _body: Empty) -> Response:
    """Add or take out a holder."""
    role, person = path_segment(request, "role"), path_segment(request, "person")
    return _single(request, client, server, Address.holder(role, person))


@router.api_route(
    "/v1/assignments/{role}/{person}/{kind}/{target}",
    methods=["PUT", "DELETE"],
)
def write_assignment(request: Request, client: Writer, server: Server, _body: Empty) -> Response:
    """Make or remove an assignment."""
    parts = [path_segment(request, name) for name in ("role", "person", "kind", "target")]
    return _single(request, client, server, Address.assignment(*parts))


@router.patch("/v1/labels/{role}")
def patch_labels(request: Request, client: Writer, server: Server, body: Json) -> Response:
    """Change a role's labels."""
    patch = read_body(LabelsBody, body)
    role = path_segment(request, "role")
    changes = [
        Change(read_address(str(Address.label(role, field))), Verb.CHANGE, getattr(patch, field))
        for field in LabelField
        if field in patch.model_fields_set
    ]
    if not changes:
        raise Problem("invalid_body", "the patch names no label")
    with server.store.writing() as writing:
        _once(request, writing, _author(client, server), changes)
        labels = select(tables.labels).where(tables.labels.c.role == role)
        answer = dict(writing.connection.execute(labels).mappings().one())
    return JSONResponse(answer)


@router.post("/v1/changes")
def post_changes(request: Request, client: Writer, server: Server, body: Json) -> Response:
    """Make many changes, each judged by itself."""
    read_query(request, ())
    changes = read_changes(body)
    author = _author(client, server)
    with server.store.writing() as writing:
        _check_revision(request, writing)
        answers = Answers(writing, author.name, [change.idempotency_key for change in changes])
        results = [_result(writing, author, answers, change) for change in changes]
        revision = writing.revision
    return JSONResponse({"revision": revision, "results": results})


def _author(client: str, server: Context) -> Author:
    return Author(client, "api", server.capabilities)


def _single(request: Request, client: str, server: Context, named: Address) -> Response:
    read_query(request, ())
    change = Change(read_address(str(named)), _VERBS[request.method])
    with server.store.writing() as writing:
        answer = _once(request, writing, _author(client, server), [change])
    if answer["status"] == 204:
        return Response(status_code=204)
    body = {
        "address": str(change.address),
        "changed": answer["changed"],
        "revision": answer["revision"],
    }
    return JSONResponse(body, answer["status"])


def _once(
    request: Request, writing: Writing, author: Author, changes: list[Change]
) -> dict[str, Any]:
    """Make the changes of one request, or recall what its idempotency key was answered."""
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise Problem("invalid_parameter", "Idempotency-Key is 1 to 255 visible ASCII characters")
    asked = fingerprint(changes)
    answers = Answers(writing, author.name, [key] if key else [])
    known = answers.recall(key, asked) if key else None
    if known is not None:
        return known
    for change in changes:  # before the revision is looked at: no other one would help
        check_shape(author, change)
    _check_revision(request, writing)
    outcomes = [make_change(writing, author, change) for change in changes]
    answer = _answer(outcomes[-1])
    if key:
        answers.remember(key, asked, answer)
    return answer


def _result(writing: Writing, author: Author, answers: Answers, item: ChangeBody) -> dict[str, Any]:
    """Make one change of a batch and say what became of it."""
    try:
        change = item.change()
        asked = fingerprint([change])
        answer = answers.recall(item.idempotency_key, asked)
        if answer is None:
            answer = _answer(make_change(writing, author, change))
            answers.remember(item.idempotency_key, asked, answer)
    except Problem as problem:
        return {
            "id": item.id,
            "status": problem.status,
            "changed": False,
            "revision": writing.revision,
            "problem": problem.document(),
        }
    return {"id": item.id, **answer}


def _answer(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "changed": outcome.changed,
        "revision": outcome.revision,
    }


def _check_revision(request: Request, writing: Writing) -> None:
    condition = request.headers.get("if-match")
    if condition is not None and not matches(condition, str(writing.revision), weak=False):
        raise Problem("precondition_failed", f"the site is at revision {writing.revision}")
