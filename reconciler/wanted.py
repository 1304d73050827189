"""The assignments that are wanted on a day, and why; each has one cause.

Most of a million stand in a list of the manifest and say only their target. Those are kept as that
list and its ids, and their causes are made when they are asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from reconciler.cause import Cause, CauseKind
from reconciler.domain.assignments import NO_TARGETS, Assignment, Assignments, Holder, Targets
from reconciler.manifest.model import Listed


class Resolved(NamedTuple):
    """A list of the manifest, and the ids of its targets.

    Attributes:
        listed: the list.
        targets: the ids in its order.
        sorted: the ids in theirs.
    """

    listed: Listed
    targets: Sequence[str]
    sorted: tuple[str, ...]

    @classmethod
    def of(cls, listed: Listed, targets: Sequence[str], live: tuple[str, ...]) -> Self:
        """Make one beside what is live of the kind: where that is the same, it is shared."""
        in_order = tuple(sorted(targets))
        return cls(listed, targets, live if in_order == live else in_order)


class Wanted(Mapping[Assignment, Cause]):
    """Why each wanted assignment is wanted.

    Args:
        lists: per holder the lists whose targets are all wanted; no target stands in them twice.
        single: the other assignments, with their causes; where a list has one too, that counts.

    Attributes:
        all: the assignments themselves.
    """

    def __init__(
        self,
        lists: Mapping[Holder, Sequence[Resolved]],
        single: Mapping[Assignment, Cause],
    ) -> None:
        self._lists = lists
        self._single = single
        by_holder: dict[Holder, Targets] = {
            holder: {each.listed.kind: each.sorted for each in resolved}
            for holder, resolved in lists.items()
            if resolved
        }
        for holder, kind, targets in Assignments.of(single).groups():
            listed = by_holder.get(holder, NO_TARGETS)
            joined = tuple(sorted({*targets, *listed.get(kind, ())}))
            by_holder[holder] = {**listed, kind: joined}
        self.all = Assignments(by_holder)

    def __getitem__(self, assignment: Assignment) -> Cause:
        cause = self.causes(assignment.holder)(assignment)
        if cause is None:
            raise KeyError(assignment)
        return cause

    def causes(self, holder: Holder) -> Callable[[Assignment], Cause | None]:
        """Return what tells the causes of one holder's assignments, however many are asked for."""
        lists = [
            (each, {target: number for number, target in enumerate(each.targets)})
            for each in self._lists.get(holder, ())
        ]

        def cause(assignment: Assignment) -> Cause | None:
            for each, numbers in lists:
                number = numbers.get(assignment.target)
                if number is not None and each.listed.kind is assignment.kind:
                    return _declared(each, number)
            return self._single.get(assignment)

        return cause

    def __iter__(self) -> Iterator[Assignment]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


def _declared(resolved: Resolved, number: int) -> Cause:
    return Cause(CauseKind.DECLARED, resolved.listed.position(number))
