"""Lookups over one live state: by id, by key, up and down the hierarchy.

Built once per state and only read afterwards. It answers questions about the site; it decides
nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple, cast

from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.errors import ReconcilerError
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.state import LiveState, Membership, Person, Profile, Unit
from reconciler.suggest import did_you_mean


class Directory:
    """The people, units and memberships of one live state, ready to be looked up.

    The state is complete and consistent (providers see to it): every id resolves, and the units
    form one tree.
    """

    def __init__(self, state: LiveState) -> None:
        self.state = state
        self.people: dict[str, Person] = {person.id: person for person in state.people}
        self.units: dict[str, Unit] = {unit.id: unit for unit in state.units}
        self.profiles: dict[str, Profile] = {profile.id: profile for profile in state.profiles}

    @cached_property
    def root(self) -> Unit:
        """The site as a unit."""
        return next(unit for unit in self.state.units if unit.parent is None)

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """Per unit id the ids of the units directly below it."""
        below: defaultdict[str, list[str]] = defaultdict(list)
        for unit in self.state.units:
            if unit.parent is not None:
                below[unit.parent].append(unit.id)
        return dict(below)

    @cached_property
    def learner_memberships(self) -> dict[str, list[Membership]]:
        """Per person id their memberships as a learner, of any day."""
        found: defaultdict[str, list[Membership]] = defaultdict(list)
        for membership in self.state.memberships:
            if membership.role is MembershipRole.LEARNER:
                found[membership.person].append(membership)
        return dict(found)

    def lineage(self, unit: str) -> Iterator[Unit]:
        """Yield the unit and everything above it, up to the site."""
        at: str | None = unit
        while at is not None:
            here = self.units[at]
            yield here
            at = here.parent

    def subtree(self, tops: Iterable[str]) -> frozenset[str]:
        """Return the ids of the units and of everything below them."""
        seen: set[str] = set()
        waiting = list(tops)
        while waiting:
            unit = waiting.pop()
            if unit not in seen:
                seen.add(unit)
                waiting.extend(self.children.get(unit, ()))
        return frozenset(seen)

    def path(self, unit: str) -> str:
        """Return the titles from below the site, joined by `/`; the site's own path is its title.

        This is how a unit without a sync key is addressed (design, section 2).
        """
        titles = [here.title for here in self.lineage(unit)]
        return "/".join(reversed(titles[:-1])) if len(titles) > 1 else titles[0]

    def home(self, learner: str, day: date) -> str | None:
        """Return the unit that decides in which scope a learner is on a day (design, section 3).

        The primary membership's unit; without a primary one the first by id; None without any.
        """
        held = [
            membership
            for membership in self.learner_memberships.get(learner, ())
            if membership.holds_on(day)
        ]
        primary = [membership.unit for membership in held if membership.primary]
        return min(primary or [membership.unit for membership in held], default=None)

    def has_role(self, role: Role, person: str) -> bool:
        """Whether the role is enabled on the person's profile."""
        return role in self.profiles[self.people[person].profile].roles

    def place(self, assignment: Assignment, day: date) -> str | None:
        """Return the unit that places an assignment in a scope, or None for a homeless learner."""
        if assignment.kind is TargetKind.LEARNER:
            return self.home(assignment.target, day)
        return assignment.target


