"""Narrows a plan to some of its actions (`--only`, `--except`, or one by one); never to others."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.errors import WrongUse
from reconciler.plan.model import Action
from reconciler.plan.order import reached
from reconciler.provider import Verb
from reconciler.suggest import did_you_mean

WITHIN: Final = "within:"
"""How a pattern begins that means what lies in a unit: its key, or its path, follows."""

_MANY: Final = 5_000
"""In a plan of more actions nothing near is sought: most names are alike, and all are compared."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie on a site, and which part of it each pattern means.

    Attributes:
        place: says in which unit (id) an assignment lies; None for a learner of no unit.
        tops: per pattern the unit that it names (id).
        units: per pattern that unit and all below it.
    """

    place: Callable[[Assignment], str | None]
    tops: Mapping[str, str]
    units: Mapping[str, frozenset[str]]

    def has(self, pattern: str, address: Address) -> bool:
        """Whether an assignment lies in the part that a pattern means; nothing else does."""
        return (
            address.kind is AddressKind.ASSIGNMENT
            and self.place(Assignment.at(address)) in self.units[pattern]
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for of a plan: all of it, unless patterns say less.

    A pattern is an address as people read it or, where no action has such a name, in ids; `*` and
    `?` stand for any text, slashes included: `mentor/t-0412*`. A pattern `within:nordberg-skole`
    means every assignment that lies in that unit or below it, and the people who come or go with
    these alone.

    Attributes:
        only: patterns of what is wanted; none of them wants everything.
        excepted: patterns of what is not.
        left: addresses (in ids) that somebody who went through the plan has left out.
        places: where things lie; None until a site is known (`on`).
    """

    only: Sequence[str] = ()
    excepted: Sequence[str] = ()
    left: frozenset[Address] = frozenset()
    places: Places | None = None

    @property
    def narrows(self) -> bool:
        """Whether it may ask for less than everything."""
        return bool(self.only or self.excepted or self.left)

    @property
    def by_place(self) -> bool:
        """Whether it can only be made out on a site."""
        return any(map(_is_place, (*self.only, *self.excepted)))

    @property
    def parts(self) -> frozenset[str] | None:
        """The units (ids) to whose subtrees it is confined, or None where it is to no places."""
        if self.places is None or not self.only or not all(map(_is_place, self.only)):
            return None
        return frozenset(self.places.tops[each] for each in self.only)

    def on(self, directory: Directory, keys: Keys, day: date) -> "Selection":
        """Return the same, with what it names looked up on a site.

        Args:
            directory: the site.
            keys: how its units are named.
            day: the one on which learners lie in the unit of their membership.

        Raises:
            WrongUse: no unit has a key that a pattern names, or several have.
        """
        if not self.by_place:
            return self
        given = [("--only", each) for each in self.only if _is_place(each)]
        given += [("--except", each) for each in self.excepted if _is_place(each)]
        tops = {each: _unit(keys, option, each) for option, each in given}
        units = {each: directory.subtree([top]) for each, top in tops.items()}
        return replace(self, places=Places(lambda found: directory.place(found, day), tops, units))

    def unmatched(self, actions: Sequence[Action]) -> list[tuple[str, str]]:
        """Return the options whose patterns match no action, as written, and what there is.

        That nothing changes in a part of the site is no sign of a mistake.
        """
        given = [("--only", pattern) for pattern in self.only]
        given += [("--except", pattern) for pattern in self.excepted]
        return [
            (f"{option} {pattern}", _what_there_is(pattern, actions))
            for option, pattern in given
            if not _is_place(pattern) and not _named(actions, pattern)
        ]

    def asks_for(self, address: Address, name: Address) -> bool:
        """Whether something of that address (in ids) and name is asked for by itself."""

        def means(pattern: str) -> bool:
            if _is_place(pattern):
                return self.places is not None and self.places.has(pattern, address)
            return fnmatchcase(str(name), pattern)

        wanted = not self.only or any(map(means, self.only))
        return wanted and address not in self.left and not any(map(means, self.excepted))

    def of(self, actions: Sequence[Action], site: str) -> tuple[Action, ...]:
        """Return the actions that are asked for, in the plan's order.

        What a wanted action must wait for is taken along, and may not be left out.

        Args:
            actions: all of the plan.
            site: the id of its site.

        Raises:
            WrongUse: an action would be left without what it must wait for.
        """
        selected = self._closure(actions) if self.only else tuple(actions)
        out = {each.address: each for each in self._all_chosen(selected, self.excepted, any)}
        out |= {each.address: each for each in selected if each.address in self.left}
        kept = tuple(action for action in selected if action.address not in out)
        for action in kept:
            for needed in action.requires:
                if needed in out:
                    other = out[needed]
                    raise self._parted(action, other).naming(
                        site,
                        (
                            *action.address.people_as(action.name),
                            *other.address.people_as(other.name),
                        ),
                    )
        return kept

    def _parted(self, action: Action, needed: Action) -> WrongUse:
        """Say that an action would be left without what it must wait for."""
        told = f"{action.name} must wait for {needed.name}, which"
        if needed.address in self.left:
            return WrongUse(f"{told} was left out.", "Leave both out, or neither.")
        return WrongUse(
            f"{told} --except leaves out.",
            f"Leave both out, with --except '{action.name}' as well.",
        )

    def _closure(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """Return the actions that are wanted, and the planned ones which those must wait for."""
        wanted = (action.address for action in self._all_chosen(actions, self.only, all))
        chosen = reached(wanted, {action.address: action.requires for action in actions})
        return tuple(action for action in actions if action.address in chosen)

    def _all_chosen(
        self, actions: Sequence[Action], patterns: Iterable[str], enough: "_Enough"
    ) -> Iterator[Action]:
        for pattern in patterns:
            if self.places is not None and _is_place(pattern):
                yield from _lying(actions, self.places, pattern, enough)
            else:
                yield from _named(actions, pattern)


_Enough: TypeAlias = Callable[[Iterable[object]], bool]
"""How much of what somebody who leaves has must lie in a part: `all` of it, or `any`."""


def _what_there_is(pattern: str, actions: Sequence[Action]) -> str:
    """Say which pattern is near to one that matches nothing, and what there is to match."""
    if not actions:
        return "Nothing would be applied without it either."
    names = [str(action.name) for action in actions]
    near = None
    if len(names) <= _MANY:
        above = {f"{name[:end]}/*" for name in names for end, at in enumerate(name) if at == "/"}
        near = did_you_mean(pattern, {*names, *above})
    kinds = Counter(name.partition("/")[0] for name in names)
    there = ", ".join(f"{kind}/* ({number:,})" for kind, number in kinds.items())
    return f"{near} There is {there}." if near else f"There is {there}."


def _is_place(pattern: str) -> bool:
    return pattern.startswith(WITHIN)


def _unit(keys: Keys, option: str, pattern: str) -> str:
    key = pattern.removeprefix(WITHIN)
    found = keys.find_units(key)
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongUse(
            f"{option} {pattern}: {len(found)} units of the site have that key.",
            "Name one above or below them whose key is its own.",
        )
    raise WrongUse(
        f"{option} {pattern}: the site has no unit with the {keys.units_by} {key}.",
        did_you_mean(key, keys.units_by_key),
    )


def _lying(
    actions: Sequence[Action], places: Places, pattern: str, enough: _Enough
) -> Iterator[Action]:
    """Choose the assignments in a part of the site, and who comes or goes with them alone.

    Whoever leaves with assignments elsewhere too leaves when the last of them has gone.
    """
    joining: dict[Address, list[Address]] = {}
    for action in actions:
        if action.address.kind is AddressKind.ASSIGNMENT and action.verb is Verb.ADD:
            for needed in action.requires:
                joining.setdefault(needed, []).append(action.address)
    for action in actions:
        if action.address.kind is AddressKind.ASSIGNMENT:
            if places.has(pattern, action.address):
                yield action
        elif action.address.kind is AddressKind.HOLDER:
            leaves = action.verb is Verb.REMOVE
            own = action.requires if leaves else joining.get(action.address, ())
            lie = [places.has(pattern, each) for each in own]
            if lie and (enough(lie) if leaves else all(lie)):
                yield action


def _named(actions: Sequence[Action], pattern: str) -> list[Action]:
    """Choose by the names that people read; by ids only what no name would be."""
    named = [action for action in actions if fnmatchcase(str(action.name), pattern)]
    return named or [action for action in actions if fnmatchcase(str(action.address), pattern)]
