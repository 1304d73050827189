"""The formats of rosters that are known here, and what is known of each without reading one.

Who reads them stands in `reconciler/rosters/files.py` and `formats.py`, by the same names; formats
that other distributions bring are in neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FOLDER: Final = "a folder"
ZIP: Final = "a zip archive"
CSV_FILE: Final = "a .csv file"
XML_FILE: Final = "a .xml file"

ONEROSTER_CSV: Final = "oneroster-csv"
ONEROSTER_REST: Final = "oneroster-rest"
SS12000: Final = "ss12000"
IMS_ENTERPRISE: Final = "ims-enterprise"
PLAIN_CSV: Final = "csv"


@dataclass(frozen=True, slots=True)
class RosterFormat:
    """A format.

    Attributes:
        found_as: what may be at its path; nothing, where a service is asked for it.
        takes: what a manifest says beside the type; all but a base is needed.
        leads: whether a primary teacher leads a class of any subject (OneRoster, "primary"). In the
            others it is marked, by the source or by whoever names the column, who is a class's
            mentor.
        versions: whether a service may speak one of several versions of it.
    """

    found_as: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    leads: bool = False
    versions: bool = False


FORMATS: Final[Mapping[str, RosterFormat]] = MappingProxyType(
    {
        ONEROSTER_CSV: RosterFormat((FOLDER, ZIP), ("path", "base"), leads=True),
        ONEROSTER_REST: RosterFormat(leads=True, versions=True),
        SS12000: RosterFormat(),
        IMS_ENTERPRISE: RosterFormat((ZIP, XML_FILE), ("path",)),
        PLAIN_CSV: RosterFormat((CSV_FILE,), ("path", "columns")),
    }
)
