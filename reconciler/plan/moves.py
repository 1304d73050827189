"""What the lines under `moved` name on a site: units and people, by the keys they had and have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias

from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, Keys
from reconciler.domain.vocabulary import MovedKind
from reconciler.manifest.model import Manifest, Move
from reconciler.manifest.naming import Reference
from reconciler.references import References
from reconciler.rules.match import Matcher
from reconciler.suggest import did_you_mean

Line: TypeAlias = tuple[MovedKind, str]
"""A line under `moved`, by its kind and the id of what it is moved from."""


@dataclass(frozen=True, slots=True)
class Moves:
    """The lines under `moved` as a site has them: ids throughout.

    Attributes:
        units: per unit the one that it is now.
        people: per person who they are now.
        lines: each line of the manifest, and what it is here; None where the site lacks one of
            the two, or both are the same.
        gone: the lines of which the site does not have what is moved, or not any more.
        coming: the lines of which a roster alone has what is moved to.
    """

    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    people: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    lines: tuple[tuple[Move, Line | None], ...] = ()
    gone: tuple[Move, ...] = ()
    coming: tuple[Move, ...] = ()


NO_MOVES: Final = Moves()


def find_moves(
    manifest: Manifest, directory: Directory, keys: Keys
) -> tuple[Moves, tuple[Diagnostic, ...]]:
    """Find what the lines under `moved` name on a site, and what is wrong with them there.

    A line is about units or people as it says, else by what its `to` names, else its `from`. Each
    is one step: what has moved is not followed to where another line moves that. A `to` that
    neither the site nor a roster has is a mistake; a `from` may be gone, and is told apart.
    """
    if not manifest.moved:
        return NO_MOVES, ()
    refs = References(directory, keys)
    found: dict[MovedKind, dict[str, str]] = {kind: {} for kind in MovedKind}
    lines: list[tuple[Move, Line | None]] = []
    gone: list[Move] = []
    coming: list[Move] = []

    @cache
    def matchers() -> list[Matcher]:
        return [
            Matcher(roster, manifest.sources[name], keys)
            for name, roster in manifest.rosters.items()
        ]

    for move in manifest.moved:
        kind = move.kind or _kind(move, keys, refs)
        line: Line | None = None
        if kind is not None:
            before, after = (_one(each, kind, keys, refs) for each in (move.before, move.after))
            if before and after and before != after:
                found[kind][before] = after
                line = kind, before
        kinds = [kind] if kind else list(MovedKind)
        if not any(_having(move.before, each, keys) for each in MovedKind):
            gone.append(move)
        elif kind is not None and not _having(move.before, kind, keys):
            _of_kind(move.before, kind, refs)
        if not any(_having(move.after, each, keys) for each in kinds):
            if any(_has(each, move.after.key, kind) for each in matchers()):
                coming.append(move)
            else:
                _report_unknown(move.after, kind, keys, refs)
        lines.append((move, line))
    units, people = found[MovedKind.UNIT], found[MovedKind.PERSON]
    moves = Moves(units, people, tuple(lines), tuple(gone), tuple(coming))
    return moves, tuple(refs.found)


def _report_unknown(
    reference: Reference, kind: MovedKind | None, keys: Keys, refs: References
) -> None:
    """Report what neither the site nor a roster has."""
    key = reference.key
    kind = kind or _likely(key, keys)
    if kind is not None:
        _of_kind(reference, kind, refs)
    else:
        refs.report(
            "RR203",
            f"the site has no unit with the {keys.units_by} {key}, and no person with the "
            f"{keys.people_by} {key}.",
            reference.position,
            "Check the key under 'to': the unit or the person has it now.",
        )


def _of_kind(reference: Reference, kind: MovedKind, refs: References) -> None:
    """Look up what is of a kind; what is not on the site is reported."""
    look_up = refs.unit if kind is MovedKind.UNIT else refs.person
    look_up(reference)


def _has(matcher: Matcher, key: str, kind: MovedKind | None) -> bool:
    unit = kind is not MovedKind.PERSON and matcher.names_unit(key)
    return unit or (kind is not MovedKind.UNIT and matcher.names_person(key))


def _likely(key: str, keys: Keys) -> MovedKind | None:
    """Say what a key is most likely meant for that nothing has: what has a key near to it."""
    if did_you_mean(key, keys.units_by_key):
        return MovedKind.UNIT
    return MovedKind.PERSON if did_you_mean(key, keys.people_by_key) else None


def _kind(move: Move, keys: Keys, refs: References) -> MovedKind | None:
    for reference in (move.after, move.before):
        unit = bool(keys.find_units(reference.key))
        person = bool(keys.find_named_people(reference.key))
        if unit and person:
            refs.report(
                "RR215",
                f"both a unit and a person have the key {reference.key}.",
                reference.position,
                "Add 'kind: unit' or 'kind: person' to the line.",
            )
            return None
        if unit or person:
            return MovedKind.UNIT if unit else MovedKind.PERSON
    return None


def _one(reference: Reference, kind: MovedKind, keys: Keys, refs: References) -> str | None:
    """Return the id of what a key names; that nothing has it is no mistake, it may be gone."""
    ids = _having(reference, kind, keys)
    if len(ids) > 1:
        return refs.unit(reference) if kind is MovedKind.UNIT else refs.person(reference)
    return ids[0] if ids else None


def _having(reference: Reference, kind: MovedKind, keys: Keys) -> Sequence[str]:
    """Return the ids of the units or people that have a key."""
    unit = kind is MovedKind.UNIT
    return (keys.find_units if unit else keys.find_named_people)(reference.key)
