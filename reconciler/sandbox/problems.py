"""Problem details (RFC 9457): everything the API can refuse, in one table.

The OpenAPI document lists the same codes; a test compares the two.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from starlette.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"


class _Kind(NamedTuple):
    status: int
    title: str


PROBLEMS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "unauthorised": _Kind(401, "A valid access token is needed"),
        "insufficient_scope": _Kind(403, "The token's scope does not allow this"),
        "not_supported": _Kind(403, "This site does not offer that"),
        "not_found": _Kind(404, "There is nothing here"),
        "method_not_allowed": _Kind(405, "The method is not allowed here"),
        "role_not_enabled": _Kind(409, "The role is not enabled on the person's profile"),
        "not_a_holder": _Kind(409, "The person has not been added to the role"),
        "has_assignments": _Kind(409, "The holder still has assignments"),
        "cursor_expired": _Kind(410, "The collection has changed since the cursor was made"),
        "precondition_failed": _Kind(412, "The site is not at that revision"),
        "expectation_failed": _Kind(412, "The address is not as expected"),
        "body_too_large": _Kind(413, "The request's body is too large"),
        "unsupported_media_type": _Kind(415, "The body is of another media type"),
        "invalid_parameter": _Kind(422, "A parameter is not valid"),
        "invalid_cursor": _Kind(422, "The cursor is not one of this collection's"),
        "invalid_address": _Kind(422, "That is not an address"),
        "invalid_body": _Kind(422, "The request's body is not valid"),
        "invalid_value": _Kind(422, "The value is not valid here"),
        "invalid_expectation": _Kind(422, "The expectation does not fit the address"),
        "verb_not_allowed": _Kind(422, "The verb does not fit the address"),
        "unknown_person": _Kind(422, "Unknown person"),
        "unknown_profile": _Kind(422, "Unknown profile"),
        "unknown_target": _Kind(422, "Unknown target"),
        "kind_not_allowed": _Kind(422, "The role cannot be assigned that kind of target"),
        "kind_mismatch": _Kind(422, "The unit is of another kind"),
        "not_a_learner": _Kind(422, "The person is not a learner"),
        "too_many_changes": _Kind(422, "Too many changes in one request"),
        "duplicate_change_id": _Kind(422, "Two changes have the same id"),
        "idempotency_key_reused": _Kind(422, "The idempotency key was used for something else"),
        "too_many_requests": _Kind(429, "Too many requests"),
        "internal_error": _Kind(500, "The server failed"),
        "unavailable": _Kind(503, "The server cannot answer now"),
    }
)


class Problem(Exception):
    """A refusal, raised anywhere and answered as problem details.

    Attributes:
        status: the HTTP status that belongs to the code.
        detail: a sentence for people; it never holds a person's name.
        address: the address concerned, where there is one.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        address: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status, self._title = PROBLEMS[code]
        self.detail = detail
        self.address = None if address is None else str(address)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the problem as a JSON object."""
        members: dict[str, Any] = {
            "type": f"urn:reconciler:problem:{self.code}",
            "title": self._title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.address is not None:
            members["address"] = self.address
        return members

    def response(self) -> JSONResponse:
        """Return the problem as an answer."""
        return JSONResponse(
            self.document(), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )
