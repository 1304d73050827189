"""Which formats of rosters there are, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.rosters.ims_enterprise import read_enterprise
from reconciler.rosters.oneroster_csv import read_bundle
from reconciler.rosters.oneroster_rest import read_service
from reconciler.rosters.plain_csv import read_plain_csv
from reconciler.rosters.service import RosterService
from reconciler.rosters.ss12000 import read_ss12000


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

SERVICES: Final[Mapping[str, Callable[[RosterService], Roster]]] = MappingProxyType(
    {"oneroster-rest": read_service, "ss12000": read_ss12000}
)
"""Per format that is fetched from a school system its reader.

Each raises `InvalidRoster` with everything that is wrong, or `SiteError` where something could not
be read.
"""
