"""Reads the rosters that a manifest names, from their files or from a school system."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.errors import SiteError
from reconciler.manifest.model import Manifest, Reference, RosterSource
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
        if source.path:
            return _read_files(source, source.path)
        return fetch_roster(source.type, source.name, config)
    except InvalidRoster as invalid:
        named = f"the roster {source.name}"
        problems = invalid.problems
        if os.environ.get(HIDE_IDS):
            problems = tuple(each.hidden for each in problems)
        raise InvalidRoster(problems, named, source.position) from None


def _read_files(source: RosterSource, path: Reference) -> Roster:
    """Read a roster from its files, which are named relative to the manifest's own file."""
    folder = Path(path.position.file).parent
    base = folder / source.base.key if source.base else None
    return read_files(source.type, Files(folder / path.key, base, source.columns))


def fetch_roster(kind: str, name: str, config: Path | None = None) -> Roster:
    """Fetch a roster from a school system.

    Args:
        kind: a key of `SERVICES`.
        name: what the settings call it.
        config: the settings; `reconciler.toml` in the current folder otherwise.

    Raises:
        InvalidRoster: the roster has mistakes; all of them together.
        ConfigurationError: the settings do not say how to reach the school system.
        SiteError: it could not be read; the message says which roster it is.
    """
    service = load_service(name, kind, config=config, environ=os.environ, directory=Path.cwd())
    try:
        return SERVICES[kind](service)
    except SiteError as error:
        # There may be several rosters, and the site is asked by requests of the same kind.
        error.args = (f"roster {name}: {error}",)
        raise
