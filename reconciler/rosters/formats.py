"""Which formats of rosters there are, and which one a path holds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.rosters.oneroster_csv import read_bundle

FORMATS: Final[Mapping[str, Callable[[Path], Roster]]] = MappingProxyType(
    {"oneroster-csv": read_bundle}
)
"""Per format its reader; each raises `InvalidRoster` with everything that is wrong."""
