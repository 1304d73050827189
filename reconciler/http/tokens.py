"""Bearer tokens: one that was given, or one fetched with client credentials (RFC 6749, 4.4)."""

import threading
from typing import Final
from urllib.parse import quote_plus

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from reconciler.credentials import Secret
from reconciler.errors import ConfigurationError, ContractViolation
from reconciler.http.call import LIMITS, Authorisation, Call, Limits, Peer
from reconciler.http.transport import Transport
from reconciler.settings import Endpoint

_ADVICE: Final = "Check token_url: it may not be a token endpoint."


class _Bearer(AuthBase):
    """Puts the token on a request; being given at all, it also keeps .netrc out of it."""

    def __init__(self, token: Secret) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token.reveal()}"
        return request


class GivenToken:
    """A token from the settings; when it is refused, there is no other."""

    def __init__(self, token: Secret) -> None:
        self.secrets = (token,)
        self._bearer = _Bearer(token)

    def header(self) -> AuthBase:
        """Return what adds the token to a request."""
        return self._bearer

    def renew(self, refused: AuthBase) -> bool:
        """Return False: there is nothing to renew it with."""
        del refused
        return False

    def close(self) -> None:
        """There is nothing to close."""


class _Client:
    """The client itself, by HTTP Basic; both parts are encoded (RFC 6749, section 2.3.1)."""

    def __init__(self, client_id: str, client_secret: Secret) -> None:
        self.secrets = (client_secret,)
        self._id = client_id

    def header(self) -> AuthBase:
        return HTTPBasicAuth(quote_plus(self._id), quote_plus(self.secrets[0].reveal()))

    def renew(self, refused: AuthBase) -> bool:
        del refused
        return False


class _TokenTransport(Transport):
    """Sends to the token endpoint, and nowhere else."""

    methods = frozenset(("POST",))


class ClientCredentials:
    """Exchanges a client's id and secret for a token when the first request needs one.

    Args:
        transport: sends to the token endpoint.
        client: authorises the exchange.
        scope: what the token is to be good for; empty where the server does not ask.
    """

    def __init__(self, transport: Transport, client: Authorisation, scope: str) -> None:
        self._transport = transport
        self._client = client
        self._scope = scope
        self._bearer: _Bearer | None = None
        self._lock = threading.Lock()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The client's secret, and the token in use."""
        bearer = self._bearer
        return self._client.secrets if bearer is None else (*self._client.secrets, bearer.token)

    def header(self) -> AuthBase:
        """Return what adds the token to a request, fetching one first if need be."""
        with self._lock:
            if self._bearer is None:
                self._bearer = _Bearer(self._fetch())
            return self._bearer

    def renew(self, refused: AuthBase) -> bool:
        """Forget the token that was refused, so that the next request fetches another."""
        with self._lock:
            if self._bearer is refused:
                self._bearer = None
        return True

    def close(self) -> None:
        """Forget the token and close the connections."""
        self._bearer = None
        self._transport.close()

    def _fetch(self) -> Secret:
        form = {"grant_type": "client_credentials"}
        if self._scope:
            form["scope"] = self._scope
        call = Call("POST", "", form=form)
        document = self._transport.send(call, self._client).document
        if not isinstance(document, dict):
            raise ContractViolation(f"{call.name}: the answer is not an object.", _ADVICE)
        token, kind = document.get("access_token"), document.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise ContractViolation(f"{call.name}: the token is not a bearer token.", _ADVICE)
        if not isinstance(token, str) or not token or not (token.isascii() and token.isprintable()):
            raise ContractViolation(
                f"{call.name}: the answer holds no usable access_token.", _ADVICE
            )
        return Secret(token)


def authorisation(
    endpoint: Endpoint, scope: str, peer: Peer, limits: Limits = LIMITS
) -> GivenToken | ClientCredentials:
    """Choose how to authorise: a given token wins over client credentials.

    Raises:
        ConfigurationError: the endpoint has neither.
    """
    match endpoint:
        case Endpoint(token=Secret() as token):
            return GivenToken(token)
        case Endpoint(client_id=str() as client_id, client_secret=Secret() as client_secret):
            transport = _TokenTransport(endpoint, endpoint.token_url, peer, limits)
            return ClientCredentials(transport, _Client(client_id, client_secret), scope)
        case _:
            raise ConfigurationError(
                f"There are no credentials for {endpoint.url}.",
                "Give a token, or a client's id and secret.",
            )
