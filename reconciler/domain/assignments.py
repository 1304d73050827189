"""Who has a role over whom: holders, assignments, and sets of them (design, section 2).

A large site has a million assignments. A set of them is kept by holder, as sorted ids: that takes a
tenth of the memory of a million objects, and two sets are compared holder by holder.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self, TypeAlias

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role, TargetKind

# A large plan reads its addresses many times, and to call an enum takes long.
_ROLES: Final[Mapping[str, Role]] = MappingProxyType({role.value: role for role in Role})
_KINDS: Final[Mapping[str, TargetKind]] = MappingProxyType(
    {kind.value: kind for kind in TargetKind}
)


class Holder(NamedTuple):
    """A person who has been added to a role."""

    role: Role
    person: str

    @classmethod
    def at(cls, address: Address) -> "Holder":
        """Read the holder out of the address, in ids, of a holder or an assignment."""
        return cls(_ROLES[address.parts[0]], address.parts[1])


class Assignment(NamedTuple):
    """Over whom a holder has the role."""

    role: Role
    person: str
    kind: TargetKind
    target: str

    @property
    def holder(self) -> Holder:
        """The holder it belongs to."""
        return Holder(self.role, self.person)

    @classmethod
    def at(cls, address: Address) -> "Assignment":
        """Read an assignment's address, in ids, back as the assignment."""
        role, person, kind, target = address.parts
        return cls(_ROLES[role], person, _KINDS[kind], target)


Targets: TypeAlias = Mapping[TargetKind, tuple[str, ...]]
"""What one holder is assigned: the targets' ids of each kind, sorted; no kind without any."""

NO_TARGETS: Final[Targets] = MappingProxyType({})


_Ids: TypeAlias = tuple[str, ...]
"""Sorted ids, none of them twice."""


def _common(own: _Ids, others: _Ids) -> _Ids:
    if own == others:
        return own
    found = frozenset(others)
    return tuple(each for each in own if each in found)


def _either(own: _Ids, others: _Ids) -> _Ids:
    if not others or own == others:
        return own
    return tuple(sorted({*own, *others})) if own else others


def _without(own: _Ids, others: _Ids) -> _Ids:
    if not others:
        return own
    found = frozenset(others)
    return tuple(each for each in own if each not in found)


class Assignments(AbstractSet[Assignment]):
    """A set of assignments that never changes.

    Args:
        by_holder: per holder with any what they are assigned.
    """

    __slots__ = ("_by_holder", "_roles", "_size")

    def __init__(self, by_holder: Mapping[Holder, Targets]) -> None:
        self._by_holder = by_holder
        self._roles = frozenset(holder.role for holder in by_holder)
        self._size = sum(len(targets) for kinds in by_holder.values() for targets in kinds.values())

    @classmethod
    def of(cls, assignments: Iterable[Assignment]) -> Self:
        """Make a set of single assignments, where one may stand twice; a set stays the same."""
        if isinstance(assignments, cls):
            return assignments
        found: defaultdict[Holder, defaultdict[TargetKind, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )
        for role, person, kind, target in assignments:
            found[Holder(role, person)][kind].add(target)
        return cls(
            {
                holder: {kind: tuple(sorted(targets)) for kind, targets in kinds.items()}
                for holder, kinds in found.items()
            }
        )

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> AbstractSet[Any]:
        # What the operators of `Set` make their results by.
        return cls.of(it)

    def __contains__(self, assignment: object) -> bool:
        if not isinstance(assignment, Assignment):
            return False
        targets = self.targets(assignment.holder).get(assignment.kind, ())
        at = bisect_left(targets, assignment.target)
        return at < len(targets) and targets[at] == assignment.target

    def __iter__(self) -> Iterator[Assignment]:
        for (role, person), kinds in self._by_holder.items():
            for kind, targets in kinds.items():
                for target in targets:
                    yield Assignment(role, person, kind, target)

    def __len__(self) -> int:
        return self._size

    __hash__ = AbstractSet._hash  # noqa: SLF001 - what `Set` has for sets that never change

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Assignments):
            return self._by_holder == other._by_holder
        return super().__eq__(other)

    def __and__(self, other: AbstractSet[Any]) -> "Assignments":
        if other is self:
            return self
        if not isinstance(other, Assignments):
            return self.of(super().__and__(other))
        return self._joined(other, self._by_holder.keys() & other.holders, _common)

    def __or__(self, other: AbstractSet[Any]) -> "Assignments":
        more = self.of(other)
        if not self or not more:
            return self or more
        return self._joined(more, self._by_holder.keys() | more.holders, _either)

    def __sub__(self, other: AbstractSet[Any]) -> "Assignments":
        if not isinstance(other, Assignments):
            return self.of(super().__sub__(other))
        if other is self:
            return NO_ASSIGNMENTS
        differing = (
            holder for holder, kinds in self._by_holder.items() if kinds != other.targets(holder)
        )
        return self._joined(other, differing, _without)

    def __xor__(self, other: AbstractSet[Any]) -> "Assignments":
        more = self.of(other)
        return (self - more) | (more - self)

    def _joined(
        self,
        other: "Assignments",
        holders: Iterable[Holder],
        join: Callable[[_Ids, _Ids], _Ids],
    ) -> "Assignments":
        made: dict[Holder, Targets] = {}
        for holder in holders:
            own, others = self.targets(holder), other.targets(holder)
            targets = {
                kind: found
                for kind in {**own, **others}
                if (found := join(own.get(kind, ()), others.get(kind, ())))
            }
            if targets:
                made[holder] = targets
        return Assignments(made)

    @property
    def holders(self) -> AbstractSet[Holder]:
        """Those who have any."""
        return self._by_holder.keys()

    def targets(self, holder: Holder) -> Targets:
        """Return what one holder is assigned."""
        return self._by_holder.get(holder, NO_TARGETS)

    def differing(self, other: "Assignments") -> AbstractSet[Holder]:
        """Return the holders who have not the same in both."""
        theirs = {
            holder
            for holder, kinds in other._by_holder.items()  # noqa: SLF001 - its own kind
            if kinds != self.targets(holder)
        }
        return theirs | (self._by_holder.keys() - other.holders)

    def of_holders(self, keep: Callable[[Holder], bool]) -> "Assignments":
        """Return those of some holders."""
        kept = {holder: kinds for holder, kinds in self._by_holder.items() if keep(holder)}
        return self if len(kept) == len(self._by_holder) else Assignments(kept)

    def groups(self) -> Iterator[tuple[Holder, TargetKind, tuple[str, ...]]]:
        """Yield, for each holder and kind that there is, the targets."""
        for holder, kinds in self._by_holder.items():
            for kind, targets in kinds.items():
                yield holder, kind, targets

    def of_role(self, *roles: Role) -> "Assignments":
        """Return those of some roles."""
        if self._roles.issubset(roles):
            return self
        return self.of_holders(lambda holder: holder.role in roles)

    def changed(self, added: Iterable[Assignment], removed: Iterable[Assignment]) -> "Assignments":
        """Return the set with some more and without some others."""
        more, less = self.of(added), self.of(removed)
        touched = {*more.holders, *less.holders}
        if not touched:
            return self
        now = (self.of_holders(touched.__contains__) - less) | more
        made = {**self._by_holder, **{holder: now.targets(holder) for holder in touched}}
        return Assignments({holder: kinds for holder, kinds in made.items() if kinds})


NO_ASSIGNMENTS: Final = Assignments({})
