"""How to reach a site: environments in `reconciler.toml`, or environment variables.

Credentials are references (an environment variable, a file, a command), never values in the file,
and never in the manifest (design, section 4).
"""

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.credentials import Secret, Unusable, follow, is_plain
from reconciler.errors import ConfigurationError
from reconciler.suggest import did_you_mean

CONFIG_NAME: Final = "reconciler.toml"

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
_READ_FOR_EVERY_ENVIRONMENT: Final = ("journal", "policy")
_KEYS: Final = (*_VARIABLES, "timeout", "actors")


@dataclass(frozen=True, slots=True)
class Connection:
    """A site and the means to reach it: a token, or a client's id and secret.

    Attributes:
        url: without a trailing slash.
        token_url: where client credentials are exchanged for a token.
        client_id: with `client_secret`; or None where there is a `token`.
        ca_bundle: a file of certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer to begin, or to go on.
        actors: names under which the environment's other pipelines write.
        journal: where runs are recorded, a file or a database's URL; None for the usual file. A
            secret, since a URL may hold a password.
        policy: the site-wide policy file, which no manifest can loosen.
    """

    url: str
    token_url: str
    client_id: str | None = None
    client_secret: Secret | None = None
    token: Secret | None = None
    ca_bundle: Path | None = None
    timeout: float = 30.0
    actors: tuple[str, ...] = ()
    journal: Secret | None = None
    policy: Path | None = None


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
    settings = _find(environment, config=config, environ=environ, directory=directory)
    if settings is None:
        path = config or directory / CONFIG_NAME
        raise ConfigurationError(
            f"No site is named: there is no {path}, and RECONCILER_URL is not set."
            if environment is None
            else f"The environment {environment} needs {path}, which does not exist.",
            f"Write {CONFIG_NAME}, set RECONCILER_URL, or use --live FILE.",
        )
    return settings.connection()


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
    return (settings or _Settings.of_variables(environ, directory)).journal()


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


