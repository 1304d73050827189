"""The reading half of the API: the site, its collections, its events, and the contract."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability
from reconciler.resources import shipped
from reconciler.sandbox import tables
from reconciler.sandbox.collections import COLLECTIONS, after, page, version
from reconciler.sandbox.context import Server, reader
from reconciler.sandbox.http import matches, read_query, whole_number
from reconciler.sandbox.problems import Problem

_PAGE: Final = 500
_LARGEST_PAGE: Final = 1000
LARGEST_REVISION: Final = 2**63 - 1
_EVENT_FIELDS: Final = ("at", "actor", "actor_kind", "address", "verb", "revision")

router = APIRouter()

Reader = Annotated[str, Depends(reader)]


@router.get("/v1/site")
def get_site(request: Request, client: Reader, server: Server) -> Response:
    """Answer with the site; its ETag is the revision."""
    read_query(request, ())
    with server.store.reading() as connection:
        row = connection.execute(select(tables.site)).mappings().one()
    body = {
        "id": row["id"],
        "name": row["name"],
        "revision": row["revision"],
        "actor": client,
        "capabilities": sorted(server.capabilities),
        "ilp": {
            "enabled": row["ilp_enabled"],
            "published_templates": row["ilp_published_templates"],
        },
    }
    return _conditional(request, str(row["revision"]), body, vary="Authorization")


def _collection_route(name: str) -> None:
    def get_collection(request: Request, _client: Reader, server: Server) -> Response:
        query = read_query(request, ("limit", "cursor"))
        limit = whole_number(query, "limit", default=_PAGE, least=1, most=_LARGEST_PAGE)
        with server.store.reading() as connection:
            current = version(connection, name)
            key = after(query["cursor"], current) if "cursor" in query else None
            if matches(request.headers.get("if-none-match"), current.etag, weak=True):
                return _unchanged(current.etag)
            items, following = page(connection, current, limit, key)
        return _conditional(request, current.etag, {"items": items, "next": following})

    router.add_api_route(f"/v1/{name}", get_collection, methods=["GET"], name=f"get_{name}")


for _name in COLLECTIONS:
    _collection_route(_name)


@router.get("/v1/events")
def get_events(request: Request, _client: Reader, server: Server) -> Response:
    """Answer with the writes after a revision, the oldest first."""
    if Capability.EVENTS not in server.capabilities:
        raise Problem("not_supported", "this site keeps no events")
    query = read_query(request, ("after", "address", "limit"))
    limit = whole_number(query, "limit", default=_PAGE, least=1, most=_LARGEST_PAGE)
    since = whole_number(query, "after", default=0, least=0, most=LARGEST_REVISION)
    events = tables.events
    wanted = select(events).where(events.c.revision > since, events.c.address != tables.ILP)
    if "address" in query:
        try:
            address = Address.parse(query["address"])
        except ValueError:
            raise Problem("invalid_address", "the parameter address is not an address") from None
        wanted = wanted.where(events.c.address == str(address))
    with server.store.reading() as connection:
        rows = connection.execute(wanted.order_by(events.c.revision).limit(limit + 1)).mappings()
        found = [{name: row[name] for name in _EVENT_FIELDS} for row in rows]
    following = str(found[limit - 1]["revision"]) if len(found) > limit else None
    return JSONResponse({"items": found[:limit], "next": following}, headers=_PRIVATE)


@router.get("/v1/openapi.json")
def get_openapi(server: Server) -> Response:
    """Answer with the published contract, byte for byte; no token is needed."""
    return Response(server.contract, media_type="application/json")


def contract() -> bytes:
    """Return the published OpenAPI document."""
    text = shipped("schemas", "openapi-v1.json").read_bytes()
    json.loads(text)  # a damaged installation shows at the start, not at a client
    return text


_PRIVATE: Final = {"Cache-Control": "private, no-cache"}


def _unchanged(etag: str) -> Response:
    return Response(status_code=304, headers={**_PRIVATE, "ETag": f'"{etag}"'})


def _conditional(
    request: Request, etag: str, body: dict[str, Any], vary: str | None = None
) -> Response:
    if matches(request.headers.get("if-none-match"), etag, weak=True):
        response = _unchanged(etag)
    else:
        response = JSONResponse(body, headers={**_PRIVATE, "ETag": f'"{etag}"'})
    if vary:
        response.headers["Vary"] = vary
    return response
