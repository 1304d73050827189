"""Roles, kinds and limits of the platform (design, section 2).

Everything that both the client and the sandbox must spell the same way stands here, once.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Word(StrEnum):
    """A word that both sides spell the same.

    It is looked up a million times in a run, so its hash is the text's own, without a call of
    Python's for each.
    """

    __hash__ = str.__hash__


class Role(Word):
    """A supervising role."""

    MENTOR = "mentor"
    HEADTEACHER = "headteacher"


class TargetKind(Word):
    """What an assignment points at: one learner, or a unit of some kind."""

    LEARNER = "learner"
    CLASS = "class"
    GROUP = "group"
    SCHOOL = "school"
    ORGANISATION = "organisation"


class UnitKind(Word):
    """The kind of a unit in the site's hierarchy."""

    ORGANISATION = "organisation"
    SCHOOL = "school"
    CLASS = "class"
    GROUP = "group"


class MembershipRole(Word):
    """What a person is in a unit."""

    LEARNER = "learner"
    TEACHER = "teacher"
    ADMINISTRATOR = "administrator"


class LabelField(Word):
    """The two texts that a site may rename per role."""

    TOOL_NAME = "tool_name"
    ROLE_NAME = "role_name"


class MovedKind(Word):
    """What can have another key than before (`moved` in the manifest)."""

    UNIT = "unit"
    PERSON = "person"


class Capability(Word):
    """What a provider can do beyond reading; an action outside it is reported as manual."""

    PROFILES = "profiles"
    LABELS = "labels"
    HOLDERS = "holders"
    ASSIGNMENTS = "assignments"
    EVENTS = "events"


TARGET_KINDS: Final[Mapping[Role, tuple[TargetKind, ...]]] = MappingProxyType(
    {
        Role.MENTOR: (TargetKind.CLASS, TargetKind.GROUP, TargetKind.LEARNER),
        Role.HEADTEACHER: (TargetKind.SCHOOL, TargetKind.ORGANISATION),
    }
)
"""The kinds that each role may be assigned, in the order in which they are shown."""

DEFAULT_LABELS: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.MENTOR: "Mentor", Role.HEADTEACHER: "Headteacher"}
)
"""What the platform shows where a label is not set."""

UNIT_KEY_LIMIT: Final = 255
UNIT_TITLE_LIMIT: Final = 64
PERSON_KEY_LIMIT: Final = 64
LABEL_LIMIT: Final = 64
BATCH_LIMIT: Final = 500
"""The most changes that one `POST /v1/changes` takes (design, section 6)."""
