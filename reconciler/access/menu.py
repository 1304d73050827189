"""What a person's menu shows, and why (design, section 2, "Menu rule").

A person sees a role's entry when the role is enabled on their profile, they have been added, and
something is linked to them: for a mentor at least one learner, for a headteacher at least one
school or organisation. Who has both sees one entry only, Supervisor, under the headteacher's tool
name. An inactive account sees none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from reconciler.access.effective import Learners
from reconciler.directory import Directory, Keys
from reconciler.domain.assignments import Holder
from reconciler.domain.vocabulary import DEFAULT_LABELS, LabelField, MembershipRole, Role
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plain import first_of
from reconciler.state import Person, Site

LISTED: Final = 5
"""So many of the assigned units that have no learners are named."""


class Entry(StrEnum):
    """The entries that the menu rule can show."""

    MENTOR = "mentor"
    HEADTEACHER = "headteacher"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry, and the text that the site shows for it."""

    entry: Entry
    label: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition behind the menu: met or not, and if not, what to do."""

    code: str
    met: bool
    text: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A person's menu and every condition behind it."""

    person: str
    menu: tuple[MenuEntry, ...]
    conditions: tuple[Condition, ...]


def explain(directory: Directory, person: str, day: date) -> Explanation:
    """Explain the menu of a person (by id) on a day."""
    keys = Keys(directory, PersonKey.SYNC_KEY, UnitKey.SYNC_KEY)
    found = directory.people[person]
    words = {"person": keys.person(person), "profile": keys.profile(found.profile)}
    learners = Learners(directory, day)
    account = _judge(_ACCOUNT, found, words)
    conditions = [*account]
    shown = []
    for role in Role:
        given = _given(directory, learners, role, person)
        empty = _told_empty(directory, keys, given.empty, day)
        of_role = _judge(_OF_A_ROLE, given, {**words, **_WORDS[role], "empty": empty})
        if all(each.met for each in (*account, *of_role) if each.code not in _ONLY_TOLD):
            shown.append(role)
        conditions += of_role
    conditions += _judge(_ILP, directory.state.site, words)
    return Explanation(person, _menu(directory, shown), tuple(conditions))


def tool_name(directory: Directory, role: Role) -> str:
    """Return the menu text of a role: the site's own, else the platform's default."""
    for labels in directory.state.labels:
        if labels.role is role:
            return labels.value(LabelField.TOOL_NAME) or DEFAULT_LABELS[role]
    return DEFAULT_LABELS[role]


