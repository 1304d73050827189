"""A plan in parts, of which whoever applies it takes some and leaves others.

An action must wait for others (`reconciler.plan.order`), which may lie in another part. So whatever
is taken takes them along, and whatever is left leaves out what must wait for it: at every moment
the one and the other can be told apart, and what is taken can be applied.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from reconciler.domain.address import Address, AddressKind
from reconciler.plan.model import Action
from reconciler.plan.order import followers, reached
from reconciler.provider import Verb


class About(StrEnum):
    """What a part is about; in the order in which parts are gone through."""

    SETTINGS = "settings"
    SCHOOL = "school"
    PERSON = "person"
    ELSEWHERE = "elsewhere"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Part:
    """Actions that belong together.

    Attributes:
        about: settings; a school; a person; what lies in no school; roles that go off profiles,
            which must wait for those who have them.
        name: the key of the school or the person, else empty.
        actions: in the plan's order.
    """

    about: About
    name: str
    actions: tuple[Action, ...]

    @property
    def people(self) -> tuple["Part", ...]:
        """The same person by person; one or none where it is about no more."""
        return by_person(self.actions)


class _Place(NamedTuple):
    """Which part an action belongs to.

    Attributes:
        about: of what kind it is.
        name: the key of the school or the person.
        person: the person's id; a school's key is that of no other one.
    """

    about: About
    name: str = ""
    person: str = ""


_ELSEWHERE: Final = _Place(About.ELSEWHERE)


def by_person(actions: Iterable[Action]) -> tuple[Part, ...]:
    """Part actions person by person, whatever roles they have."""

    def place(action: Action) -> _Place:
        return _Place(About.PERSON, action.name.parts[1], action.address.parts[1])

    return _parted(actions, place)


def by_school(actions: Sequence[Action]) -> tuple[Part, ...]:
    """Part a plan's actions school by school, as units and learners lie on the plan's day.

    Who comes to several schools belongs to none of the parts, and is taken along by each. Who
    leaves several belongs to the last of them, where the others are decided.
    """
    places = {
        action.address: _ELSEWHERE if action.school is None else _Place(About.SCHOOL, action.school)
        for action in actions
        if action.school is not None or action.address.kind is AddressKind.ASSIGNMENT
    }
    joining: defaultdict[Address, set[_Place]] = defaultdict(set)
    for action in actions:
        if action.address in places and action.verb is Verb.ADD:
            for needed in action.requires:
                joining[needed].add(places[action.address])

    def place(action: Action) -> _Place | None:
        if action.address in places:
            return places[action.address]
        if action.verb is Verb.REMOVE:
            gone = [places[each] for each in action.requires if each in places]
            return max(gone, key=_order, default=_ELSEWHERE)
        found = joining[action.address] or {_ELSEWHERE}
        return next(iter(found)) if len(found) == 1 else None

    return _parted(actions, place)


def _order(place: _Place) -> tuple[int, str, str]:
    return list(About).index(place.about), place.name, place.person


def _parted(
    actions: Iterable[Action], place: Callable[[Action], _Place | None]
) -> tuple[Part, ...]:
    """Part actions by where they belong; settings are the same wherever the others do."""
    found: defaultdict[_Place, list[Action]] = defaultdict(list)
    for action in actions:
        match action.address.kind, action.verb:
            case AddressKind.PROFILE, Verb.REMOVE:
                at: _Place | None = _Place(About.DISABLED)
            case ((AddressKind.PROFILE | AddressKind.LABEL), _):
                at = _Place(About.SETTINGS)
            case _:
                at = place(action)
        if at is not None:
            found[at].append(action)
    return tuple(Part(at.about, at.name, tuple(found[at])) for at in sorted(found, key=_order))


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be decided of a part.

    Attributes:
        part: the part.
        number: which one it is, from 1.
        total: of how many.
        own: what of it is taken or left.
        along: what is taken with it, as it must come first.
        decided: how many of its actions an earlier part has taken along.
        held: what of it is left in any case, as it must wait for what was left.
    """

    part: Part
    number: int
    total: int
    own: tuple[Action, ...]
    along: tuple[Action, ...]
    decided: int
    held: tuple[Action, ...]


class Walk:
    """Goes through the parts of a plan, and keeps what is taken of it.

    Args:
        actions: all that may be taken; what is in no part is taken along alone.
        parts: in the order in which they are decided.
    """

    def __init__(self, actions: Iterable[Action], parts: Iterable[Part]) -> None:
        self._actions = {action.address: action for action in actions}
        self._places = {address: number for number, address in enumerate(self._actions)}
        self._needed: dict[Address, list[Address]] = {}
        for address, action in self._actions.items():
            self._needed[address] = [each for each in action.requires if each in self._actions]
        self._waiting = followers(self._actions.values())
        self._parts = list(parts)
        self._at = 0
        self._taken: set[Address] = set()
        self._left: set[Address] = set()
        self._steps: list[tuple[set[Address], set[Address]]] = []

    @property
    def offer(self) -> Offer | None:
        """What is to be decided now; None at the end."""
        if self._at == len(self._parts):
            return None
        part, own = self._parts[self._at], self._open()
        along = reached(own, self._needed, self._taken).difference(own)
        return Offer(
            part,
            self._at + 1,
            len(self._parts),
            tuple(self._actions[each] for each in own),
            tuple(self._actions[each] for each in sorted(along, key=self._places.__getitem__)),
            sum(action.address in self._taken for action in part.actions),
            tuple(action for action in part.actions if action.address in self._left),
        )

    @property
    def taken(self) -> int:
        """How many actions are taken."""
        return len(self._taken)

    @property
    def left(self) -> frozenset[Address]:
        """All that is not taken, by address."""
        return frozenset(self._actions.keys() - self._taken)

    def take(self) -> None:
        """Take what is offered, and what it must wait for."""
        self._step(reached(self._open(), self._needed, self._taken), set())

    def leave(self) -> None:
        """Leave what is offered, and what must wait for it."""
        self._step(set(), reached(self._open(), self._waiting, self._left))

    def take_rest(self) -> None:
        """Take what is offered and all that is still to come."""
        while self._at < len(self._parts):
            self.take()

    def leave_rest(self) -> None:
        """Leave what is offered and all that is still to come."""
        while self._at < len(self._parts):
            self.leave()

    def back(self) -> None:
        """Take the last decision back, if there is one."""
        while self._steps:
            taken, left = self._steps.pop()
            self._taken -= taken
            self._left -= left
            self._at -= 1
            if taken or left:
                return

    def split(self) -> None:
        """Go on person by person in what is offered."""
        self._parts[self._at : self._at + 1] = self._parts[self._at].people

    def _open(self) -> Sequence[Address]:
        """Return what of the part is neither taken nor left."""
        own = (action.address for action in self._parts[self._at].actions)
        return [each for each in own if each not in self._taken and each not in self._left]

    def _step(self, taken: set[Address], left: set[Address]) -> None:
        self._taken |= taken
        self._left |= left
        self._steps.append((taken, left))
        self._at += 1
