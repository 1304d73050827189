"""Puts the server together: routes, middleware, and every refusal as problem details."""

import logging
from typing import Final

from fastapi import FastAPI
from sqlalchemy.exc import DataError, OperationalError
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

    # The last one added sees a request first.
    app.add_middleware(EncodedPath)
    app.add_middleware(GZipMiddleware, compresslevel=5)
    app.add_middleware(GzipRefusal)
    app.add_middleware(LimitedBody)
    if faults:
        app.add_middleware(FaultsOnDemand, faults=faults, whose=context.tokens.whose)

    def answer(request: Request, problem: Problem) -> Response:
        if request.url.path.startswith(console.PATH):
            return pages.failure(request, problem)
        return problem.response()

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101, what the handler is registered for
        return answer(request, error)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101, what the handler is registered for
        return answer(request, _problem_of(request, error))

    async def not_stored(request: Request, _error: Exception) -> Response:
        # PostgreSQL takes no null characters; nothing that it holds can be meant.
        return answer(
            request, Problem("invalid_parameter", "the request has a character that cannot be")
        )

    app.add_exception_handler(console.SignInFirst, console.to_sign_in)
    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(DataError, not_stored)
    app.add_exception_handler(OperationalError, _unavailable)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _failed)
    return app


def _problem_of(request: Request, error: HTTPException) -> Problem:
    if error.status_code == 405:
        return Problem(
            "method_not_allowed",
            f"{request.method} is not allowed here",
            headers=error.headers,
        )
    if error.status_code == 404:
        return Problem("not_found", "there is nothing at this address")
    return Problem("invalid_body", f"the request is not valid: {error.detail}")


async def _unavailable(_request: Request, error: Exception) -> Response:
    _LOG.error("the database failed: %s", error)
    return Problem(
        "unavailable", "the database does not answer; try again", headers={"Retry-After": "1"}
    ).response()


async def _left(_request: Request, _error: Exception) -> Response:
    # The client broke off its request, which is no failure of ours; nobody reads this answer.
    return Problem("invalid_body", "the request broke off").response()


async def _failed(_request: Request, _error: Exception) -> Response:
    return Problem("internal_error", "the server failed; its log says more").response()
