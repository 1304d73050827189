"""Reads a fleet's file: the manifest's YAML reader, the published schema, and paths beside it."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from jsonschema import Draft202012Validator

from reconciler.diagnostics import Diagnostic, Position, in_order
from reconciler.errors import InvalidInput
from reconciler.fleet.model import Fleet, FleetSite
from reconciler.manifest.files import sources
from reconciler.manifest.mistakes import explain
from reconciler.manifest.placed import PlacedDict, PlacedList, Value
from reconciler.manifest.reader import Document, Kind, read_document
from reconciler.resources import shipped
from reconciler.settings import CONFIG_NAME

SCHEMA_NAME: Final = "fleet-v1.schema.json"

_KIND: Final = Kind("fleet", "'sites:' and an entry for each of them")


def read_fleet(path: Path) -> Fleet:
    """Read a fleet from its file.

    Raises:
        InvalidInput: it has mistakes, or cannot be read; all of them together.
    """
    document, found = _document(path)
    if document is not None:
        validator = _validator()
        for error in validator.iter_errors(document.root):
            found += explain(document, document.root, error)
        found += _empty(document)
    # Aliases share what they stand for, so a mistake in it can be met more than once.
    found = [*dict.fromkeys(found)]
    if document is None or any(each.is_error for each in found):
        raise InvalidInput(in_order(found))
    return _built(path, document)


def _document(path: Path) -> tuple[Document | None, list[Diagnostic]]:
    if path.is_dir():
        message, advice = "this is a folder, not a fleet.", "Name the file that lists the sites."
        return None, [Diagnostic("RR009", message, Position(str(path)), advice)]
    ((file, raw, problem),) = sources((path,))
    if raw is None or problem is not None:
        return None, [problem] if problem else []
    return read_document(file, raw, kind=_KIND)


@cache
def _validator() -> Draft202012Validator:
    text = shipped("schemas", SCHEMA_NAME).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def _empty(document: Document) -> list[Diagnostic]:
    """Return what is there and has nothing in it."""
    sites = document.root.get("sites")
    if not isinstance(sites, PlacedDict):
        return []
    advice = "Write 'NAME: {manifest: roles.yaml}' for each site."
    if not sites:
        place = document.position(document.root.key_place("sites"))
        return [Diagnostic("RR701", "the fleet has no sites.", place, advice)]
    return [
        Diagnostic(
            "RR701",
            "this site has an empty list of manifests.",
            document.position(entry.key_place("manifest")),
            "Name its files, or take the site out.",
        )
        for entry in sites.values()
        if isinstance(entry, PlacedDict) and entry.get("manifest") == []
    ]


def _built(path: Path, document: Document) -> Fleet:
    root = document.root
    folder = path.parent
    config = folder / _text(root.get("config"), CONFIG_NAME)
    entries = root["sites"]
    assert isinstance(entries, PlacedDict)  # noqa: S101 - the schema saw to it
    sites = []
    for name, entry in entries.items():
        assert isinstance(entry, PlacedDict)  # noqa: S101 - as above
        own = entry.get("config")
        sites.append(
            FleetSite(
                name,
                tuple(folder / each for each in _texts(entry["manifest"])),
                _text(entry.get("environment"), name),
                folder / own if isinstance(own, str) else config,
                document.position(entries.key_place(name)),
            )
        )
    limit = root.get("max_failed_sites")
    canary = root.get("canary")
    return Fleet(
        path,
        tuple(sites),
        config,
        canary if isinstance(canary, int) else 0,
        limit if isinstance(limit, int) else None,
    )


def _text(value: Value, default: str) -> str:
    return str(value) if isinstance(value, str) else default


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, PlacedList) else (str(value),)
