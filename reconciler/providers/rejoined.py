"""A form that was read, joined with the snapshot that it replaces: what it does not ask for stays.

Ids stay those of the snapshot, so that what was planned against it still finds what it means.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import TargetKind
from reconciler.providers.filled_form import form_keys
from reconciler.state import LiveState, Membership, Person, Profile, Site, Unit


def rejoined(read: LiveState, before: LiveState, today: date) -> LiveState:
    """Return what a form says, with what the snapshot knows beyond that of who and what is left.

    That is: ids, e-mail addresses, guardians, the days of memberships, and learning plans.

    Args:
        read: the form's, whose ids are its keys.
        before: the snapshot of the same site.
        today: the day; a membership that is over by then is none that a row of the form means.
    """
    keys = form_keys(before)
    profiles = _ids((each.id for each in read.profiles), keys.profiles)
    people = _ids((each.id for each in read.people), keys.people)
    units = _ids((each.id for each in read.units), keys.units)
    known_people = set(people.values())
    return replace(
        read,
        site=_site(read, before),
        profiles=tuple(_profiles(read, before, profiles)),
        people=tuple(_people(read, before, people, profiles)),
        units=tuple(_units(read, before, units)),
        memberships=tuple(_memberships(read, before, people, units, today)),
        relations=tuple(
            each
            for each in before.relations
            if known_people.issuperset((each.person, each.learner))
        ),
        holders=frozenset(Holder(each.role, people[each.person]) for each in read.holders),
        assignments=Assignments.of(
            Assignment(
                each.role,
                people[each.person],
                each.kind,
                (people if each.kind is TargetKind.LEARNER else units)[each.target],
            )
            for each in read.assignments
        ),
    )


def _ids(keys: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return per key of a form its id: that of the snapshot, or one that stands for nothing there.

    Args:
        keys: those of the form.
        known: per id of the snapshot its key.
    """
    of_keys = {key: each for each, key in known.items()}
    taken = set(known)
    found = {}
    for key in keys:
        made = of_keys.get(key)
        if made is None:
            made = key
            while made in taken:
                made += "+"
            taken.add(made)
        found[key] = made
    return found


def _site(read: LiveState, before: LiveState) -> Site:
    title = next(each.title for each in before.units if each.parent is None)
    name = before.site.name if read.site.name == title else read.site.name
    return replace(before.site, revision=read.site.revision, name=name)


def _profiles(read: LiveState, before: LiveState, ids: Mapping[str, str]) -> Iterator[Profile]:
    old = {each.id: each for each in before.profiles}
    for each in read.profiles:
        found = old.get(ids[each.id], replace(each, id=ids[each.id]))
        yield replace(found, roles=each.roles)


def _people(
    read: LiveState, before: LiveState, ids: Mapping[str, str], profiles: Mapping[str, str]
) -> Iterator[Person]:
    old = {each.id: each for each in before.people}
    for each in read.people:
        found = old.get(ids[each.id], replace(each, id=ids[each.id]))
        yield replace(
            found,
            username=each.username,
            name=each.name,
            profile=profiles[each.profile],
            active=each.active,
        )


def _units(read: LiveState, before: LiveState, ids: Mapping[str, str]) -> Iterator[Unit]:
    old = {each.id: each for each in before.units}
    for each in read.units:
        found = old.get(ids[each.id], replace(each, id=ids[each.id]))
        parent = None if each.parent is None else ids[each.parent]
        yield replace(found, kind=each.kind, title=each.title, parent=parent)


def _memberships(
    read: LiveState,
    before: LiveState,
    people: Mapping[str, str],
    units: Mapping[str, str],
    today: date,
) -> Iterator[Membership]:
    """Yield those of the form; one that the snapshot has keeps its days, several times perhaps.

    Who was in a unit before, and comes back, is in it anew. What is over stays on record.
    """
    old = defaultdict(list)
    for each in before.memberships:
        old[each.unit, each.person, each.role].append(each)
    for each in read.memberships:
        made = each._replace(unit=units[each.unit], person=people[each.person])
        had = old.pop((made.unit, made.person, made.role), [])
        yield from had
        if all(each.is_over(today) for each in had):
            yield made
    there = {*people.values(), *units.values()}
    for each in chain.from_iterable(old.values()):
        if each.is_over(today) and there.issuperset((each.person, each.unit)):
            yield each
