"""Narrows a plan to some of its actions (`--only`), never to others than the plan has."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from reconciler.domain.address import Address
from reconciler.errors import WrongUse
from reconciler.plan.model import Action


def select(actions: Sequence[Action], only: Iterable[str]) -> tuple[Action, ...]:
    """Return the actions that patterns choose, and the planned ones which those must wait for.

    A pattern is an address as people read it, or in ids; `*` and `?` stand for any text, slashes
    included: `mentor/t-0412*`. The order stays the plan's.

    Raises:
        WrongUse: a pattern matches no action.
    """
    by_address = {action.address: action for action in actions}
    chosen: set[Address] = set()
    for pattern in only:
        matching = [action.address for action in actions if _matches(action, pattern)]
        if not matching:
            raise WrongUse(
                f"--only {pattern} matches no action of the plan.",
                "See the addresses with `reconciler show PLAN`.",
            )
        chosen.update(matching)
    waiting = list(chosen)
    while waiting:
        for needed in by_address[waiting.pop()].requires:
            if needed not in chosen:
                chosen.add(needed)
                waiting.append(needed)
    return tuple(action for action in actions if action.address in chosen)


def _matches(action: Action, pattern: str) -> bool:
    return fnmatchcase(str(action.name), pattern) or fnmatchcase(str(action.address), pattern)
