"""What every roster service shares: how it is asked, and how its refusals are told."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconciler.http.answers import Answer, first_text, problem_detail
from reconciler.http.call import Call, Limits, Peer
from reconciler.http.tokens import authorisation
from reconciler.http.transport import ReadOnlyTransport
from reconciler.rosters.problems import Problem
from reconciler.rosters.service import RosterService

Get = Callable[[Call], Answer]
Item = Mapping[str, Any]

VIOLATED: Final = "Nothing was planned from it. Read it again; if it stays so, report it there."
"""What to do about an answer that is not what the format says."""

_TOKENS: Final = "Check token_url, client_id, client_secret and scope."


class Advice(NamedTuple):
    """What to do where a service refuses: the client may not read, or nothing stands there."""

    rights: str
    place: str


@contextmanager
def asking(
    service: RosterService, base: str, scope: str, advice: Advice, limits: Limits
) -> Iterator[Get]:
    """Open a service for reading; nothing but GET and a token request can leave.

    Args:
        service: how to reach it.
        base: what every path is below.
        scope: what a token is asked for.
        advice: what to do about its refusals.
        limits: how long and how much.

    Yields:
        What makes a request; it raises `SiteError` where there is no good answer.
    """
    peer = Peer(
        noun="the school system",
        agreed="the standard",
        violated=VIOLATED,
        refused=MappingProxyType(
            {
                200: advice.rights,
                400: f"{advice.rights} Or `page` may be too large.",
                403: advice.rights,
                404: advice.place,
            }
        ),
        said=_said,
        whole_text=True,
        blank=True,
        failed=_failed,
    )
    transport = ReadOnlyTransport(service, base, peer, limits)
    at_tokens = {400: _TOKENS, 401: _TOKENS, 404: _TOKENS}
    granted = authorisation(service, scope, replace(peer, refused=at_tokens), limits)
    try:
        yield lambda call: transport.send(call, granted)
    finally:
        transport.close()
        granted.close()


def nothing(file: str) -> Problem:
    """Return the problem that a good answer held nothing: that is no empty school."""
    message = "the answer was good and held nothing; the client may not be allowed to see it"
    return Problem(file, 0, "", None, "RR314", message)


def _said(problem: Mapping[str, object]) -> tuple[str, str]:
    """Read a refusal's code and sentence, in whichever of the shapes that servers give it.

    OneRoster 1.2 has one status, which some wrap; 1.1 has a list of them, its names with `imsx_` or
    without; SS 12000 has a code and a message; others send a problem detail or a token error.
    """
    status = next(_statuses(problem))
    minor: Any = status.get("imsx_CodeMinor", status.get("imsx_codeMinor"))
    fields = minor.get("imsx_codeMinorField") if isinstance(minor, dict) else None
    field = fields[0] if isinstance(fields, list) and fields else fields
    value = field.get("imsx_codeMinorFieldValue") if isinstance(field, dict) else minor
    code, detail = problem_detail(status)
    return (
        value if isinstance(value, str) else first_text(status, ("codeMinor",)) or code,
        first_text(status, ("imsx_description", "description", "message")) or detail,
    )


_MAJOR: Final = ("imsx_codeMajor", "codeMajor")
_STATUSES: Final = ("imsx_StatusInfo", "statusInfoSet", "errors", "error")


def _statuses(problem: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    """Yield the parts that say how it went, those of failures first, and at last the whole."""
    inner = [
        each
        for member in _STATUSES
        if (value := problem.get(member))
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, dict)
    ]
    yield from sorted(inner, key=lambda each: first_text(each, _MAJOR).lower() == "success")
    yield problem


def _failed(document: object) -> bool:
    """Whether an answer says that it is none, or not the whole one, whatever its status is.

    It may say so by OneRoster's own word, in any of several statuses, or by errors beside the rows.
    """
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return False
    return bool(document.get("errors") or document.get("error")) or any(
        first_text(each, _MAJOR).lower() not in ("", "success") for each in _statuses(document)
    )
