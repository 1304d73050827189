"""What other distributions bring: it is found by an entry point, and loaded when somebody names it.

Names of what is brought have a dot, `example.folder`, and those of what is built in have none: so
neither ever stands in the other's place.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, NamedTuple

from reconciler.errors import ConfigurationError, ReconcilerError
from reconciler.plain import plain
from reconciler.suggest import did_you_mean

PROVIDERS: Final = "reconciler.providers"
"""The group of entry points of providers (`reconciler.provider.Provider`)."""

ROSTERS: Final = "reconciler.rosters"
"""The group of entry points of what reads rosters (`reconciler.rosters.files.Files`)."""

TELL: Final = "Tell those who make it; `reconciler.testing` has tests that it should pass."
"""What to do about a plugin that does not keep to what was agreed."""

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

    @contextmanager
    def telling(self, failure: type[ReconcilerError]) -> Iterator[None]:
        """Tell of what it raises, but not in its own words: they may hold names or secrets.

        Args:
            failure: what to raise in the place of what is no error of ours.
        """
        try:
            yield
        except ConfigurationError as error:
            error.naming_nobody("")  # it may quote from a site or a roster in it
            raise
        except ReconcilerError:
            raise
        except (Exception, SystemExit) as error:
            what = plain(type(error).__name__)
            raise failure(f"{capitalised(self.said)} failed: {what}.", TELL) from error


def is_name(name: str) -> bool:
    """Whether something of this name would be brought by another distribution."""
    return _NAME.fullmatch(name) is not None


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
