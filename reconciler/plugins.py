"""What other distributions bring: it is found by an entry point, and loaded when somebody names it.

Names of what is brought have a dot, `example.folder`, and those of what is built in have none: so
neither ever stands in the other's place.
"""

import re
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, NamedTuple

from reconciler.errors import ConfigurationError
from reconciler.plain import plain
from reconciler.suggest import did_you_mean

PROVIDERS: Final = "reconciler.providers"
"""The group of entry points of providers (`reconciler.provider.Provider`)."""

ROSTERS: Final = "reconciler.rosters"
"""The group of entry points of what reads rosters (`reconciler.rosters.files.Files`)."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
_NOUNS: Final = {PROVIDERS: "provider", ROSTERS: "format of rosters"}


class Plugin(NamedTuple):
    """Something that was brought.

    Attributes:
        said: what messages call it, with the distribution that brings it and its version.
        object: what its entry point leads to.
    """

    said: str
    object: Any


def is_name(name: str) -> bool:
    """Whether something of this name would be brought by another distribution."""
    return _NAME.fullmatch(name) is not None


def installed(group: str) -> list[str]:
    """Name what is brought, each with its distribution and version."""
    return sorted(f"{each.name} ({_brought_by(each)})" for each in entry_points(group=group))


def load(group: str, name: str) -> Plugin:
    """Load what stands behind a name.

    Raises:
        ConfigurationError: nobody brings it, several do, or it cannot be loaded.
    """
    noun = _NOUNS[group]
    found = [*entry_points(group=group, name=name)]
    if not found:
        known = sorted({each.name for each in entry_points(group=group)})
        raise ConfigurationError(
            f"There is no {noun} {name}.",
            did_you_mean(name, known)
            or "Install the distribution that brings it into the program's own environment.",
        )
    if len(found) > 1:
        brought = ", ".join(sorted(map(_brought_by, found)))
        raise ConfigurationError(
            f"The {noun} {name} is brought more than once: {brought}.", "Uninstall all but one."
        )
    said = f"the {noun} {name} ({_brought_by(found[0])})"
    try:
        return Plugin(said, found[0].load())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is somebody else's code
        raise ConfigurationError(
            f"{capitalised(said)} cannot be loaded: {plain(type(error).__name__)}.",
            "Reinstall it, in a version that goes with this program.",
        ) from None


def capitalised(sentence: str) -> str:
    """Return a sentence with a capital letter, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def _brought_by(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
