"""Writes a live state as the manifest that plans to nothing against it (design, section 4)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final, TypeVar

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import TARGET_KINDS, LabelField, Role, TargetKind
from reconciler.errors import ReconcilerError
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.shape import allows, is_key
from reconciler.manifest.words import LIST_NAMES, SECTION_NAMES
from reconciler.plain import first_of
from reconciler.scope import Scope, in_scope
from reconciler.state import LiveState

Key = TypeVar("Key", PersonKey, UnitKey)

_LISTED: Final = 10


def export_manifest(
    state: LiveState, people: PersonKey | None = None, units: UnitKey | None = None
) -> dict[str, Any]:
    """Turn a live state into manifest data.

    Args:
        state: what is live.
        people: how to name people; by default the first kind of key that all those concerned have
            and share with nobody: sync key, username, e-mail, id.
        units: how to name units; by default likewise: sync key, path, id.

    Raises:
        ReconcilerError: the kind of key asked for does not name everybody, or not uniquely; or a
            text on the site cannot stand in a manifest.
    """
    keys = choose_keys(state, people, units)
    return {
        **sitewide(state, keys),
        **{
            SECTION_NAMES[role]: entries(
                keys,
                (each for each in state.holders if each.role is role),
                state.assignments,
            )
            for role in Role
        },
    }


def export_scope(
    state: LiveState,
    tops: Sequence[str],
    as_of: date,
    people: PersonKey | None = None,
    units: UnitKey | None = None,
) -> dict[str, Any]:
    """Turn a part of a live state into data of a manifest that speaks for it alone.

    What belongs to the whole site is not in it, nor who has a role over nobody in that part.

    Args:
        state: what is live.
        tops: the ids of the units whose subtrees are the scope; the site itself is none of them.
        as_of: the day that decides where learners are.
        people: as of `export_manifest`; whoever has nothing in that part is not concerned.
        units: likewise.

    Raises:
        ReconcilerError: as `export_manifest`, of what is in that part; labels are in none.
    """
    _check_site(state)
    directory = Directory(state)
    found = in_scope(directory, Scope.of(directory, tops), Role, as_of)
    holders = frozenset(each.holder for each in found)
    part = replace(state, holders=holders, assignments=found)
    keys = choose_keys(part, people, units, also=tops)
    return {
        "version": 1,
        "site": state.site.id,
        "settings": _settings(keys),
        "scope": {"within": sorted(keys.unit(top) for top in tops)},
        **{
            SECTION_NAMES[role]: entries(
                keys, (each for each in holders if each.role is role), found
            )
            for role in Role
        },
    }


def choose_keys(
    state: LiveState,
    people: PersonKey | None = None,
    units: UnitKey | None = None,
    *,
    also: Iterable[str] = (),
) -> Keys:
    """Choose how a manifest names all those concerned; arguments and errors as above.

    `also` are the ids of further units that it names.
    """
    people_by, units_by = naming_keys(state, people, units, also=also)
    return Keys(Directory(state), next(people_by), next(units_by))


def naming_keys(
    state: LiveState,
    people: PersonKey | None = None,
    units: UnitKey | None = None,
    *,
    also: Iterable[str] = (),
) -> tuple[Iterator[PersonKey], Iterator[UnitKey]]:
    """Return the kinds of keys that name all those concerned, at least one of each, one by one.

    Arguments and errors as above; what is asked for is the only one.
    """
    directory = Directory(state)
    concerned = {holder.person for holder in state.holders} | {
        found.target for found in state.assignments if found.kind is TargetKind.LEARNER
    }
    targets = {
        *also,
        *(found.target for found in state.assignments if found.kind is not TargetKind.LEARNER),
    }

    def nameless_people(kind: PersonKey) -> list[str]:
        keys = Keys(directory, kind, UnitKey.ID)
        return _nameless(concerned, keys.person, keys.find_people)

    def nameless_units(kind: UnitKey) -> list[str]:
        keys = Keys(directory, PersonKey.ID, kind)
        return _nameless(targets, keys.unit, keys.find_units)

    known = Keys(directory, PersonKey.SYNC_KEY, UnitKey.SYNC_KEY)
    return (
        _those_that_name(PersonKey, people, nameless_people, "people", known.person),
        _those_that_name(UnitKey, units, nameless_units, "units", known.unit),
    )


def sitewide(state: LiveState, keys: Keys) -> dict[str, Any]:
    """Return what a manifest says of the whole site: all but who has which role over whom.

    Raises:
        ReconcilerError: a text on the site cannot stand in a manifest.
    """
    _check_site(state)
    _check_labels(state)
    return {
        "version": 1,
        "site": state.site.id,
        "settings": _settings(keys),
        "roles": {
            role.value: {
                "profiles": sorted(
                    _profile(keys, profile.id)
                    for profile in state.profiles
                    if role in profile.roles
                )
            }
            for role in Role
        },
        "labels": {
            labels.role.value: {field.value: labels.value(field) for field in LabelField}
            for labels in sorted(state.labels, key=lambda labels: list(Role).index(labels.role))
        },
    }


def _settings(keys: Keys) -> dict[str, str]:
    return {"people": keys.people_by.value, "units": keys.units_by.value}


def entries(
    keys: Keys, holders: Iterable[Holder], assignments: Iterable[Assignment]
) -> list[dict[str, Any]]:
    """Return a section's entries: one for each holder, with those of the assignments it has."""
    targets: defaultdict[Holder, defaultdict[TargetKind, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for found in assignments:
        targets[found.holder][found.kind].append(keys.target(found.kind, found.target))
    made = [
        {
            "person": keys.person(holder.person),
            **{
                LIST_NAMES[kind]: sorted(targets[holder][kind])
                for kind in TARGET_KINDS[holder.role]
                if targets[holder][kind]
            },
        }
        for holder in holders
    ]
    return sorted(made, key=lambda entry: str(entry["person"]))


def _check_site(state: LiveState) -> None:
    """Refuse a site whose id the manifest's schema would refuse."""
    if not allows(state.site.id, "properties", "site"):
        raise ReconcilerError(
            f"The site's id '{state.site.id}' cannot stand in a manifest.",
            "Only its administrator can change it.",
        )


def _check_labels(state: LiveState) -> None:
    """Refuse labels that the manifest's schema would refuse."""
    for labels in state.labels:
        for field in LabelField:
            text = labels.value(field)
            if not allows(text, "$defs", "role_labels", "properties", field.value):
                raise ReconcilerError(
                    f"The label {Address.label(labels.role, field)} "
                    f"'{text}' cannot stand in a manifest.",
                    "Write it on the site in one line of 1 to 64 characters, "
                    "without white space around it.",
                )


def _profile(keys: Keys, profile: str) -> str:
    """Return a profile's name, or its id where the name cannot stand in a manifest for it alone."""
    for name in (keys.profile(profile), profile):
        if is_key(name) and keys.find_profiles(name) == [profile]:
            return name
    raise ReconcilerError(
        f"The profile {profile} has no name or id to itself that can stand in a manifest.",
        "Give it another name on the site.",
    )


def _nameless(
    ids: Iterable[str], name: Callable[[str], str], find: Callable[[str], list[str]]
) -> list[str]:
    """Return the ids that have no key of a kind that can stand in a manifest for them alone."""
    return [each for each in ids if not is_key(name(each)) or find(name(each)) != [each]]


def _those_that_name(
    kinds: type[Key],
    wanted: Key | None,
    nameless: Callable[[Key], list[str]],
    noun: str,
    known: Callable[[str], str],
) -> Iterator[Key]:
    left: list[str] = []
    found = False
    for kind in [wanted] if wanted is not None else list(kinds):
        left = nameless(kind)
        if not left:
            found = True
            yield kind
    if found:
        return
    named = first_of(sorted(map(known, left)), _LISTED)
    raise ReconcilerError(
        f"Not all of the {noun} concerned have a key of the kind {wanted} to themselves: {named}.",
        "Leave the option out, and a kind of key that names everybody is chosen.",
    )