class Keys:
    """How a manifest's author names people, units and profiles, and back.

    Keys are looked up exactly as written; an empty one is none. `find_*` return every id that a key
    stands for, so that the caller can tell an unknown key from an ambiguous one.
    """

    def __init__(self, directory: Directory, people: PersonKey, units: UnitKey) -> None:
        self.people_by = people
        self.units_by = units
        self._directory = directory

    def person(self, person: str) -> str:
        """Return a person's key; where they have none of that kind, their id."""
        found = self._directory.people.get(person)
        return (_PERSON_KEYS[self.people_by](found) if found else None) or person

    def unit(self, unit: str) -> str:
        """Return a unit's key; one without a sync key is named by its path, else by its id."""
        found = self._directory.units.get(unit)
        if found is None:
            return unit
        return self._unit_key(found) or self._directory.path(unit) or unit

    def profile(self, profile: str) -> str:
        """Return a profile's name, or its id where the name would not find it."""
        found = self._directory.profiles.get(profile)
        return found.name if found and self.find_profiles(found.name) == [profile] else profile

    def profile_of(self, person: str) -> Profile:
        """Return a person's profile."""
        return self._directory.profiles[self._directory.people[person].profile]

    def target(self, kind: str, target: str) -> str:
        """Return the key of an assignment's target."""
        return self.person(target) if kind == TargetKind.LEARNER else self.unit(target)

    def name(self, address: Address) -> Address:
        """Turn an address in ids into the one that people read (design, section 5)."""
        match address.kind, address.parts:
            case AddressKind.PROFILE, (profile, role):
                return Address.profile(self.profile(profile), role)
            case AddressKind.HOLDER, (role, person):
                return Address.holder(role, self.person(person))
            case AddressKind.ASSIGNMENT, (role, person, kind, target):
                return Address.assignment(
                    role, self.person(person), kind, self.target(kind, target)
                )
            case _:
                return address

    def find_people(self, key: str) -> list[str]:
        """Return the ids of the people with that key."""
        one = self.one_person.get(key)
        return [one] if one is not None else self.people_by_key.get(key, [])

    def find_named_people(self, name: str) -> list[str]:
        """Return the ids of the people whom `person` names so: those without a key, by their id."""
        found = self.find_people(name)
        keyless = not found and name in self._directory.people and self.person(name) == name
        return [name] if keyless else found

    def find_units(self, key: str) -> list[str]:
        """Return the ids of the units with that key; a unit without a sync key answers to its path.

        A path never shadows a sync key.
        """
        return self.units_by_key.get(key) or self._keyless_units.get(key, [])

    def find_profiles(self, key: str) -> list[str]:
        """Return the ids of the profiles with that name, and of the one with that id."""
        named = self.profiles_by_name.get(key, [])
        return [*named, key] if key in self._directory.profiles and key not in named else named

    @cached_property
    def one_person(self) -> Mapping[str, str]:
        """Per key that one person has, and nobody else, the id of that person."""
        people = self._directory.state.people
        keys = list(map(_PERSON_KEYS[self.people_by], people))
        found = dict(zip(keys, map(attrgetter("id"), people), strict=True))
        times = Counter(keys) if len(found) < len(people) else {}
        for key in ("", None, *(key for key in times if times[key] > 1)):
            found.pop(key, None)
        return cast("dict[str, str]", found)

    @cached_property
    def people_by_key(self) -> dict[str, list[str]]:
        """Per key the ids of the people who have it."""
        key = _PERSON_KEYS[self.people_by]
        return _grouped((key(person), person.id) for person in self._directory.state.people)

    @cached_property
    def units_by_key(self) -> dict[str, list[str]]:
        """Per key the ids of the units that have it."""
        return _grouped((self._unit_key(unit), unit.id) for unit in self._directory.state.units)

    @cached_property
    def profiles_by_name(self) -> dict[str, list[str]]:
        """Per name the ids of the profiles that have it."""
        return _grouped((profile.name, profile.id) for profile in self._directory.state.profiles)

    @cached_property
    def _keyless_units(self) -> dict[str, list[str]]:
        return _grouped(
            (self._directory.path(unit.id), unit.id)
            for unit in self._directory.state.units
            if not self._unit_key(unit)
        )

    def _unit_key(self, unit: Unit) -> str | None:
        match self.units_by:
            case UnitKey.SYNC_KEY:
                return unit.sync_key
            case UnitKey.PATH:
                return self._directory.path(unit.id)
            case UnitKey.ID:
                return unit.id


_PERSON_KEYS: dict[PersonKey, Callable[[Person], str | None]] = {
    PersonKey.SYNC_KEY: attrgetter("sync_key"),
    PersonKey.USERNAME: attrgetter("username"),
    PersonKey.EMAIL: attrgetter("email"),
    PersonKey.ID: attrgetter("id"),
}


def find_person(directory: Directory, key: str) -> str:
    """Find the one person whom a sync key, username, e-mail or id names; return their id.

    Raises:
        ReconcilerError: nobody answers to it, or several do.
    """
    keys = (
        (read(each), each.id) for each in directory.state.people for read in _PERSON_KEYS.values()
    )
    return _find_one(
        directory, key, keys, _Wording("people", "Nobody", "sync key, username, e-mail or id")
    )


def find_learner(directory: Directory, key: str) -> str:
    """Find the one learner whom a sync key, username, e-mail or id names; return their id.

    Who was a learner once, or is assigned as one, counts.

    Raises:
        ReconcilerError: nobody answers to it, or several do, or they are not a learner.
    """
    person = find_person(directory, key)
    if person not in directory.learner_memberships and not any(
        found.kind is TargetKind.LEARNER and found.target == person
        for found in directory.state.assignments
    ):
        raise ReconcilerError(
            f"{key} is not a learner in any unit.", "To ask whom they see, use --person."
        )
    return person


def find_unit(directory: Directory, key: str) -> str:
    """Find the one unit that a sync key, path or id names; return its id.

    Raises:
        ReconcilerError: none answers to it, or several do.
    """
    keys = (
        (read, unit.id)
        for unit in directory.state.units
        for read in (unit.sync_key, directory.path(unit.id), unit.id)
    )
    return _find_one(directory, key, keys, _Wording("units", "No unit", "sync key, path or id"))


class _Wording(NamedTuple):
    """How to speak of what was not found, or found more than once."""

    several: str
    none: str
    keys: str


def _find_one(
    directory: Directory, key: str, keys: Iterable[tuple[str | None, str]], wording: _Wording
) -> str:
    """Return the id of the one thing with that key."""
    known = list(keys)
    found = {item for each, item in known if each == key}
    if len(found) == 1:
        return found.pop()
    if found:
        raise ReconcilerError(
            f"{len(found)} {wording.several} answer to {key}.",
            f"Name one by id: {', '.join(sorted(found))}.",
        ).naming(
            directory.state.site.id,
            ((each, key) for each in sorted(found) if each in directory.people),
        )
    raise ReconcilerError(
        f"{wording.none} on the site has the {wording.keys} {key}.",
        did_you_mean(key, (each for each, _ in known if each)),
    )


def _grouped(pairs: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, item in pairs:
        if key:
            groups[key].append(item)
    return dict(groups)
