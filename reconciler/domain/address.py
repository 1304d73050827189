"""Addresses: the one name of every thing the reconciler can change (design, section 5).

    profile/Staff/mentor              a role on a profile
    label/headteacher/tool_name       a label
    mentor/t-0412                     a holder: a person added to a role
    mentor/t-0412/class/8a            an assignment

Segments are percent-encoded. The API speaks addresses in ids, people read them in the manifest's
keys; the shape is the same.
"""

import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, unquote

from reconciler.domain.vocabulary import TARGET_KINDS, LabelField, Role, TargetKind


class AddressKind(StrEnum):
    """What kind of thing an address names."""

    PROFILE = "profile"
    LABEL = "label"
    HOLDER = "holder"
    ASSIGNMENT = "assignment"


class Address(NamedTuple):
    """The name of one changeable thing; sorts, hashes and prints the same everywhere.

    `parts` are the decoded segments: for a profile role (profile, role), for a label (role, field),
    for a holder (role, person), for an assignment (role, person, kind, target).
    """

    kind: AddressKind
    parts: tuple[str, ...]

    def __str__(self) -> str:
        segments = "/".join(self.parts)
        if not _UNRESERVED.fullmatch(segments) or segments.count("/") >= len(self.parts):
            segments = "/".join(quote(part, safe="") for part in self.parts)
        if self.kind in (AddressKind.PROFILE, AddressKind.LABEL):
            return f"{self.kind.value}/{segments}"
        return segments

    @classmethod
    def profile(cls, profile: str, role: str) -> "Address":
        """Name a role on a profile."""
        return cls(AddressKind.PROFILE, (profile, role))

    @classmethod
    def label(cls, role: str, field: str) -> "Address":
        """Name a label."""
        return cls(AddressKind.LABEL, (role, field))

    @classmethod
    def holder(cls, role: str, person: str) -> "Address":
        """Name a holder."""
        return cls(AddressKind.HOLDER, (role, person))

    @classmethod
    def assignment(cls, role: str, person: str, kind: str, target: str) -> "Address":
        """Name an assignment."""
        return cls(AddressKind.ASSIGNMENT, (role, person, kind, target))

    @property
    def people(self) -> tuple[int, ...]:
        """Which of its parts are people, in ids as in keys."""
        match self.kind, self.parts:
            case AddressKind.HOLDER, _:
                return (1,)
            case AddressKind.ASSIGNMENT, (_, _, TargetKind.LEARNER.value, _):
                return (1, 3)
            case AddressKind.ASSIGNMENT, _:
                return (1,)
        return ()

    @property
    def names_learner(self) -> bool:
        """Whether it is an assignment over one learner, and so has their id or key in it."""
        return self.kind is AddressKind.ASSIGNMENT and self.parts[2] == TargetKind.LEARNER.value

    def people_as(self, name: "Address") -> Iterator[tuple[str, str]]:
        """Yield its people, each with what the same address in keys calls them."""
        for place in self.people:
            yield self.parts[place], name.parts[place]

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address back from its text.

        Raises:
            ValueError: the text is not an address.
        """
        segments = tuple(map(sys.intern, text.split("/")))  # few words and people, many addresses
        if "%" in text:
            segments = tuple(unquote(part, errors="strict") for part in segments)
        match segments:
            case (role, person, kind, target) if (role, kind) in _TARGETS and person and target:
                return cls.assignment(role, person, kind, target)
            case ("profile", profile, role) if profile and role in _ROLES:
                return cls.profile(profile, role)
            case ("label", role, field) if role in _ROLES and field in _FIELDS:
                return cls.label(role, field)
            case (role, person) if role in _ROLES and person:
                return cls.holder(role, person)
            case _:
                raise ValueError(f"{text!r} is not an address")


_UNRESERVED = re.compile(r"[A-Za-z0-9_.~/-]*")
"""Segments that stay as they are, joined; hardly any text has to be looked at one by one."""

_ROLES = frozenset(role.value for role in Role)
_FIELDS = frozenset(field.value for field in LabelField)
_TARGETS = frozenset(
    (role.value, TargetKind(kind).value) for role, kinds in TARGET_KINDS.items() for kind in kinds
)
