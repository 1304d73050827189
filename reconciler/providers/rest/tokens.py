"""Bearer tokens: one that was given, or one fetched with client credentials (RFC 6749, 4.4)."""

from typing import Final

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from reconciler.connection import Connection, Secret
from reconciler.errors import ContractViolation
from reconciler.providers.rest.transport import Call, Transport


class _Bearer(AuthBase):
    """Puts the token on a request; being given at all, it also keeps .netrc out of it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


class GivenToken:
    """A token from the settings; when it is refused, there is no other."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def header(self) -> AuthBase:
        """Return what adds the token to a request."""
        return _Bearer(self._token)

    def renew(self) -> bool:
        """Return False: there is nothing to renew it with."""
        return False


class ClientCredentials:
    """Exchanges a client's id and secret for a token when the first request needs one.

    Args:
        transport: sends to the token endpoint, and nowhere else.
        client_id: the client.
        client_secret: its secret.
        scope: what the token is to be good for.
    """

    def __init__(
        self, transport: Transport, client_id: str, client_secret: Secret, scope: str
    ) -> None:
        self._transport = transport
        self._client = _Client(client_id, client_secret)
        self._scope = scope
        self._token: Secret | None = None

    def header(self) -> AuthBase:
        """Return what adds the token to a request, fetching one first if need be."""
        if self._token is None:
            self._token = self._fetch()
        return _Bearer(self._token)

    def renew(self) -> bool:
        """Forget the token, so that the next request fetches another."""
        self._token = None
        return True

    def _fetch(self) -> Secret:
        form = {"grant_type": "client_credentials", "scope": self._scope}
        answer = self._transport.send(Call("POST", "", form=form), self._client)
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if not isinstance(token, str) or not token or not token.isprintable():
            raise ContractViolation("The token endpoint answered without a token.")
        return Secret(token)


class _Client:
    """The client itself, by HTTP Basic (RFC 6749, section 2.3.1)."""

    def __init__(self, client_id: str, client_secret: Secret) -> None:
        self._id = client_id
        self._secret = client_secret

    def header(self) -> AuthBase:
        return HTTPBasicAuth(self._id.encode(), self._secret.reveal().encode())

    def renew(self) -> bool:
        return False


TOKEN_METHODS: Final = frozenset(("POST",))


def authorisation(connection: Connection, scope: str) -> GivenToken | ClientCredentials:
    """Choose how to authorise: a given token wins over client credentials."""
    if connection.token is not None:
        return GivenToken(connection.token)
    assert connection.client_id is not None  # noqa: S101 - a Connection has one or the other
    assert connection.client_secret is not None  # noqa: S101 - as above
    transport = Transport(
        connection.token_url,
        methods=TOKEN_METHODS,
        timeout=connection.timeout,
        verify=str(connection.ca_bundle) if connection.ca_bundle else True,
    )
    return ClientCredentials(transport, connection.client_id, connection.client_secret, scope)
