"""Which formats of rosters there are: those of files, and those that a service is asked for."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import Roster
from reconciler.domain.roster_formats import ONEROSTER_REST, SS12000
from reconciler.errors import ConfigurationError
from reconciler.plugins import ROSTERS, TELL, capitalised, is_name, load
from reconciler.rosters.files import FILES, Files
from reconciler.rosters.service import RosterService


def _read_oneroster(service: RosterService) -> Roster:
    from reconciler.rosters.oneroster_rest import read_service  # noqa: PLC0415 - loads requests

    return read_service(service)


def _read_ss12000(service: RosterService) -> Roster:
    from reconciler.rosters.ss12000 import read_ss12000  # noqa: PLC0415 - as above

    return read_ss12000(service)


__all__ = ["FILES", "SERVICES", "Files", "read_files"]

SERVICES: Final[Mapping[str, Callable[[RosterService], Roster]]] = MappingProxyType(
    {ONEROSTER_REST: _read_oneroster, SS12000: _read_ss12000}
)
"""Per format that is fetched from a school system its reader.

Each raises `InvalidRoster` with everything that is wrong, or `SiteError` where something could not
be read.
"""


def read_files(kind: str, files: Files) -> Roster:
    """Read a roster from its files.

    Args:
        kind: a key of `FILES`, or the name of a format that another distribution brings.
        files: where they are.

    Raises:
        InvalidRoster: it has mistakes; all of them together.
        ConfigurationError: nobody brings such a format, or who brings it failed.
    """
    if not is_name(kind):
        return FILES[kind](files)
    plugin = load(ROSTERS, kind)
    with plugin.telling(ConfigurationError):
        found = plugin.object(files)
    if not isinstance(found, Roster):
        raise ConfigurationError(f"{capitalised(plugin.said)} returned no roster.", TELL)
    return found
