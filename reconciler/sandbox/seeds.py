"""What a fresh site holds: the built-in municipality, a roster, or a saved state."""

import codecs
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from reconciler.domain.roster_formats import IMS_ENTERPRISE, ONEROSTER_CSV, PLAIN_CSV
from reconciler.rosters.files import FILES, Files
from reconciler.rosters.problems import InvalidRoster
from reconciler.sandbox.collections import COLLECTIONS
from reconciler.sandbox.from_roster import NotTaken, parts_of_roster
from reconciler.sandbox.items import StateDocument, first_mistake
from reconciler.sandbox.loading import SITE, Part, in_parts
from reconciler.sandbox.municipality import municipality
from reconciler.sandbox.options import STATE, SandboxRefused, Seed
from reconciler.sandbox.state_file import NotAState, read_state

_BEGINNING: Final = 1_000
_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parts_of_seed(seed: Seed | None) -> Iterator[Part]:
    """Yield what a fresh site begins with; None is the built-in municipality.

    Raises:
        SandboxRefused: the seed cannot be read, or is not what it is said to be. Of a roster, all
            that is wrong is told, with file and row.
    """
    if seed is None:
        yield from parts_of(municipality())
        return
    path = seed.path
    try:
        kind = seed.type or _type_of(seed)
        yield from _state(path) if kind == STATE else _roster(kind, seed)
    except OSError as error:
        raise SandboxRefused(f"the seed {path} cannot be read: {error.strerror}") from error
    except InvalidRoster as error:
        raise SandboxRefused(f"the seed {path} is not usable: {error}") from None
    except NotTaken as error:
        raise SandboxRefused(f"the seed {path} is not a possible site: {error}") from None
    except NotAState as error:
        raise SandboxRefused(f"the seed {path} is not valid: {error}") from None
    except ValidationError as error:
        where, what = first_mistake(error)
        place = "/".join(map(str, where))
        raise SandboxRefused(f"the seed {path} is not valid: {place}: {what}") from None


def parts_of(document: StateDocument) -> Iterator[Part]:
    """Yield a state that is held as a whole."""
    yield SITE, [document.site]
    for name in COLLECTIONS:
        yield from in_parts(name, getattr(document, name))


def _roster(kind: str, seed: Seed) -> Iterator[Part]:
    return parts_of_roster(FILES[kind](Files(seed.path, None, seed.columns)))


def _state(path: Path) -> Iterator[Part]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from read_state(file)


def _type_of(seed: Seed) -> str:
    """Tell the format by what the seed looks like."""
    if seed.columns:
        return PLAIN_CSV
    if seed.path.is_dir():
        return ONEROSTER_CSV
    if zipfile.is_zipfile(seed.path):
        return _type_in_zip(seed.path)
    with seed.path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    for mark in _MARKS:
        beginning = beginning.removeprefix(mark)
    beginning = beginning.strip(b" \t\r\n\0")
    if beginning.startswith(b"<"):
        return IMS_ENTERPRISE
    if beginning and not beginning.startswith(b"{"):
        raise NotAState(
            "it is neither JSON nor XML. Of a table, --seed-column says what its headings mean: "
            "--seed-column unit=Class --seed-column person=Teacher"
        )
    return STATE


def _type_in_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return ONEROSTER_CSV  # whose reader says what is wrong
    has_xml = any(name.lower().endswith(".xml") for name in names)
    has_csv = any(name.lower().endswith(".csv") for name in names)
    return IMS_ENTERPRISE if has_xml and not has_csv else ONEROSTER_CSV