def _find(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> "_Settings | None":
    if environment is None and config is None and environ.get("RECONCILER_URL"):
        return _Settings.of_variables(environ, directory)
    path = config or directory / CONFIG_NAME
    if not path.is_file():
        return None
    default, environments = _read(path)
    name = _choose(environment or default, environments, path)
    where = f"{path}: environment {name}: "
    names = {key: f"{where}{key}" for key in _KEYS}
    return _Settings(environments[name], names, where, path.parent, environ)


def _read(path: Path) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """Return the default environment's name, if any, and the environments."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}.", "Correct it there.") from None
    for key in document:
        if key not in ("default", "environments"):
            raise ConfigurationError(
                f"{path}: {key} is not known at the top.",
                did_you_mean(key, ("default", "environments"))
                or "There are default and [environments.NAME].",
            )
    default, environments = document.get("default"), document.get("environments", {})
    if default is not None and not isinstance(default, str):
        raise ConfigurationError(f"{path}: default is not a name.", 'Write default = "NAME".')
    if not isinstance(environments, dict) or not all(
        isinstance(each, dict) for each in environments.values()
    ):
        raise ConfigurationError(
            f"{path}: environments is not a table of tables.", "Write [environments.NAME]."
        )
    return default, environments


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


@dataclass(frozen=True, slots=True)
class _Settings:
    """The settings of one environment, not yet checked.

    Attributes:
        values: as they were given.
        names: per key what messages call it.
        where: what messages begin with when no single key is meant.
        base: what relative paths are relative to.
        environ: the environment variables.
    """

    values: Mapping[str, Any]
    names: Mapping[str, str]
    where: str
    base: Path
    environ: Mapping[str, str]

    @classmethod
    def of_variables(cls, environ: Mapping[str, str], directory: Path) -> "_Settings":
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

    def connection(self) -> Connection:
        """Check the settings and follow their references."""
        for key in self.values:
            if key not in _KEYS:
                raise ConfigurationError(
                    f"{self.where}{key} is not known.",
                    did_you_mean(key, _KEYS) or f"There are: {', '.join(_KEYS)}.",
                )
        self._check_credentials()
        url = self._url("url").rstrip("/")
        client_id = self.values.get("client_id")
        return Connection(
            url=url,
            token_url=self._url("token_url")
            if "token_url" in self.values
            else f"{url}/oauth/token",
            client_id=client_id if isinstance(client_id, str) else self._referred("client_id"),
            client_secret=self._secret("client_secret"),
            token=self._secret("token"),
            ca_bundle=self._ca_bundle(),
            timeout=self._timeout(),
            actors=self._actors(),
            journal=self.journal(),
            policy=self._policy(),
        )

    def journal(self) -> Secret | None:
        """Find where runs are recorded: the environment's own place, else RECONCILER_JOURNAL."""
        value = self.values.get("journal")
        if isinstance(value, dict):
            return self._secret("journal")
        if value is None:
            given = self.environ.get(_VARIABLES["journal"])
            if given is not None and not given.strip():
                raise ConfigurationError(
                    f"{_VARIABLES['journal']} is set, but empty.",
                    "Give it a value, or unset it to use the file of this machine.",
                )
            return Secret(given) if given else None
        if not isinstance(value, str) or not value:
            raise self._wrong("journal", "is not a text", 'Write "journal.db" or a reference.')
        if "://" not in value:
            return Secret(str(self._path(value)))
        if "@" in value and ":" in value.partition("://")[2].rpartition("@")[0]:
            raise self._wrong(
                "journal", "holds a password", 'Write journal = {env = "NAME"} instead.'
            )
        return Secret(value)

    def _check_credentials(self) -> None:
        given = [key for key in ("token", "client_id", "client_secret") if key in self.values]
        if given not in (["token"], ["client_id", "client_secret"]):
            what = f"only {' and '.join(given)} is given" if len(given) == 1 else "there are none"
            if len(given) > 1:
                what = f"{', '.join(given)} exclude each other"
            names = self.names
            raise ConfigurationError(
                f"{self.where}the credentials cannot be used: {what}.",
                f"Give {names['client_id']} and {names['client_secret']}, or {names['token']}."
                if not self.where
                else "Give client_id and client_secret, or token, each as a reference like "
                '{env = "NAME"}.',
            )

    def _wrong(self, key: str, what: str, advice: str) -> ConfigurationError:
        return ConfigurationError(f"{self.names[key]} {what}.", advice)

    def _url(self, key: str) -> str:
        value = self.values.get(key)
        example = "Write one like https://site.example."
        if not isinstance(value, str) or not value:
            raise self._wrong(key, "is missing" if value is None else "is not a text", example)
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise self._wrong(key, "is not a web address", example) from None
        if parts.scheme not in ("http", "https") or not host or not is_plain(value):
            raise self._wrong(key, "is not a web address", example)
        if "@" in parts.netloc:
            raise self._wrong(
                key, "holds credentials", "Give them as client_id and client_secret, or token."
            )
        if "?" in value or "#" in value:
            raise self._wrong(key, "has a query or fragment", "Leave it out.")
        if parts.scheme == "http" and not _is_loopback(host):
            raise self._wrong(
                key,
                f"is not encrypted: http to {host}",
                "Use https; http is for this machine only.",
            )
        return value

    def _secret(self, key: str) -> Secret | None:
        text = self._referred(key)
        return None if text is None else Secret(text)

    def _referred(self, key: str) -> str | None:
        reference = self.values.get(key)
        if reference is None:
            return None
        try:
            return follow(reference, key, self.environ, self.base)
        except Unusable as unusable:
            raise self._wrong(key, unusable.what, unusable.advice) from None

    def _path(self, name: str) -> Path:
        return self.base / Path(name).expanduser()

    def _ca_bundle(self) -> Path | None:
        name = self.values.get("ca_bundle")
        if name is None:
            return None
        if not isinstance(name, str) or not self._path(name).exists():
            raise self._wrong("ca_bundle", "does not exist", "Name a file of PEM certificates.")
        return self._path(name)

    def _policy(self) -> Path | None:
        """Find the site-wide policy file: the environment's own, else RECONCILER_POLICY."""
        value = self.values.get("policy")
        if value is None:
            return policy_variable(self.environ)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong("policy", "is not a file's name", 'Write policy = "policy.yaml".')
        return self._path(value)

    def _timeout(self) -> float:
        value = self.values.get("timeout", 30)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise self._wrong("timeout", "is not a number of seconds", "Write 1 to 3600.")
        return float(value)

    def _actors(self) -> tuple[str, ...]:
        value = self.values.get("actors", [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self._wrong("actors", "is not a list of names", 'Write ["NAME", "…"].')
        return tuple(value)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
