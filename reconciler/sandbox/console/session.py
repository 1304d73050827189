"""Signing in to the console: a signed cookie, and a CSRF token in every form."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.context import ConsoleUser

COOKIE: Final = "sandbox_console"
PATH: Final = "/console"
_SECONDS: Final = 8 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session; `user` is None until somebody has signed in."""

    csrf: str
    user: str | None = None


class Sessions:
    """Opens and checks sessions, and remembers which were signed out.

    The signing key lives as long as the process, as the password does.
    """

    def __init__(self, user: ConsoleUser) -> None:
        self._user = user
        self._signer = URLSafeTimedSerializer(secrets.token_hex(32), salt="console")
        self._signed_out: set[str] = set()

    def read(self, request: Request) -> Session | None:
        """Return the request's session, if it has a valid one."""
        try:
            csrf, user = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=_SECONDS)
        except BadData:
            return None
        return None if csrf in self._signed_out else Session(csrf, user)

    def fresh(self, user: str | None = None) -> Session:
        """Return a new session; one made before signing in is never used after it."""
        return Session(secrets.token_urlsafe(24), user)

    def write(self, response: Response, session: Session) -> None:
        """Set the session's cookie."""
        response.set_cookie(
            COOKIE,
            str(self._signer.dumps([session.csrf, session.user])),
            max_age=_SECONDS,
            path=PATH,
            httponly=True,
            samesite="strict",
        )

    def end(self, response: Response, session: Session) -> None:
        """Sign out, also for whoever has a copy of the cookie."""
        self._signed_out.add(session.csrf)
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")

    def knows(self, name: str, password: str) -> bool:
        """Whether these sign in; takes the same time whatever is wrong."""
        right_name = hmac.compare_digest(name.encode(), self._user.name.encode())
        right_password = hmac.compare_digest(password.encode(), self._user.password.encode())
        return right_name and right_password


def from_own_form(session: Session | None, form: FormData) -> bool:
    """Whether a form is one that this session was shown."""
    sent = form.get("csrf")
    return (
        session is not None
        and isinstance(sent, str)
        and hmac.compare_digest(sent.encode(), session.csrf.encode())
    )
