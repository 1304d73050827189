"""OAuth 2.0 client credentials (RFC 6749) and bearer tokens (RFC 6750).

Tokens are random, kept in memory as hashes, and gone with the process; a client then asks anew.
"""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from reconciler.sandbox.http import media_type
from reconciler.sandbox.problems import Problem

REALM: Final = "reconciler sandbox"
_FORM: Final = "application/x-www-form-urlencoded"


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "roles.read"
    WRITE = "roles.write"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client and the most that it may ask for."""

    id: str
    secret: str = field(repr=False)
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for: a client, a scope, and its end on the monotonic clock."""

    client: str
    scopes: frozenset[Scope]
    ends: float


class OAuthError(Exception):
    """An error of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status

    def response(self) -> JSONResponse:
        """Return the error as an answer."""
        headers = dict(_NO_STORE)
        if self.status == 401:
            headers["WWW-Authenticate"] = f'Basic realm="{REALM}"'
        body = {"error": self.error, "error_description": str(self)}
        return JSONResponse(body, self.status, headers=headers)


_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Tokens:
    """Gives out access tokens and knows them again."""

    def __init__(
        self,
        clients: Iterable[Client],
        lifetime: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = {client.id: client for client in clients}
        self._lifetime = lifetime
        self._clock = clock
        self._grants: dict[bytes, Grant] = {}
        self._lock = threading.Lock()

    def issue(self, client_id: str, client_secret: str, scope: str | None) -> dict[str, Any]:
        """Return the token endpoint's answer.

        Raises:
            OAuthError: the client is not known, or asks for more than it may.
        """
        client = self._clients.get(client_id)
        # Compared for an unknown client as well, so that both take the same time.
        expected = client.secret if client else secrets.token_hex(16)
        if not hmac.compare_digest(expected.encode(), client_secret.encode()) or client is None:
            raise OAuthError(
                "invalid_client", "the client is not known, or its secret is wrong", 401
            )
        wanted = set(scope.split()) if scope is not None else set(client.scopes)
        if not wanted or not wanted <= client.scopes:
            raise OAuthError("invalid_scope", "the client may not ask for that scope")
        scopes = frozenset(Scope(name) for name in wanted)
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._grants = {key: kept for key, kept in self._grants.items() if kept.ends > now}
            self._grants[_digest(token)] = Grant(client.id, scopes, now + self._lifetime)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "scope": " ".join(sorted(scopes)),
        }

    def client(self, authorization: str | None, needed: Scope) -> str:
        """Return the id of the client that sent the request.

        Raises:
            Problem: there is no valid token (401), or its scope is too small (403).
        """
        token = _bearer(authorization)
        if not token:
            raise Problem(
                "unauthorised",
                "send an access token: Authorization: Bearer …",
                headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'},
            )
        grant = self._valid(token)
        if grant is None:
            raise Problem(
                "unauthorised",
                "the access token is not known or has expired; ask for a new one",
                headers={"WWW-Authenticate": f'Bearer realm="{REALM}", error="invalid_token"'},
            )
        if needed not in grant.scopes:
            challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{needed}"'
            raise Problem(
                "insufficient_scope",
                f"this needs the scope {needed}",
                headers={"WWW-Authenticate": challenge},
            )
        return grant.client

    def whose(self, authorization: str | None) -> str | None:
        """Return the id of the client that sent a valid token, or asks for one by HTTP Basic."""
        grant = self._valid(_bearer(authorization))
        if grant is not None:
            return grant.client
        try:
            client_id = (_basic(authorization) or ("",))[0]
        except OAuthError:
            return None
        return client_id if client_id in self._clients else None

    def _valid(self, token: str) -> Grant | None:
        grant = self._grants.get(_digest(token))
        return grant if grant is not None and grant.ends > self._clock() else None


async def token_answer(request: Request, tokens: Tokens) -> JSONResponse:
    """Answer a token request."""
    try:
        form = await _form(request)
        client_id, client_secret = _credentials(request, form)
        _check_grant_type(form)
        answer = tokens.issue(client_id, client_secret, _one(form, "scope"))
    except OAuthError as error:
        return error.response()
    return JSONResponse(answer, headers=_NO_STORE)


async def _form(request: Request) -> FormData:
    if media_type(request) != _FORM:
        raise OAuthError("invalid_request", f"the body must be {_FORM}")
    try:
        return await request.form()
    except HTTPException as error:  # what its reader does not take, a field of megabytes say
        raise OAuthError("invalid_request", f"the body is not valid: {error.detail}") from None


def _check_grant_type(form: FormData) -> None:
    grant_type = _one(form, "grant_type")
    if not grant_type:
        raise OAuthError("invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", "only client_credentials is supported")


def _one(form: FormData, name: str) -> str | None:
    values = form.getlist(name)
    if len(values) > 1:
        raise OAuthError("invalid_request", f"{name} stands twice")
    return str(values[0]) if values else None


def _credentials(request: Request, form: FormData) -> tuple[str, str]:
    in_body = _one(form, "client_id"), _one(form, "client_secret")
    in_header = _basic(request.headers.get("authorization"))
    if in_header is None:
        return in_body[0] or "", in_body[1] or ""
    if in_body[1] is not None:
        raise OAuthError("invalid_request", "the client authenticates twice")
    return in_header


def _bearer(authorization: str | None) -> str:
    """Return a header's token, empty where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """Return a header's id and secret, or None where it is not HTTP Basic.

    Raises:
        OAuthError: it is damaged.
    """
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError:  # not ASCII, not Base64, or not UTF-8
        raise OAuthError("invalid_client", "the Authorization header is damaged", 401) from None
    client_id, _, client_secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
