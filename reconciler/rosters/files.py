"""Which formats of rosters are read from files, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.domain.roster_formats import IMS_ENTERPRISE, ONEROSTER_CSV, PLAIN_CSV


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


def _oneroster_csv(files: Files) -> Roster:
    from reconciler.rosters.oneroster_csv import read_bundle  # noqa: PLC0415 - one format is read

    return read_bundle(files.path, files.base)


def _ims_enterprise(files: Files) -> Roster:
    from reconciler.rosters.ims_enterprise import read_enterprise  # noqa: PLC0415 - as above

    return read_enterprise(files.path)


def _plain_csv(files: Files) -> Roster:
    from reconciler.rosters.plain_csv import read_plain_csv  # noqa: PLC0415 - as above

    return read_plain_csv(files.path, files.columns)


FILES: Final[Mapping[str, Callable[[Files], Roster]]] = MappingProxyType(
    {
        ONEROSTER_CSV: _oneroster_csv,
        IMS_ENTERPRISE: _ims_enterprise,
        PLAIN_CSV: _plain_csv,
    }
)
"""Per format that is read from files its reader.

Each raises `InvalidRoster` with everything that is wrong.
"""
