"""Narrows a plan to some of its actions (`--only`, `--except`), never to others than it has."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.domain.address import Address
from reconciler.errors import WrongUse
from reconciler.plan.model import Action


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for of a plan: all of it, unless patterns say less.

    A pattern is an address as people read it or, where no action has such a name, in ids; `*` and
    `?` stand for any text, slashes included: `mentor/t-0412*`.

    Attributes:
        only: patterns of what is wanted; none of them wants everything.
        excepted: patterns of what is not.
    """

    only: Sequence[str] = ()
    excepted: Sequence[str] = ()

    @property
    def narrows(self) -> bool:
        """Whether it may ask for less than everything."""
        return bool(self.only or self.excepted)

    def unmatched(self, actions: Sequence[Action]) -> list[str]:
        """Return the options whose patterns match no action, as they are written: `--only x`."""
        given = [("--only", pattern) for pattern in self.only]
        given += [("--except", pattern) for pattern in self.excepted]
        return [f"{option} {pattern}" for option, pattern in given if not _chosen(actions, pattern)]

    def asks_for(self, name: Address) -> bool:
        """Whether something of that name, as people read it, is asked for by itself."""
        wanted = not self.only or any(fnmatchcase(str(name), each) for each in self.only)
        return wanted and not any(fnmatchcase(str(name), each) for each in self.excepted)

    def of(self, actions: Sequence[Action], site: str) -> tuple[Action, ...]:
        """Return the actions that are asked for, in the plan's order.

        What a wanted action must wait for is taken along, and may not be left out.

        Args:
            actions: all of the plan.
            site: the id of its site.

        Raises:
            WrongUse: an action would be left without what it must wait for.
        """
        selected = _closure(actions, self.only) if self.only else tuple(actions)
        out = {each.address: each for each in _all_chosen(selected, self.excepted)}
        left = tuple(action for action in selected if action.address not in out)
        for action in left:
            for needed in action.requires:
                if needed in out:
                    other = out[needed]
                    raise WrongUse(
                        f"{action.name} must wait for {other.name}, which --except leaves out.",
                        f"Leave both out, with --except '{action.name}' as well.",
                    ).naming(
                        site,
                        (
                            *action.address.people_as(action.name),
                            *other.address.people_as(other.name),
                        ),
                    )
        return left


def _closure(actions: Sequence[Action], only: Iterable[str]) -> tuple[Action, ...]:
    """Return the actions that patterns choose, and the planned ones which those must wait for."""
    by_address = {action.address: action for action in actions}
    chosen = {action.address for action in _all_chosen(actions, only)}
    waiting = list(chosen)
    while waiting:
        for needed in by_address[waiting.pop()].requires:
            if needed not in chosen:
                chosen.add(needed)
                waiting.append(needed)
    return tuple(action for action in actions if action.address in chosen)


def _all_chosen(actions: Sequence[Action], patterns: Iterable[str]) -> Iterator[Action]:
    for pattern in patterns:
        yield from _chosen(actions, pattern)


def _chosen(actions: Sequence[Action], pattern: str) -> list[Action]:
    """Choose by the names that people read; by ids only what no name would be."""
    named = [action for action in actions if fnmatchcase(str(action.name), pattern)]
    return named or [action for action in actions if fnmatchcase(str(action.address), pattern)]
