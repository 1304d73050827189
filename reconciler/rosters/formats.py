"""Which formats of rosters there are, and how each is read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.plain_csv import read_plain_csv

Read = Callable[[Path, Mapping[str, str]], Roster]
"""Reads a roster, given its path and what the columns of a plain CSV file mean.

Raises `InvalidRoster` with everything that is wrong.
"""

FORMATS: Final[Mapping[str, Read]] = MappingProxyType(
    {"oneroster-csv": lambda path, _columns: read_bundle(path), "csv": read_plain_csv}
)
"""Per format its reader."""
