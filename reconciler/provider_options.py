"""What an environment says to a provider that another distribution brings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """The settings of an environment that are its provider's own.

    Attributes:
        settings: the environment's, without what every environment may have.
    """

    settings: Settings

    def check_known(self, *keys: str) -> None:
        """Refuse a setting that the provider does not have."""
        self.settings.check_known(keys)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.settings.values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            what = "is missing" if value is None else "is not a text"
            raise self.settings.wrong(key, what, f'Write {key} = "…".')
        return value

    def path(self, key: str) -> Path:
        """Return a path; a relative one is meant from where the settings file is."""
        return self.settings.path(key, self.text(key))

    def secret(self, key: str) -> str:
        """Follow a reference, to a variable, a file or a command, and return what it leads to."""
        found = self.settings.referred(key)
        if found is None:
            raise self.settings.wrong(key, "is missing", f'Write {key} = {{env = "NAME"}}.')
        return found


@dataclass(frozen=True, slots=True)
class Plugged:
    """A site behind a provider that another distribution brings.

    Attributes:
        name: the provider's.
        options: what the environment says to it.
    """

    name: str
    options: ProviderOptions


class _AsGiven(dict[str, str]):
    """What messages call settings of which only their provider knows which there are."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def __missing__(self, key: str) -> str:
        return f"{self._where}{key}"


def as_given(where: str) -> Mapping[str, str]:
    """Return what messages call settings, each by its key.

    Args:
        where: what messages begin with.
    """
    return _AsGiven(where)
