"""Which formats of rosters are read from files, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.rosters.ims_enterprise import read_enterprise
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.plain_csv import read_plain_csv


@dataclass(frozen=True, slots=True)
class Files:
    """Where a roster is.

    Attributes:
        path: a file or folder.
        base: the whole export that it goes with, where it holds changes only.
        columns: what the columns of a plain CSV file mean.
    """

    path: Path
    base: Path | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


FILES: Final[Mapping[str, Callable[[Files], Roster]]] = MappingProxyType(
    {
        "oneroster-csv": lambda files: read_bundle(files.path, files.base),
        "ims-enterprise": lambda files: read_enterprise(files.path),
        "csv": lambda files: read_plain_csv(files.path, files.columns),
    }
)
"""Per format that is read from files its reader.

Each raises `InvalidRoster` with everything that is wrong.
"""
