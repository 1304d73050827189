"""How to reach a school system: `[rosters.NAME]` in the settings file.

Credentials are references, as for a site (design, section 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.credentials import is_plain
from reconciler.domain.roster_formats import FORMATS
from reconciler.errors import ConfigurationError
from reconciler.settings import CONFIG_NAME, Endpoint, Settings, read_config
from reconciler.suggest import did_you_mean

_KEYS: Final = (
    *("url", "base_path", "version", "token_url", "scope", "client_id", "client_secret", "token"),
    *("ca_bundle", "timeout", "page"),
)
_MOST_PER_PAGE: Final = 10_000


@dataclass(frozen=True, slots=True)
class RosterService(Endpoint):
    """A school system that is asked for its roster.

    Attributes:
        base_path: where its service stands below `url`; None for the usual place.
        version: the version of the format that it speaks; None for the latest that is known.
        scope: what the token is asked for; None for the usual one, empty for none.
        page: how many rows to ask for at once; None for the usual number.
    """

    base_path: str | None = None
    version: str | None = None
    scope: str | None = None
    page: int | None = None


def load_service(
    name: str, kind: str, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> RosterService:
    """Find how to ask a school system for its roster: `[rosters.NAME]` in the settings file.

    Args:
        name: what the manifest calls the roster.
        kind: the type that it says the roster is of.
        config: the file asked for; `reconciler.toml` in `directory` otherwise.
        environ: the environment variables.
        directory: where the file is looked for.

    Raises:
        ConfigurationError: nothing usable was found, or something in it is wrong.
    """
    path = config or directory / CONFIG_NAME
    advice = f"Write [rosters.{name}] there, with url and credentials."
    if not path.is_file():
        raise ConfigurationError(
            f"The roster {name} is fetched from a service, and there is no {path}.", advice
        )
    known = read_config(path).rosters
    if name not in known:
        raise ConfigurationError(
            f"{path} has no roster {name}.", did_you_mean(name, known) or advice
        )
    where = f"{path}: roster {name}: "
    names = {key: f"{where}{key}" for key in _KEYS}
    settings = _Roster(known[name], names, where, path.parent, environ)
    if "version" in settings.values and not FORMATS[kind].versions:
        only = " and ".join(name for name, each in FORMATS.items() if each.versions)
        raise settings.wrong("version", f"is for {only}, and the roster is {kind}", "Leave it out.")
    return settings.service()


class _Roster(Settings):
    """The settings of a roster's service."""

    def service(self) -> RosterService:
        """Check the settings and follow their references."""
        self.check_known(_KEYS)
        credentials = self.credentials()
        if credentials["client_id"] and "token_url" not in self.values:
            raise self.wrong("token_url", "is missing", "Say where credentials become a token.")
        url = self.url("url").rstrip("/")
        return RosterService(
            url=url,
            token_url=self.url("token_url") if "token_url" in self.values else url,
            **credentials,
            base_path=self._base_path(),
            version=self._text("version", ("1.1", "1.2")),
            scope=self._text("scope"),
            page=self._page(),
        )

    def _base_path(self) -> str | None:
        path = self._text("base_path")
        if path and (not path.startswith("/") or not is_plain(path) or {"?", "#"} & set(path)):
            raise self.wrong("base_path", "is not a path", 'Write one like "/ims/oneroster/v1p1".')
        return None if path is None else path.rstrip("/")

    def _text(self, key: str, known: Sequence[str] = ()) -> str | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, str) or (known and value not in known)):
            listed = " or ".join(f'"{each}"' for each in known)
            raise self.wrong(key, f"is not {listed or 'a text'}", f"Write {listed or 'a text'}.")
        return value

    def _page(self) -> int | None:
        value = self.values.get("page")
        if value is not None and (type(value) is not int or not 1 <= value <= _MOST_PER_PAGE):
            raise self.wrong("page", "is not a number of rows", f"Write 1 to {_MOST_PER_PAGE}.")
        return value
