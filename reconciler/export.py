"""Writes a live state as the manifest that plans to nothing against it (design, section 4)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from reconciler.directory import Directory, Keys
from reconciler.domain.vocabulary import TARGET_KINDS, LabelField, Role, TargetKind
from reconciler.errors import ReconcilerError
from reconciler.manifest.model import PersonKey, UnitKey
from reconciler.manifest.shape import is_key
from reconciler.manifest.words import LIST_NAMES, SECTION_NAMES
from reconciler.state import LiveState

Key = TypeVar("Key", PersonKey, UnitKey)


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
        ReconcilerError: the kind of key asked for does not name everybody, or not uniquely.
    """
    directory = Directory(state)
    concerned = {holder.person for holder in state.holders} | {
        found.target for found in state.assignments if found.kind is TargetKind.LEARNER
    }
    targets = {found.target for found in state.assignments if found.kind is not TargetKind.LEARNER}

    def names_people(kind: PersonKey) -> bool:
        keys = Keys(directory, kind, UnitKey.ID)
        return _names_all(concerned, keys.person, keys.find_people)

    def names_units(kind: UnitKey) -> bool:
        keys = Keys(directory, PersonKey.ID, kind)
        return _names_all(targets, keys.unit, keys.find_units)

    people_by = _choose(PersonKey, people, names_people, "people")
    units_by = _choose(UnitKey, units, names_units, "units")
    keys = Keys(directory, people_by, units_by)
    return {
        "version": 1,
        "site": state.site.id,
        "settings": {"people": people_by.value, "units": units_by.value},
        "roles": {
            role.value: {
                "profiles": sorted(
                    keys.profile(profile.id) for profile in state.profiles if role in profile.roles
                )
            }
            for role in Role
        },
        "labels": {
            labels.role.value: {field.value: labels.value(field) for field in LabelField}
            for labels in sorted(state.labels, key=lambda labels: list(Role).index(labels.role))
        },
        **{SECTION_NAMES[role]: _section(state, keys, role) for role in Role},
    }


def _section(state: LiveState, keys: Keys, role: Role) -> list[dict[str, Any]]:
    targets: defaultdict[str, defaultdict[TargetKind, list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for found in state.assignments:
        if found.role is role:
            name = keys.target(found.kind, found.target)
            targets[found.person][found.kind].append(name)
    entries = [
        {
            "person": keys.person(holder.person),
            **{
                LIST_NAMES[kind]: sorted(targets[holder.person][kind])
                for kind in TARGET_KINDS[role]
                if targets[holder.person][kind]
            },
        }
        for holder in state.holders
        if holder.role is role
    ]
    return sorted(entries, key=lambda entry: str(entry["person"]))


def _names_all(
    ids: Iterable[str], name: Callable[[str], str], find: Callable[[str], list[str]]
) -> bool:
    return all(is_key(name(each)) and find(name(each)) == [each] for each in ids)


def _choose(kinds: type[Key], wanted: Key | None, names: Callable[[Key], bool], noun: str) -> Key:
    candidates = [wanted] if wanted is not None else list(kinds)
    for kind in candidates:
        if names(kind):
            return kind
    raise ReconcilerError(
        f"Not all of the {noun} concerned have a key of the kind {wanted} to themselves.",
        "Leave the option out, and a kind of key that names everybody is chosen.",
    )
