"""The shapes of the API's items, and of a whole exported state (`reconciler.state/1`).

A seed is read through these, so that what the sandbox serves is what the contract says.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.domain.vocabulary import (
    LABEL_LIMIT,
    PERSON_KEY_LIMIT,
    UNIT_KEY_LIMIT,
    UNIT_TITLE_LIMIT,
    Capability,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)

PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control characters: they cannot be shown, and not every database stores them."""

_VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"

LABEL = rf"^{_VISIBLE}(?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{_VISIBLE})?$"
"""One line without white space around it: what a manifest can say. The contract's own pattern looks
ahead, which pydantic cannot."""

ID_LIMIT: Final = 255
"""The characters that an id may have."""

Id = Annotated[str, Field(min_length=1, max_length=ID_LIMIT, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=255, pattern=PRINTABLE)]
PersonKey = Annotated[str, Field(min_length=1, max_length=PERSON_KEY_LIMIT, pattern=PRINTABLE)]
UnitKey = Annotated[str, Field(min_length=1, max_length=UNIT_KEY_LIMIT, pattern=PRINTABLE)]
Title = Annotated[str, Field(min_length=1, max_length=UNIT_TITLE_LIMIT, pattern=PRINTABLE)]
Label = Annotated[str, Field(min_length=1, max_length=LABEL_LIMIT, pattern=LABEL)]


def first_mistake(error: ValidationError) -> tuple[tuple[int | str, ...], str]:
    """Return where a document is wrong first, and how; never the input, which holds names."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return first["loc"], first["msg"]


class Shape(BaseModel):
    """A JSON object that is exactly as declared: no conversion, no member too many."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Ilp(Shape):
    """Whether the site uses individual learning plans, and has a template for them."""

    enabled: bool
    published_templates: Annotated[int, Field(ge=0)]


class SiteItem(Shape):
    """The site itself."""

    id: Id
    name: Text
    revision: int = 1
    actor: str | None = None
    capabilities: list[Capability] = Field(default_factory=list)
    ilp: Ilp


class ProfileItem(Shape):
    """A profile and the roles enabled on it."""

    id: Id
    name: Text
    roles: list[Role] = Field(default_factory=list)


class LabelsItem(Shape):
    """A role's labels; null is the platform's default."""

    role: Role
    tool_name: Label | None = None
    role_name: Label | None = None


class PersonItem(Shape):
    """A person; `profile` is the profile's id."""

    id: Id
    sync_key: PersonKey | None
    username: Text
    email: Text | None
    name: Text
    profile: Id
    active: bool


class UnitItem(Shape):
    """A unit of the hierarchy; the root has no parent."""

    id: Id
    sync_key: UnitKey | None
    kind: UnitKind
    title: Title
    parent: Id | None


class MembershipItem(Shape):
    """A person in a unit, from `begin` (inclusive) to `end` (exclusive)."""

    unit: Id
    person: Id
    role: MembershipRole
    primary: bool
    begin: date | None
    end: date | None


class RelationItem(Shape):
    """A learner's guardian."""

    person: Id
    learner: Id
    kind: Literal["guardian"]


class HolderItem(Shape):
    """A person who has been added to a role."""

    role: Role
    person: Id


class AssignmentItem(Shape):
    """Over whom a holder has the role."""

    role: Role
    person: Id
    kind: TargetKind
    target: Id


class StateDocument(Shape):
    """A whole site, as `reconciler export --state` writes it and a seed holds it."""

    format: Literal["reconciler.state/1"] = "reconciler.state/1"
    site: SiteItem
    profiles: list[ProfileItem]
    labels: list[LabelsItem] = Field(default_factory=list)
    people: list[PersonItem]
    units: list[UnitItem]
    memberships: list[MembershipItem]
    relations: list[RelationItem]
    holders: list[HolderItem]
    assignments: list[AssignmentItem]


ITEMS: Final[Mapping[str, type[Shape]]] = MappingProxyType(
    {
        "site": SiteItem,
        "profiles": ProfileItem,
        "labels": LabelsItem,
        "people": PersonItem,
        "units": UnitItem,
        "memberships": MembershipItem,
        "relations": RelationItem,
        "holders": HolderItem,
        "assignments": AssignmentItem,
    }
)
"""Per part of a saved state the shape of its items."""
