"""How a manifest names people and units; references are the keys that its author wrote."""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.diagnostics import Position


class PersonKey(StrEnum):
    """How a manifest names people."""

    SYNC_KEY = "sync_key"
    USERNAME = "username"
    EMAIL = "email"
    ID = "id"


class UnitKey(StrEnum):
    """How a manifest names units; a path is the titles from below the site, joined by `/`."""

    SYNC_KEY = "sync_key"
    PATH = "path"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Reference:
    """A key as the author wrote it, and where."""

    key: str
    position: Position
