"""Reads the rosters that a manifest names, from their files or from a school system."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.errors import SiteError
from reconciler.manifest.model import Manifest
from reconciler.manifest.naming import Reference
from reconciler.manifest.roster_rules import RosterSource
from reconciler.rosters.formats import SERVICES, Files, read_files
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.service import load_service
from reconciler.rosters.warnings import remarked

HIDE_IDS: Final = "RECONCILER_HIDE_IDS"
"""The variable that, set to anything, leaves the values out of the mistakes of rosters."""


def read_rosters(manifest: Manifest, config: Path | None, *, offline: bool) -> Manifest:
    """Return a manifest with the rosters that its rules look at, and what is to be told of them.

    Args:
        manifest: as its files have it.
        config: says how to reach school systems; `reconciler.toml` in the current folder otherwise.
        offline: leave out the rosters that would have to be fetched.

    Raises:
        InvalidRoster: a roster has mistakes; all of them together.
        ConfigurationError: the settings do not say how to reach a school system.
        SiteError: a school system could not be read.
    """
    used = {rule.roster for rule in manifest.rules}
    rosters = {
        name: _read_roster(source, config)
        for name, source in manifest.sources.items()
        if name in used and not (offline and source.type in SERVICES)
    }
    remarks = [
        each
        for name, roster in rosters.items()
        for each in remarked(roster, manifest.sources[name].position, f"the roster {name}")
    ]
    warnings = (*manifest.warnings, *remarks)
    return replace(manifest, rosters=rosters, warnings=warnings) if rosters else manifest


def when_written(manifest: Manifest) -> dict[str, float]:
    """Tell when the rosters that were read from files were written, in seconds since 1970.

    Of a folder the newest file counts. What is fetched is as new as the run.
    """
    times = {}
    for name in manifest.rosters:
        source = manifest.sources[name]
        if source.path:
            path = Path(source.path.position.file).parent / source.path.key
            with suppress(OSError):
                files = path.iterdir() if path.is_dir() else (path,)
                times[name] = max((each.stat().st_mtime for each in files), default=0.0)
    return times


def _read_roster(source: RosterSource, config: Path | None) -> Roster:
    try:
        return read_roster(source.type, _files(source, source.path) or source.name, config)
    except InvalidRoster as invalid:
        named = f"the roster {source.name}"
        raise InvalidRoster(invalid.problems, named, source.position) from None


def _files(source: RosterSource, path: Reference | None) -> Files | None:
    """Say which files a roster is in, which are named relative to the manifest's own file."""
    if path is None:
        return None
    folder = Path(path.position.file).parent
    base = folder / source.base.key if source.base else None
    return Files(folder / path.key, base, source.columns)


def read_roster(kind: str, place: Files | str, config: Path | None = None) -> Roster:
    """Read a roster from its files, or fetch it from a school system.

    Every reader comes through here, so that no mistake shows an id where `HIDE_IDS` is set.

    Args:
        kind: its format; a key of `SERVICES` for a school system.
        place: its files, or what the settings call the school system.
        config: the settings; `reconciler.toml` in the current folder otherwise.

    Raises:
        InvalidRoster: the roster has mistakes; all of them together.
        ConfigurationError: the settings do not say how to reach the school system.
        SiteError: it could not be read; the message says which roster it is.
    """
    try:
        if isinstance(place, str):
            return _fetch(kind, place, config)
        return read_files(kind, place)
    except InvalidRoster as invalid:
        if not os.environ.get(HIDE_IDS):
            raise
        raise InvalidRoster(each.hidden for each in invalid.problems) from None


def _fetch(kind: str, name: str, config: Path | None) -> Roster:
    service = load_service(name, kind, config=config, environ=os.environ, directory=Path.cwd())
    try:
        return SERVICES[kind](service)
    except SiteError as error:
        # There may be several rosters, and the site is asked by requests of the same kind.
        error.args = (f"roster {name}: {error}",)
        raise
