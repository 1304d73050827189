"""Finds what a roster names on the site, by the key that both are declared to have.

A near match is suggested and never used: a wrong person would read a child's file.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.directory import Keys
from reconciler.domain.roster import Roster, RosterPerson, RosterRole, RosterUnit
from reconciler.manifest.roster_rules import RosterPersonKey, RosterSource, RosterUnitKey

_PEOPLE: Final[Mapping[RosterPersonKey, Callable[[RosterPerson], str | None]]] = MappingProxyType(
    {
        RosterPersonKey.SOURCED_ID: lambda person: person.sourced_id,
        RosterPersonKey.USERNAME: lambda person: person.username,
        RosterPersonKey.EMAIL: lambda person: person.email,
    }
)
_UNITS: Final[Mapping[RosterUnitKey, Callable[[RosterUnit], str | None]]] = MappingProxyType(
    {
        RosterUnitKey.SOURCED_ID: lambda unit: unit.sourced_id,
        RosterUnitKey.IDENTIFIER: lambda unit: unit.identifier,
        RosterUnitKey.TITLE: lambda unit: unit.title,
    }
)

_DUTIES: Final = frozenset({RosterRole.TEACHER, RosterRole.PRINCIPAL, RosterRole.ADMINISTRATOR})
"""What the words of rules look for."""


class Matched(NamedTuple):
    """What a roster's person or unit is on the site.

    Attributes:
        key: the roster's key for it; None where it has none of that kind.
        ids: the site's ids that have the key: one, none, or several that cannot be told apart.
        sharing: how many of the roster have the key: one, or several that may all be meant.
        meant: how many of these a rule may be about, since they teach or head something.
    """

    key: str | None
    ids: tuple[str, ...]
    sharing: int = 1
    meant: int = 1

    @property
    def id(self) -> str | None:
        """The one id, where there is one, of what alone has the key in the roster."""
        return self.ids[0] if len(self.ids) == 1 and self.sharing == 1 else None

    @property
    def clashes(self) -> bool:
        """Whether several have the key whom rules may be about, on the site or in the roster.

        A guardian or learner who has a teacher's is no such clash; who of them the site has is not
        known all the same, and not guessed.
        """
        return bool(self.ids) and (len(self.ids) > 1 or self.meant > 1)


class Matcher:
    """Finds the people and units of one roster on one site.

    Args:
        roster: what a school system exported.
        source: how it is declared.
        keys: how the site names its people and units.
        as_of: the day on which units that have the same key are told apart by their own days; None
            where the roster is that of the day.

    Attributes:
        source: how the roster is declared.
    """

    def __init__(
        self, roster: Roster, source: RosterSource, keys: Keys, as_of: date | None = None
    ) -> None:
        self.source = source
        self._roster = roster
        self._keys = keys
        read_person, read_unit = _PEOPLE[source.people], _UNITS[source.units]
        self._people = {each.sourced_id: read_person(each) for each in roster.people}
        self._units = {each.sourced_id: read_unit(each) for each in roster.units}
        there = (each for each in roster.units if as_of is None or each.holds_on(as_of))
        self._people_sharing = Counter(self._people.values())
        self._units_sharing = Counter(self._units[each.sourced_id] for each in there)

    def names_person(self, key: str) -> bool:
        """Whether anybody in the roster has a key."""
        return key in self._people_sharing

    def names_unit(self, key: str) -> bool:
        """Whether any unit of the roster has a key, on whatever day."""
        return key in self._units.values()

    def person(self, sourced_id: str) -> Matched:
        """Find a person of the roster."""
        key = self._people.get(sourced_id)
        found = _found(key, self._keys.find_people, self._people_sharing)
        return found if found.sharing == 1 else found._replace(meant=self._people_meant[key])

    def unit(self, sourced_id: str) -> Matched:
        """Find a unit of the roster."""
        key = self._units.get(sourced_id)
        found = _found(key, self._keys.find_units, self._units_sharing)
        return found._replace(meant=found.sharing)

    @cached_property
    def _people_meant(self) -> Counter[str | None]:
        """How many have each key among those who teach or head something, on whatever day."""
        held = (*self._roster.memberships, *self._roster.affiliations)
        meant = {each.person for each in held if each.role in _DUTIES}
        return Counter(self._people.get(each) for each in meant)


def _found(
    key: str | None, find: Callable[[str], Iterable[str]], sharing: Mapping[str | None, int]
) -> Matched:
    return Matched(key, tuple(find(key)), max(1, sharing[key])) if key else Matched(None, ())
