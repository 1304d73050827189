"""What every endpoint needs, handed to it by FastAPI's dependencies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox.oauth import Scope, Tokens
from reconciler.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """The administrator who may sign in to the console."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"ConsoleUser({self.name!r})"


@dataclass(frozen=True, slots=True)
class Context:
    """One running sandbox.

    Attributes:
        store: the site's database.
        tokens: who may call the API.
        capabilities: what the site's API offers.
        contract: the OpenAPI document.
        console: who may sign in to the console.
    """

    store: Store
    tokens: Tokens
    capabilities: frozenset[Capability]
    contract: bytes
    console: ConsoleUser


def context(request: Request) -> Context:
    """Return the running sandbox."""
    found: Context = request.app.state.context
    return found


Server = Annotated[Context, Depends(context)]
"""The running sandbox, as an endpoint's parameter."""


def _client_with(scope: Scope) -> Callable[[Request], str]:
    def client(request: Request) -> str:
        return context(request).tokens.client(request.headers.get("authorization"), scope)

    return client


reader = _client_with(Scope.READ)
writer = _client_with(Scope.WRITE)
