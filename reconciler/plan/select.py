"""Narrows a plan to some of its actions (`--only`), never to others than the plan has."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from reconciler.plan.model import Action


def select(actions: Sequence[Action], only: Iterable[str]) -> tuple[Action, ...]:
    """Return the actions that patterns choose, and the planned ones which those must wait for.

    A pattern is an address as people read it, or in ids; `*` and `?` stand for any text, slashes
    included: `mentor/t-0412*`. The order stays the plan's.

    Patterns that match nothing choose nothing; `unmatched` names them.
    """
    by_address = {action.address: action for action in actions}
    patterns = list(only)
    chosen = {
        action.address
        for action in actions
        if any(_matches(action, pattern) for pattern in patterns)
    }
    waiting = list(chosen)
    while waiting:
        for needed in by_address[waiting.pop()].requires:
            if needed not in chosen:
                chosen.add(needed)
                waiting.append(needed)
    return tuple(action for action in actions if action.address in chosen)


def unmatched(actions: Sequence[Action], only: Iterable[str]) -> list[str]:
    """Return the patterns that match no action."""
    return [pattern for pattern in only if not any(_matches(action, pattern) for action in actions)]


def _matches(action: Action, pattern: str) -> bool:
    return fnmatchcase(str(action.name), pattern) or fnmatchcase(str(action.address), pattern)
