"""Signing in to the console: a signed cookie, and a CSRF token in every form."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

PATH: Final = "/console"
_SECONDS: Final = 8 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session.

    Attributes:
        csrf: what its forms bring with them.
        user: who has signed in, if somebody has.
        until: when it ends, on the clock of `Sessions`.
    """

    csrf: str
    user: str | None = None
    until: float = 0.0


class Sessions:
    """Opens and checks sessions, and remembers which were signed out.

    The signing key lives as long as the process, as the password does.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._signer = URLSafeSerializer(secrets.token_hex(32), salt="console")
        self._signed_out: dict[str, float] = {}

    def read(self, request: Request) -> Session | None:
        """Return the request's session, if it has a valid one."""
        try:
            session = Session(*self._signer.loads(request.cookies.get(cookie_of(request), "")))
        except BadData:
            return None
        over = session.until <= self._clock() or session.csrf in self._signed_out
        return None if over else session

    def fresh(self, user: str | None = None) -> Session:
        """Return a new session; one made before signing in is never used after it."""
        return Session(secrets.token_urlsafe(24), user, self._clock() + _SECONDS)

    def write(self, request: Request, response: Response, session: Session) -> None:
        """Set the cookie of a new session."""
        response.set_cookie(
            cookie_of(request),
            str(self._signer.dumps([session.csrf, session.user, session.until])),
            max_age=_SECONDS,
            path=PATH,
            httponly=True,
            samesite="strict",
        )

    def end(self, request: Request, response: Response, session: Session) -> None:
        """Sign out, also for whoever has a copy of the cookie."""
        if session.user is not None:
            now = self._clock()
            ended = {csrf: until for csrf, until in self._signed_out.items() if until > now}
            self._signed_out = {**ended, session.csrf: session.until}
        response.delete_cookie(cookie_of(request), path=PATH, httponly=True, samesite="strict")

    @property
    def remembered(self) -> int:
        """How many signed out sessions are remembered."""
        return len(self._signed_out)


def cookie_of(request: Request) -> str:
    """Return the name of a session's cookie: by the port, which cookies themselves do not know.

    Two sandboxes on one machine, open in one browser, would else sign each other out.
    """
    return f"sandbox_console_{request.scope['server'][1]}"


def from_own_form(session: Session | None, form: FormData) -> bool:
    """Whether a form is one that this session was shown."""
    sent = form.get("csrf")
    return (
        session is not None
        and isinstance(sent, str)
        and hmac.compare_digest(sent.encode(), session.csrf.encode())
    )