def _menu(directory: Directory, shown: list[Role]) -> tuple[MenuEntry, ...]:
    if not shown:
        return ()
    if len(shown) == len(Role):
        return (MenuEntry(Entry.SUPERVISOR, tool_name(directory, Role.HEADTEACHER)),)
    return (MenuEntry(Entry(shown[0].value), tool_name(directory, shown[0])),)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a person has been given of one role; `empty` are assigned units without learners."""

    enabled: bool
    added: bool
    linked: bool
    learners: bool
    empty: tuple[str, ...]


def _given(directory: Directory, learners: Learners, role: Role, person: str) -> _Given:
    own = sorted(
        found
        for found in directory.state.assignments
        if found.role is role and found.person == person
    )
    empty = tuple(found.target for found in own if not learners.of(found))
    return _Given(
        enabled=directory.has_role(role, person),
        added=Holder(role, person) in directory.state.holders,
        linked=bool(own),
        learners=len(empty) < len(own),
        empty=empty,
    )


def _told_empty(directory: Directory, keys: Keys, units: Iterable[str], day: date) -> str:
    """Name units without learners on a day, for the end of a sentence; "" where there are none."""
    by_key = sorted(units, key=keys.unit)
    if not by_key:
        return ""
    named = [f"{keys.unit(unit)}{_when(directory, unit, day)}" for unit in by_key[:LISTED]]
    return f" (on {day} none in {first_of(named, LISTED, len(by_key))})"


def _when(directory: Directory, unit: str, day: date) -> str:
    """Say when a unit that has no learners on a day will have some, or last had some."""
    below = directory.subtree([unit])
    spans = [
        (each.begin, each.end)
        for each in directory.state.memberships
        if each.role is MembershipRole.LEARNER
        and each.unit in below
        and not (each.begin and each.end and each.end <= each.begin)  # then it never holds
    ]
    begins = [begin for begin, _ in spans if begin and day < begin]
    if begins:
        return f" before {min(begins)}"
    ends = [end for _, end in spans if end and end <= day]
    return f" since {max(ends)}" if ends else ""


_Facts = TypeVar("_Facts")


@dataclass(frozen=True, slots=True)
class _Rule(Generic[_Facts]):
    """One row of the conditions: code, text and remedy with words left open, and the test."""

    code: str
    text: str
    remedy: str
    met: Callable[[_Facts], bool]


def _judge(
    rules: Iterable[_Rule[_Facts]], facts: _Facts, words: Mapping[str, str]
) -> list[Condition]:
    conditions = []
    for rule in rules:
        met = rule.met(facts)
        remedy = None if met else rule.remedy.format_map(words)
        conditions.append(
            Condition(rule.code.format_map(words), met, rule.text.format_map(words), remedy)
        )
    return conditions


# The rows (design, section 2, "Menu rule"). A remedy says what to do in the manifest, and what in
# the admin pages; where the manifest has no say, it says that.

_ACCOUNT: Final[tuple[_Rule[Person], ...]] = (
    _Rule(
        "account.active",
        "the account is active",
        "In the manifest: this cannot be done. In the admin pages: activate the account there, "
        "or in the student information system that it comes from.",
        lambda person: person.active,
    ),
)

_OF_A_ROLE: Final[tuple[_Rule[_Given], ...]] = (
    _Rule(
        "{role}.profile",
        "the {role} role is enabled on the profile {profile}",
        "Check that this is the person meant: it concerns everybody with the profile {profile}. "
        "In the manifest: add {profile} under roles.{role}.profiles. "
        "In the admin pages: enable the {role} role on the profile {profile}.",
        lambda given: given.enabled,
    ),
    _Rule(
        "{role}.added",
        "the person has been added as {role}",
        "In the manifest: add an entry for {person} under {role}s. "
        "In the admin pages: add the person on the {page} page.",
        lambda given: given.added,
    ),
    _Rule(
        "{role}.linked",
        "at least one {target} is assigned to the person",
        "In the manifest: name a {target} in the entry for {person} under {role}s. "
        "In the admin pages: assign one on the {page} page.",
        lambda given: given.linked,
    ),
    _Rule(
        "{role}.learners",
        "what is assigned to the person as {role} leads to at least one learner{empty}",
        "{aside}In the manifest: name a {filled} in the entry for {person} under {role}s. "
        "In the admin pages: assign one on the {page} page. The manifest cannot put learners into "
        "a unit: that is done in the student information system or the admin pages.",
        lambda given: given.learners,
    ),
)

_ONLY_TOLD: Final = frozenset({"headteacher.learners"})
"""The conditions of roles that no entry needs."""

_WORDS: Final[Mapping[Role, Mapping[str, str]]] = MappingProxyType(
    {
        Role.MENTOR: {
            "role": "mentor",
            "page": "Mentors",
            "target": "learner, class or group",
            "filled": "learner, or a class or group with learners,",
            "aside": "",
        },
        Role.HEADTEACHER: {
            "role": "headteacher",
            "page": "Headteachers",
            "target": "school or organisation",
            "filled": "school or organisation with learners",
            "aside": "The menu entry does not need it. ",
        },
    }
)

_ILP: Final[tuple[_Rule[Site], ...]] = (
    _Rule(
        "ilp.enabled",
        "individual learning plans (ILPs) are switched on for the site",
        "The menu entry does not need it. In the manifest: this cannot be done. "
        "In the admin pages: switch ILPs on, or ask the platform's administrator to.",
        lambda site: site.ilp_enabled,
    ),
    _Rule(
        "ilp.template",
        "at least one ILP template is published",
        "The menu entry does not need it. In the manifest: this cannot be done. "
        "In the admin pages: publish an ILP template.",
        lambda site: site.ilp_published_templates > 0,
    ),
)
