"""What a text tells of a list that is too long to be read: counts, and who has most of it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from datetime import datetime
from heapq import nsmallest
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeVar

from reconciler.access.changes import AccessChange
from reconciler.apply.outcome import ActionOutcome
from reconciler.codes import CODES
from reconciler.diagnostics import Diagnostic
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.plain import count
from reconciler.plan.model import Action, Plan
from reconciler.provider import Verb
from reconciler.reports.view import Group, Row, subject_of, title

LONG: Final = 1_000
"""A list of more lines is counted in a text instead, unless all of it is asked for."""

FEW: Final = 100
"""So many of a kind are listed even where the rest of their list is only counted."""

NAMED: Final = 10
"""So many are named of those that have most of something."""

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


def gaining_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """Name who gains sight of learners, and of how many: all of few, else those with most."""
    return _ranked(
        (plan.people[each.person], len(each.gained)) for each in plan.access if each.gained
    )


def losing_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """Name who loses sight of learners, and of how many: all of few, else those with most."""
    return _ranked((plan.people[each.person], len(each.lost)) for each in plan.access if each.lost)


def _ranked(found: Iterable[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    everybody = list(found)
    shown = len(everybody) if len(everybody) <= FEW else NAMED
    for person, number in nsmallest(shown, everybody, key=lambda each: (-each[1], each[0])):
        yield person, count(number, "learner")
    if shown < len(everybody):
        yield f"… and {len(everybody) - shown:,} more", ""


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
                Row(verb, words, people)
                for verb in Verb
                for words, people in _kinds(found[role][verb])
            ),
            sum(map(len, found[role].values())),
        )
        for role in _ROLES
        if role in found
    ]


class Told(NamedTuple):
    """What is counted of an item of a list.

    Attributes:
        name: its address, in the manifest's keys.
        note: what is said of it; items of which something else is said are counted apart.
        at: when it happened, where that is known.
    """

    name: Address
    note: str = ""
    at: datetime | None = None


def told_of_action(action: Action) -> Told:
    """Say of an action what is done."""
    return Told(action.name, action.verb)


Item = TypeVar("Item")


def few_of_a_kind(items: Sequence[Item], told: Callable[[Item], Told]) -> list[Item]:
    """Return those of which there are few of one kind, and of which the same is said.

    They are listed even where the others are counted: among many, nobody would look for them.
    """
    kinds = [(_role(each.name), _kind(each.name), each.note) for each in map(told, items)]
    sizes = Counter(kinds)
    return [
        item
        for item, kind in zip(items, kinds, strict=True)
        if sizes[kind] <= (LONG if kind[0] == _SETTINGS else FEW)
    ]


def tally_rows(found: Iterable[Told]) -> list[tuple[str, str]]:
    """Count what there is of what, role by role, and what is said of it; with first and last."""
    groups: defaultdict[tuple[int, str], list[Told]] = defaultdict(list)
    for each in found:
        groups[_ROLES.index(_role(each.name)), each.note].append(each)
    return [
        (_ROLES[role], "; ".join(filter(None, (_counted(told), note, _times(told)))))
        for (role, note), told in sorted(groups.items(), key=lambda each: each[0])
    ]


def _counted(told: Iterable[Told]) -> str:
    kinds = _kinds(each.name for each in told)
    return ", ".join(f"{words} {people}".rstrip() for words, people in kinds)


def _times(told: Iterable[Told]) -> str:
    times = sorted(each.at for each in told if each.at is not None)
    if not times:
        return ""
    first, last = (each.isoformat(sep=" ", timespec="seconds") for each in (times[0], times[-1]))
    return f"at {first}" if first == last else f"from {first} to {last}"


def reason_rows(open_ends: Iterable[ActionOutcome]) -> list[tuple[str, str]]:
    """Count why actions have not the outcome that they should, the most frequent reasons first."""
    counts = Counter(each.detail for each in open_ends if each.detail)
    rows = [(f"{number:,} times", detail) for detail, number in counts.most_common(NAMED)]
    more = len(counts) - len(rows)
    return [*rows, *([("", f"… and {count(more, 'other reason')}")] if more else [])]


def busiest_rows(found: Iterable[Address], *noun: str) -> list[tuple[str, str]]:
    """Name the holders about whom most is said, and how often."""
    counts = Counter(subject_of(name) for name in found if _role(name) != _SETTINGS)
    most = nsmallest(NAMED, counts.items(), key=lambda each: (-each[1], each[0]))
    return [(title(subject), count(number, *noun)) for subject, number in most]


def _role(name: Address) -> str:
    return _SETTINGS if name.kind in (AddressKind.PROFILE, AddressKind.LABEL) else name.parts[0]


def _kind(name: Address) -> str:
    if name.kind is AddressKind.ASSIGNMENT:
        return TargetKind(name.parts[2]).value
    return name.kind.value


def _kinds(found: Iterable[Address]) -> list[tuple[str, str]]:
    """Count of each kind of thing how many there are, and of how many people."""
    names: defaultdict[str, list[Address]] = defaultdict(list)
    for name in found:
        names[_kind(name)].append(name)
    return [
        (count(len(names[kind]), *nouns), _of_people(names[kind]))
        for kind, nouns in _NOUNS.items()
        if kind in names
    ]


def _of_people(found: Iterable[Address]) -> str:
    """Say how many people some holders and assignments are of."""
    people = {name.parts[1] for name in found if name.kind is AddressKind.ASSIGNMENT}
    return f"of {count(len(people), 'person', 'people')}" if people else ""
