"""The bodies that the API takes, checked as the OpenAPI document describes them."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from reconciler.domain.vocabulary import BATCH_LIMIT
from reconciler.sandbox.changes import Change, ExpectPresent, ExpectValue, Verb, read_address
from reconciler.sandbox.items import Shape, first_mistake
from reconciler.sandbox.problems import Problem

KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
"""An idempotency key, in a header as in a batch: visible ASCII."""

Body = TypeVar("Body", bound=Shape)


class PresentExpectation(Shape):
    """`{"present": true}` or `{"present": false}`."""

    present: bool


class ValueExpectation(Shape):
    """`{"value": "…"}` or `{"value": null}`."""

    value: str | None


class ChangeBody(Shape):
    """One change of a batch."""

    id: Annotated[str, Field(min_length=1, max_length=255)]
    idempotency_key: Annotated[str, Field(pattern=KEY_PATTERN)]
    address: str
    verb: Literal["add", "remove", "change"]
    value: str | None = None
    expect: PresentExpectation | ValueExpectation = Field(
        default=None,  # type: ignore[assignment]  # absent is None, an explicit null is refused
    )

    def change(self) -> Change:
        """Return the change that is asked for.

        Raises:
            Problem: its address or its value is not valid.
        """
        address = read_address(self.address)
        verb = Verb(self.verb)
        if (verb is Verb.CHANGE) != ("value" in self.model_fields_set):
            raise Problem(
                "invalid_value", "'change' needs a value, and nothing else has one", address=address
            )
        expect: ExpectPresent | ExpectValue | None = None
        match self.expect:
            case PresentExpectation(present=present):
                expect = ExpectPresent(present)
            case ValueExpectation(value=value):
                expect = ExpectValue(value)
        return Change(address, verb, self.value, expect)


class ChangesBody(Shape):
    """A batch of changes."""

    changes: list[ChangeBody]


class LabelsBody(Shape):
    """A merge patch of a role's labels; null resets one, an absent one stays."""

    tool_name: str | None = None
    role_name: str | None = None


def read_body(shape: type[Body], body: bytes) -> Body:
    """Read a JSON body.

    Raises:
        Problem: it is not JSON, or not of that shape; the detail names the first place.
    """
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        where, what = first_mistake(error)
        place = ".".join(map(str, where)) or "the body"
        raise Problem("invalid_body", f"{place}: {what}") from None


def read_changes(body: bytes) -> list[ChangeBody]:
    """Read a batch.

    Raises:
        Problem: it is not valid as a whole, too long, or has one id twice.
    """
    changes = read_body(ChangesBody, body).changes
    if len(changes) > BATCH_LIMIT:
        raise Problem(
            "too_many_changes", f"{len(changes)} changes; a request takes at most {BATCH_LIMIT}"
        )
    seen: set[str] = set()
    for change in changes:
        if change.id in seen:
            raise Problem("duplicate_change_id", f"the id {change.id} stands twice")
        seen.add(change.id)
    return changes
