"""How to reach a site: environments in `reconciler.toml`, or environment variables.

Credentials are references (an environment variable, a file, a command), never values in the file,
and never in the manifest (design, section 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconciler.credentials import Secret, Unusable, is_plain, placed
from reconciler.errors import ConfigurationError
from reconciler.plugins import is_name
from reconciler.provider_options import Plugged, ProviderOptions, as_given
from reconciler.settings import CONFIG_NAME, OF_RUNS, Endpoint, Settings, read_config
from reconciler.suggest import did_you_mean

_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "url": "RECONCILER_URL",
        "token_url": "RECONCILER_TOKEN_URL",
        "client_id": "RECONCILER_CLIENT_ID",
        "client_secret": "RECONCILER_CLIENT_SECRET",
        "token": "RECONCILER_TOKEN",
        "ca_bundle": "RECONCILER_CA_BUNDLE",
        "journal": "RECONCILER_JOURNAL",
        "policy": "RECONCILER_POLICY",
    }
)
CACHE_DIR: Final = "RECONCILER_CACHE_DIR"
"""The variable that names the folder of the copies of sites."""

_READ_FOR_EVERY_ENVIRONMENT: Final = ("journal", "policy")
_KEYS: Final = (*_VARIABLES, "timeout", "actors", "provider", "path", *OF_RUNS)
_OF_SNAPSHOTS: Final = ("provider", "path", "journal", "policy", *OF_RUNS)
_API: Final = "api"
_SNAPSHOT: Final = "snapshot"
_PROVIDERS: Final = (_API, _SNAPSHOT)
_OF_EVERY_PROVIDER: Final = ("provider", "actors", "journal", "policy", *OF_RUNS)


@dataclass(frozen=True, slots=True)
class Connection(Endpoint):
    """A site and the means to reach it.

    Attributes:
        actors: names under which the environment's other pipelines write.
        journal: where runs are recorded, a file or a database's URL; None for the usual file. A
            secret, since a URL may hold a password.
        policy: the site-wide policy file, which no manifest can loosen.
        snapshot: for a site without an API the file that says what is on it; then there is no
            address to ask, and an apply makes a runbook.
        plugged: for a site behind somebody else's provider what leads to it; there is no address.
        cache: the folder that keeps what was read, people's names included; None for no copy. The
            commands set it (`cache_folder`), and `load_connection` does not.
    """

    actors: tuple[str, ...] = ()
    journal: Secret | None = None
    policy: Path | None = None
    snapshot: Path | None = None
    plugged: Plugged | None = None
    cache: Path | None = None


def load_connection(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> Connection:
    """Find the settings to use.

    What is named, an environment or a file, comes from the file; otherwise RECONCILER_URL and its
    companions win, then the file's `default`, then its only environment.

    Args:
        environment: the name asked for, if any.
        config: the file asked for; `reconciler.toml` in `directory` otherwise.
        environ: the environment variables.
        directory: where the file is looked for.

    Raises:
        ConfigurationError: nothing usable was found, or something in it is wrong.
    """
    settings = find_settings(environment, config=config, environ=environ, directory=directory)
    return settings.connection()


def site_url(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> str:
    """Find a site's address, and follow no reference to a secret for it.

    Args and errors: as `load_connection`.
    """
    settings = find_settings(environment, config=config, environ=environ, directory=directory)
    return settings.address()


def site_place(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> str:
    """Say where a site is, as far as its settings say so: nothing is checked, none is followed.

    Args and errors: as `load_connection`. Where no site is named, it is an empty text.
    """
    settings = _find(environment, config=config, environ=environ, directory=directory)
    if settings is None:
        return ""
    values = settings.values
    path = values.get("path")
    file = str((settings.base / path).resolve()) if isinstance(path, str) and is_plain(path) else ""
    return "|".join(
        (str(values.get("provider", _API)), str(values.get("url", "")).rstrip("/"), file)
    )


def journal_location(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> Secret | None:
    """Find where runs are recorded; no site need be named for it.

    Args and errors: as `load_connection`.

    Returns:
        A file or a database's URL, or None for the usual file.
    """
    settings = _find(environment, config=config, environ=environ, directory=directory)
    if settings is None and environment is not None:
        return load_connection(
            environment, config=config, environ=environ, directory=directory
        ).journal
    return (settings or SiteSettings.of_variables(environ, directory)).journal()


class RunSettings(NamedTuple):
    """What the settings say of the runs on a site, not of the site itself.

    Attributes:
        environment: the name of the environment; empty where none is used.
        path: the settings file.
        where: per table what messages call it.
        tables: the tables that there are, not yet checked.
    """

    environment: str
    path: Path
    where: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Any]]


def run_settings(
    environment: str | None,
    *,
    config: Path | None,
    environ: Mapping[str, str],
    directory: Path,
    site: bool = True,
) -> RunSettings:
    """Find what the settings say of runs: the environment's own tables, else those at the top.

    Args:
        environment: the name asked for, if any.
        config: the file asked for; `reconciler.toml` in `directory` otherwise.
        environ: the environment variables.
        directory: where the file is looked for.
        site: whether an environment is used at all; a fleet has many, and a saved state none.

    Raises:
        ConfigurationError: the file cannot be read, or the environment is not known.
    """
    path = config or directory / CONFIG_NAME
    if not path.is_file():
        return RunSettings(environment or "", path, {}, {})
    found = read_config(path)
    name = ""
    if (
        site
        and not of_variables(environment, config, environ)
        and (environment or found.environments)
    ):
        name = _choose(environment or found.default, found.environments, path)
    own = found.environments.get(name, {})
    tables, where = {}, {}
    for key in OF_RUNS:
        inherited = key not in own
        table = getattr(found, key) if inherited else own[key]
        where[key] = f"{path}: {key}" if inherited else f"{path}: environment {name}: {key}"
        if not isinstance(table, dict):
            raise ConfigurationError(f"{where[key]} is not a table.", f"Write [{key}].")
        if table:
            tables[key] = table
    return RunSettings(name, path, where, tables)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder in which the commands keep what they read, or None where they are not to.

    RECONCILER_CACHE_DIR names it, or else it is the user's cache folder; RECONCILER_NO_CACHE, set
    to anything, wins.
    """
    if environ.get("RECONCILER_NO_CACHE"):
        return None
    named = environ.get(CACHE_DIR)
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # noqa: PLC0415 - a saved state needs none

    return user_cache_path("reconciler", appauthor=False)


