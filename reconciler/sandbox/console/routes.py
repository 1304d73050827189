"""Which address of the console is which page or form."""

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from reconciler.sandbox.console import administration, edits, people, roles, signing
from reconciler.sandbox.console.addresses import check_address
from reconciler.sandbox.console.frame import Frame


def router(frame: Frame) -> APIRouter:
    """Return the console's routes."""
    routes = APIRouter(dependencies=[Depends(check_address)])
    for part in (signing, administration, people, roles, edits):
        own = part.routes(frame)
        for route in own.routes:
            if isinstance(route, APIRoute) and route.methods == {"GET"}:
                route.methods = {"GET", "HEAD"}
        routes.include_router(own)
    return routes
