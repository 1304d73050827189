"""Reads what is declared: manifests with their rosters, and the site-wide policy file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from reconciler.diagnostics import in_order
from reconciler.errors import InvalidInput
from reconciler.gc_pause import collector_paused
from reconciler.manifest import load
from reconciler.manifest.model import Manifest


@collector_paused()
def load_manifest(
    paths: Iterable[str | Path], *, config: Path | None = None, offline: bool = False
) -> Manifest:
    """Read a manifest from files and directories, and its rosters, and check them by themselves.

    Args:
        paths: the files and directories.
        config: says how to reach the school systems whose rosters are fetched; `reconciler.toml` in
            the current folder otherwise.
        offline: leave out the rosters that would have to be fetched.

    Raises:
        InvalidInput: it has mistakes; all of them together.
        InvalidRoster: a roster has; all of them together.
        ConfigurationError: the settings do not say how to reach a school system.
        SiteError: a school system could not be read.
    """
    manifest = load.load_manifest([Path(path) for path in paths])
    if not manifest.rules:
        return manifest  # nothing would look at a roster
    from reconciler.workflows.rosters import read_rosters  # noqa: PLC0415 - loads every format

    return read_rosters(manifest, config, offline=offline)


def load_policy(path: str | Path | None) -> Manifest | None:
    """Read a site-wide policy file, where there is one.

    Raises:
        InvalidInput: it has mistakes, or states more than policies; all of them together.
    """
    return None if path is None else read_policy(path)


def read_policy(path: str | Path) -> Manifest:
    """Read a site-wide policy file: a manifest that states the site and policies, nothing else.

    Raises:
        InvalidInput: it has mistakes, or states more than policies; all of them together.
    """
    loaded = load.load_manifest([Path(path)])
    found = in_order((*loaded.warnings, *load.policy_problems(loaded)))
    if any(each.is_error for each in found):
        raise InvalidInput(found)
    return replace(loaded, warnings=found)