def policy_variable(environ: Mapping[str, str]) -> Path | None:
    """Return the site-wide policy file that RECONCILER_POLICY names, if any.

    Raises:
        ConfigurationError: the variable is set, but empty: a policy may be meant and is not found.
    """
    given = environ.get(_VARIABLES["policy"])
    if given is not None and not given.strip():
        raise ConfigurationError(
            f"{_VARIABLES['policy']} is set, but empty.", "Name a file, or unset it."
        )
    return Path(given) if given else None


def find_settings(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> "SiteSettings":
    """Find the settings to use, and check and follow none of them yet.

    Args and errors: as `load_connection`.
    """
    settings = _find(environment, config=config, environ=environ, directory=directory)
    if settings is None:
        path = config or directory / CONFIG_NAME
        raise ConfigurationError(
            f"No site is named: there is no {path}, and RECONCILER_URL is not set."
            if environment is None
            else f"The environment {environment} needs {path}, which does not exist.",
            f"Write {CONFIG_NAME}, set RECONCILER_URL, or use --live FILE.",
        )
    return settings


def of_variables(environment: str | None, config: Path | None, environ: Mapping[str, str]) -> bool:
    """Whether RECONCILER_URL says which site: it wins over a file that nobody has named."""
    return environment is None and config is None and bool(environ.get("RECONCILER_URL"))


def _find(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> "SiteSettings | None":
    if of_variables(environment, config, environ):
        return SiteSettings.of_variables(environ, directory)
    path = config or directory / CONFIG_NAME
    if not path.is_file():
        return None
    found = read_config(path)
    environments = found.environments
    beside = found.rosters or any(getattr(found, key) for key in OF_RUNS)
    if environment is None and found.default is None and beside and not environments:
        # It is about school systems or runs alone.
        return (
            SiteSettings.of_variables(environ, directory) if environ.get("RECONCILER_URL") else None
        )
    name = _choose(environment or found.default, environments, path)
    where = f"{path}: environment {name}: "
    names = {key: f"{where}{key}" for key in _KEYS}
    return SiteSettings(environments[name], names, where, path.parent, environ)


def _choose(wanted: str | None, known: Mapping[str, object], path: Path) -> str:
    if wanted is None and len(known) == 1:
        return next(iter(known))
    if not known:
        raise ConfigurationError(f"{path} has no environments.", "Write [environments.NAME].")
    names = ", ".join(sorted(known))
    if wanted is None:
        raise ConfigurationError(
            f"{path} has {len(known)} environments and no default.",
            f"Name one with --environment; there are: {names}.",
        )
    if wanted not in known:
        raise ConfigurationError(
            f"{path} has no environment {wanted}.",
            did_you_mean(wanted, known) or f"There are: {names}.",
        )
    return wanted


def runbook_beside(snapshot: Path) -> Path:
    """Return where the runbook of a site without an API stands: beside its snapshot."""
    return snapshot.with_name(f"{snapshot.stem}.runbook.json")


def kept_files(*, config: Path | None, directory: Path) -> list[Path]:
    """Name the snapshots and runbooks of all environments: no result is written over them.

    Args:
        config: the settings file asked for; `reconciler.toml` in `directory` otherwise.
        directory: where the file is looked for. One that cannot be read names none.
    """
    path = config or directory / CONFIG_NAME
    try:
        tables = read_config(path).environments.values()
        snapshots = [
            placed(table["path"], path.parent)
            for table in tables
            if table.get("provider") == "snapshot" and isinstance(table.get("path"), str)
        ]
    except (ConfigurationError, Unusable):  # who needs the settings says so
        return []
    return [each for found in snapshots for each in (found, runbook_beside(found))]


class SiteSettings(Settings):
    """The settings of a site."""

    @classmethod
    def of_variables(cls, environ: Mapping[str, str], directory: Path) -> "SiteSettings":
        """Take the settings from RECONCILER_URL and its companions."""
        values: dict[str, Any] = {
            key: environ[variable]
            for key, variable in _VARIABLES.items()
            if environ.get(variable) and key not in _READ_FOR_EVERY_ENVIRONMENT
        }
        for key in ("client_secret", "token"):
            if key in values:
                values[key] = {"env": _VARIABLES[key]}
        return cls(values, _VARIABLES, "", directory, environ)

    @property
    def source(self) -> str:
        """Where they come from, in words."""
        return self.where.removesuffix(": ") or f"{_VARIABLES['url']} and its companions"

    def connection(self) -> Connection:
        """Check the settings and follow their references."""
        return replace(self.with_credentials(), journal=self.journal())

    def with_credentials(self) -> Connection:
        """Check the settings but for the journal, and follow their references."""
        credentials = self.credentials() if self._provider() == _API else {}
        return replace(self.without_secrets(), **credentials)

    def without_secrets(self) -> Connection:
        """Check the settings but for the credentials and the journal, and follow no reference."""
        provider = self._provider()
        if is_name(provider):
            return self._plugged(provider)
        if provider == _SNAPSHOT:
            return Connection(
                url="", token_url="", policy=self._policy(), snapshot=self._snapshot()
            )
        url = self.address()
        return Connection(
            url=url,
            token_url=self.url("token_url") if "token_url" in self.values else f"{url}/oauth/token",
            ca_bundle=self.ca_bundle(),
            timeout=self.timeout(),
            actors=self._actors(),
            policy=self._policy(),
        )

    def _provider(self) -> str:
        """Tell which provider is meant; only settings that it has may be there."""
        provider = self.values.get("provider", _PROVIDERS[0])
        if isinstance(provider, str) and is_name(provider):
            return provider
        self.check_known(_KEYS)
        if provider not in _PROVIDERS:
            raise self.wrong(
                "provider",
                "is not known",
                f"There are: {', '.join(_PROVIDERS)}. The name of one that is installed has a dot.",
            )
        if provider == _SNAPSHOT:
            self.check_known(_OF_SNAPSHOTS)
        elif "path" in self.values:
            raise self.wrong(
                "path", "is for snapshots", 'Leave it out, or add provider = "snapshot".'
            )
        return str(provider)

    def _plugged(self, name: str) -> Connection:
        own = {key: each for key, each in self.values.items() if key not in _OF_EVERY_PROVIDER}
        options = ProviderOptions(replace(self, values=own, names=as_given(self.where)))
        return Connection(
            url="",
            token_url="",
            actors=self._actors(),
            policy=self._policy(),
            plugged=Plugged(name, options),
        )

    def address(self) -> str:
        """Return the site's address, without a trailing slash."""
        return self.url("url").rstrip("/")

    def journal(self) -> Secret | None:
        """Find where runs are recorded: the environment's own place, else RECONCILER_JOURNAL."""
        value = self.values.get("journal")
        if isinstance(value, dict):
            return self.secret("journal")
        if value is None:
            given = self.environ.get(_VARIABLES["journal"])
            if given is not None and not given.strip():
                raise ConfigurationError(
                    f"{_VARIABLES['journal']} is set, but empty.",
                    "Give it a value, or unset it to use the file of this machine.",
                )
            return Secret(given) if given else None
        if not isinstance(value, str) or not value:
            raise self.wrong("journal", "is not a text", 'Write "journal.db" or a reference.')
        if "://" not in value:
            return Secret(str(self.path("journal", value)))
        if "@" in value and ":" in value.partition("://")[2].rpartition("@")[0]:
            raise self.wrong(
                "journal", "holds a password", 'Write journal = {env = "NAME"} instead.'
            )
        return Secret(value)

    def _policy(self) -> Path | None:
        """Find the site-wide policy file: the environment's own, else RECONCILER_POLICY."""
        value = self.values.get("policy")
        if value is None:
            return policy_variable(self.environ)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong("policy", "is not a file's name", 'Write policy = "policy.yaml".')
        return self.path("policy", value)

    def _snapshot(self) -> Path:
        """Find the file that says what is on a site without an API."""
        value = self.values.get("path")
        if not isinstance(value, str) or not value.strip():
            what = "is missing" if value is None else "is not a file's name"
            raise self.wrong("path", what, 'Write path = "snapshot.json".')
        return self.path("path", value)

    def _actors(self) -> tuple[str, ...]:
        value = self.values.get("actors", [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.wrong("actors", "is not a list of names", 'Write ["NAME", "…"].')
        return tuple(value)
