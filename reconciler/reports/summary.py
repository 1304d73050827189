"""What a text tells of a list that is too long to be read: counts, and who has most of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sized
from heapq import nsmallest
from types import MappingProxyType
from typing import Final, Protocol

from reconciler.access.changes import AccessChange
from reconciler.diagnostics import CODES, Diagnostic
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.plain import count
from reconciler.plan.model import Action, Plan
from reconciler.provider import Verb
from reconciler.reports.view import Group, Row, subject_of, title

LONG: Final = 1_000
"""A list of more lines is counted in a text instead, unless all of it is asked for."""

NAMED: Final = 10
"""So many holders or units are named of those that have most of something."""

_SETTINGS: Final = title((0, "", ""))
_ROLES: Final = (_SETTINGS, *(role.value for role in Role))
_NOUNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        AddressKind.PROFILE.value: ("profile",),
        AddressKind.LABEL.value: ("label",),
        AddressKind.HOLDER.value: ("holder",),
        **{kind.value: (kind.value,) for kind in TargetKind},
        TargetKind.CLASS.value: ("class", "classes"),
    }
)
"""What things are called that are counted, in the order in which they are told."""


class Named(Protocol):
    """Something at an address."""

    @property
    def name(self) -> Address:
        """The address in the manifest's keys."""
        ...


class Lists:
    """Decides which lists of a text are told line by line, and remembers whether one was not.

    Args:
        full: whether all of them are.
    """

    def __init__(self, *, full: bool) -> None:
        self._full = full
        self._counted = False

    def counts(self, listed: Sized) -> bool:
        """Whether a list is counted only, as it is too long to be read."""
        if self._full or len(listed) <= LONG:
            return False
        self._counted = True
        return True

    def hint(self, narrower: str = "") -> str | None:
        """Say how to see what was only counted, if anything was.

        Args:
            narrower: another way, to see a part of it.
        """
        if not self._counted:
            return None
        return f"What has more than {LONG:,} lines is counted here; --full lists it.{narrower}"


def warning_rows(found: Iterable[Diagnostic]) -> list[tuple[str, str]]:
    """Count diagnostics code by code."""
    counts = Counter(each.code for each in found)
    return [(code, f"{counts[code]:,}: {CODES[code].title}") for code in sorted(counts)]


def largest_access_rows(plan: Plan) -> list[tuple[str, str]]:
    """Name those who gain and lose sight of most learners, and of how many."""
    most = nsmallest(
        NAMED,
        plan.access,
        key=lambda each: (-len(each.gained) - len(each.lost), plan.people[each.person]),
    )
    return [(plan.people[each.person], sight(each)) for each in most]


def sight(change: AccessChange) -> str:
    """Say of how many learners somebody gains and loses sight."""
    parts = (("gains", change.gained), ("loses", change.lost))
    return ", ".join(f"{word} {count(len(ids), 'learner')}" for word, ids in parts if ids)


def summary_groups(actions: Iterable[Action]) -> list[Group]:
    """Count actions: by role, then by what is done, and to what."""
    found: defaultdict[str, defaultdict[Verb, list[Address]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for action in actions:
        found[_role(action.name)][action.verb].append(action.name)
    return [
        Group(
            role,
            tuple(
                Row(verb, words, _of_people(found[role][verb]))
                for verb in Verb
                for words in _kinds(found[role][verb])
            ),
            sum(map(len, found[role].values())),
        )
        for role in _ROLES
        if role in found
    ]


def tally_rows(found: Iterable[Address]) -> list[tuple[str, str]]:
    """Count what some addresses name, role by role."""
    by_role: defaultdict[str, list[Address]] = defaultdict(list)
    for name in found:
        by_role[_role(name)].append(name)
    return [
        (role, f"{', '.join(_kinds(by_role[role]))}, {_of_people(by_role[role])}".rstrip(", "))
        for role in _ROLES
        if role in by_role
    ]


def busiest_rows(found: Iterable[Address], *noun: str) -> list[tuple[str, str]]:
    """Name the holders about whom most is said, and how often."""
    counts = Counter(subject_of(name) for name in found if _role(name) != _SETTINGS)
    most = nsmallest(NAMED, counts.items(), key=lambda each: (-each[1], each[0]))
    return [(title(subject), count(number, *noun)) for subject, number in most]


def _role(name: Address) -> str:
    return _SETTINGS if name.kind in (AddressKind.PROFILE, AddressKind.LABEL) else name.parts[0]


def _kinds(found: Iterable[Address]) -> list[str]:
    """Count of each kind of thing how many there are."""
    counts = Counter(
        TargetKind(name.parts[2]).value if name.kind is AddressKind.ASSIGNMENT else name.kind.value
        for name in found
    )
    return [count(counts[kind], *nouns) for kind, nouns in _NOUNS.items() if counts[kind]]


def _of_people(found: Iterable[Address]) -> str:
    """Say how many people some holders and assignments are of."""
    people = {name.parts[1] for name in found if _role(name) != _SETTINGS}
    return f"of {count(len(people), 'person', 'people')}" if people else ""
