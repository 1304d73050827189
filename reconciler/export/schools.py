"""Writes a live state as the files of one manifest: what each school has stands in its own.

The files are read together. Only one of them states the site, and that one says nothing of who has
which role: by itself it plans to nothing, and each of the others is refused. So no file alone can
take away what stands in the others.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from reconciler.directory import Directory, Keys
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.export.whole import choose_keys, entries, sitewide
from reconciler.manifest.dump import quoted
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.words import SECTION_NAMES
from reconciler.state import LiveState, Unit

SITE_FILE: Final = PurePosixPath("site.yaml")
"""What belongs to the whole site."""

OTHERS_FILE: Final = PurePosixPath("others.yaml")
"""Who belongs to no single school."""

SCHOOLS: Final = PurePosixPath("schools")
"""The folder with a file for each school."""

_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
"""Keys that are file names as they are, wherever letters of any size are the same."""

_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)
"""Names that Windows keeps to itself."""

_LONGEST: Final = 40
_DIGEST: Final = 16


class Part(NamedTuple):
    """One file of a manifest.

    Attributes:
        path: where it belongs, below the manifest's folder.
        about: what stands in it, in a line.
        data: the same as manifest data.
    """

    path: PurePosixPath
    about: str
    data: dict[str, Any]


def export_schools(
    state: LiveState, people: PersonKey | None = None, units: UnitKey | None = None
) -> tuple[Part, ...]:
    """Turn a live state into manifest data, with a part for each school.

    A holder stands where all that they are assigned may lie: in a school's file when it is all in
    that school, and else in the one for everybody else. A learner may be in each school where they
    are, were or will be one, so that no day changes the files.

    Raises:
        ReconcilerError: as `export_manifest`.
    """
    keys = choose_keys(state, people, units)
    directory = Directory(state)
    placed = _placed(directory)
    schools = {
        _school_file(keys, unit): unit for unit in state.units if unit.kind is UnitKind.SCHOOL
    }
    return (
        *(
            Part(
                SCHOOLS / name,
                f"The school {quoted(keys.unit(school.id))}.",
                {"version": 1, **_sections(keys, placed.get(school.id, {}))},
            )
            for name, school in sorted(schools.items(), key=lambda named: named[0])
        ),
        Part(
            OTHERS_FILE,
            "Who has a role in several schools, above the schools, or over nobody.",
            {
                "version": 1,
                **{name: [] for name in SECTION_NAMES.values()},
                **_sections(keys, placed.get(None, {})),
            },
        ),
        Part(
            SITE_FILE,
            "What belongs to the whole site. The files beside it and below are parts of the same "
            "manifest: plan the folder.",
            sitewide(state, keys),
        ),
    )


_Held = Mapping[Holder, list[Assignment]]


def _placed(directory: Directory) -> Mapping[str | None, _Held]:
    """Return per school, or None for everybody else, the holders with what they are assigned."""
    held: dict[Holder, list[Assignment]] = {holder: [] for holder in directory.state.holders}
    for found in directory.state.assignments:
        held.setdefault(found.holder, []).append(found)
    placed: defaultdict[str | None, dict[Holder, list[Assignment]]] = defaultdict(dict)
    for holder, assignments in held.items():
        placed[_school_of(directory, assignments)][holder] = assignments
    return placed


def _school_of(directory: Directory, assignments: Iterable[Assignment]) -> str | None:
    """Return the one school in which all of some assignments lie, or may."""
    common: set[str] | None = None
    for each in assignments:
        schools = _schools_of(directory, each)
        common = schools if common is None else common & schools
    return common.pop() if common is not None and len(common) == 1 else None


def _schools_of(directory: Directory, assignment: Assignment) -> set[str]:
    if assignment.kind is TargetKind.LEARNER:
        memberships = directory.learner_memberships.get(assignment.target, ())
        units = {membership.unit for membership in memberships}
    else:
        units = {assignment.target}
    above = (_school_above(directory, unit) for unit in units)
    return {school for school in above if school is not None}


def _school_above(directory: Directory, unit: str) -> str | None:
    return next((each.id for each in directory.lineage(unit) if each.kind is UnitKind.SCHOOL), None)


def _sections(keys: Keys, held: _Held) -> dict[str, Any]:
    return {
        SECTION_NAMES[role]: entries(
            keys, holders, (found for holder in holders for found in held[holder])
        )
        for role in Role
        if (holders := [holder for holder in held if holder.role is role])
    }


def _school_file(keys: Keys, school: Unit) -> str:
    """Name a school's file: by its key where that can be one, else by a digest, made readable.

    A dot parts the two, which no plain key has; so no two schools share a file.
    """
    key = keys.unit(school.id)
    if _PLAIN.match(key) and key not in _DEVICES and keys.find_units(key) == [school.id]:
        return f"{key}.yaml"
    ascii_only = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:_LONGEST].strip("-")
    if not words or words in _DEVICES:
        words = f"school-{words}".strip("-")
    digest = hashlib.sha256(school.id.encode(errors="surrogatepass")).hexdigest()
    return f"{words}.{digest[:_DIGEST]}.yaml"
