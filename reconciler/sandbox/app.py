"""Puts the server together: routes, middleware, and every refusal as problem details."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reconciler.sandbox import console, reading, writing
from reconciler.sandbox.context import Context
from reconciler.sandbox.faults.middleware import FaultsOnDemand
from reconciler.sandbox.faults.model import Faults
from reconciler.sandbox.http import EncodedPath, GzipRefusal, LimitedBody
from reconciler.sandbox.oauth import token_answer
from reconciler.sandbox.problems import Problem

_LOG = logging.getLogger(__name__)
_NO_FAULTS: Final = Faults()


def make_app(context: Context, *, faults: Faults = _NO_FAULTS) -> FastAPI:
    """Return the sandbox as an ASGI application.

    Args:
        context: what the endpoints work with.
        faults: what goes wrong; it needs the connections of `ClosableProtocol`.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.context = context
    app.include_router(reading.router)
    app.include_router(writing.router)
    pages = console.Frame(context.console)
    app.include_router(console.router(pages))

    @app.post("/oauth/token")
    async def post_token(request: Request) -> Response:
        return await token_answer(request, context.tokens)

    def answer(request: Request, problem: Problem) -> Response:
        if request.url.path.startswith(console.PATH):
            return pages.failure(request, problem)
        # The contract has no such address; who opens the server in a browser looks for the console.
        if request.url.path == "/" and request.method in ("GET", "HEAD"):
            return console.go(console.PATH)
        return problem.response()

    # The last one added sees a request first.
    app.add_middleware(EncodedPath)
    app.add_middleware(GZipMiddleware, compresslevel=5)
    app.add_middleware(GzipRefusal)
    app.add_middleware(LimitedBody, answer=answer)
    if faults:
        app.add_middleware(FaultsOnDemand, faults=faults, whose=context.tokens.whose)

    app.add_exception_handler(console.SignInFirst, console.to_sign_in)
    for kind, problem_of in _FAILURES.items():
        app.add_exception_handler(kind, _answering(answer, problem_of))
    return app


def _answering(
    answer: Callable[[Request, Problem], Response], problem_of: Callable[[Request, Any], Problem]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return answer(request, problem_of(request, error))

    return handle


def _refused(_request: Request, problem: Problem) -> Problem:
    return problem


def _not_handled(request: Request, error: HTTPException) -> Problem:
    if error.status_code == 405:
        return Problem(
            "method_not_allowed",
            f"{request.method} is not allowed here",
            headers=error.headers,
        )
    if error.status_code == 404:
        return Problem("not_found", "there is nothing at this address")
    return Problem("invalid_body", f"the request is not valid: {error.detail}")


def _not_stored(_request: Request, _error: DataError) -> Problem:
    # PostgreSQL takes no null characters; nothing that it holds can be meant.
    return Problem("invalid_parameter", "the request has a character that cannot be")


def _unavailable(_request: Request, error: DBAPIError) -> Problem:
    _LOG.error("the database failed: %s", error)
    return Problem(
        "unavailable", "the database does not answer; try again", headers={"Retry-After": "1"}
    )


def _left(_request: Request, _error: ClientDisconnect) -> Problem:
    # The client broke off its request, which is no failure of ours; nobody reads this answer.
    return Problem("invalid_body", "the request broke off")


def _failed(_request: Request, _error: Exception) -> Problem:
    return Problem("internal_error", "the server failed; its log says more")


_FAILURES: Final[Mapping[type[Exception], Callable[[Request, Any], Problem]]] = MappingProxyType(
    {
        Problem: _refused,
        HTTPException: _not_handled,
        DataError: _not_stored,
        # What SQLite calls operational, a table that is gone say, PostgreSQL calls programming.
        OperationalError: _unavailable,
        ProgrammingError: _unavailable,
        ClientDisconnect: _left,
        Exception: _failed,
    }
)
"""What is answered to an exception, as the API or as a page of the console."""
