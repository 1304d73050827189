"""Settings: the tables of `reconciler.toml`, or environment variables, checked one by one.

Credentials are references (an environment variable, a file, a command), never values in the file
(design, section 4).
"""

import ipaddress
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from reconciler.credentials import Secret, Unusable, follow, is_plain, placed
from reconciler.errors import ConfigurationError
from reconciler.suggest import did_you_mean

CONFIG_NAME: Final = "reconciler.toml"

OF_RUNS: Final = ("metrics", "webhook")
"""Tables about runs, not sites: at the top for every environment, and in one for it alone."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and the means to be let in: a token, or a client's id and secret.

    Attributes:
        url: without a trailing slash.
        token_url: where client credentials are exchanged for a token.
        client_id: with `client_secret`; or None where there is a `token`.
        ca_bundle: a file of certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer to begin, or to go on.
    """

    url: str
    token_url: str
    client_id: str | None = None
    client_secret: Secret | None = None
    token: Secret | None = None
    ca_bundle: Path | None = None
    timeout: float = 30.0


class Config(NamedTuple):
    """What a settings file says, its tables not yet checked.

    Attributes:
        default: the name of the environment to use, if one is named.
        environments: by name, how to reach a site.
        rosters: by name, how to reach a school system.
        metrics: where metrics go.
        webhook: whom to send messages.
    """

    default: str | None
    environments: Mapping[str, Mapping[str, Any]]
    rosters: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any]
    webhook: Mapping[str, Any]


def read_config(path: Path) -> Config:
    """Read a settings file.

    Raises:
        ConfigurationError: it cannot be read, or is not what a settings file is.
    """
    document = _document(path)
    for key in document:
        if key not in Config._fields:
            raise ConfigurationError(
                f"{path}: {key} is not known at the top.",
                did_you_mean(key, Config._fields)
                or "There are default, [environments.NAME], [rosters.NAME], [metrics], [webhook].",
            )
    default = document.get("default")
    if default is not None and not isinstance(default, str):
        raise ConfigurationError(f"{path}: default is not a name.", 'Write default = "NAME".')
    for key in ("environments", "rosters"):
        tables = document.get(key, {})
        if not isinstance(tables, dict) or not all(
            isinstance(each, dict) for each in tables.values()
        ):
            raise ConfigurationError(
                f"{path}: {key} is not a table of tables.", f"Write [{key}.NAME]."
            )
    for key in OF_RUNS:
        if not isinstance(document.get(key, {}), dict):
            raise ConfigurationError(f"{path}: {key} is not a table.", f"Write [{key}].")
    return Config(default, *(document.get(key, {}) for key in Config._fields[1:]))


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from None
    except UnicodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        advice = "Correct it there."
        if any(word in str(error) for word in ("\\", "hex value")):  # "C:\certs", "C:\Users"
            advice = "Write backslashes in single quotes, 'C:\\new', or write / for them."
        raise ConfigurationError(f"{path} is not TOML: {error}.", advice) from None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one environment or service, not yet checked.

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

    def check_known(self, keys: Sequence[str]) -> None:
        """Refuse a setting that there is not."""
        for key in self.values:
            if key not in keys:
                raise ConfigurationError(
                    f"{self.where}{key} is not known.",
                    did_you_mean(key, keys) or f"There are: {', '.join(keys)}.",
                )

    def check_credentials(self) -> None:
        """Refuse anything but a token alone, or a client's id and secret."""
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

    def credentials(self) -> dict[str, Any]:
        """Return what lets one in, and how to ask, as the arguments of an `Endpoint`."""
        self.check_credentials()
        return {
            "client_id": self.client_id(),
            "client_secret": self.secret("client_secret"),
            "token": self.secret("token"),
            "ca_bundle": self.ca_bundle(),
            "timeout": self.timeout(),
        }

    def client_id(self) -> str | None:
        """Return the id of the client, if there is one: no secret, it may stand there as it is."""
        value = self.values.get("client_id")
        if not isinstance(value, str):
            return self.referred("client_id")
        if not value.strip():
            raise self.wrong("client_id", "is empty", "Write the id that the client was given.")
        return value

    def wrong(self, key: str, what: str, advice: str) -> ConfigurationError:
        """Return the error that a setting is wrong."""
        return ConfigurationError(f"{self.names[key]} {what}.", advice)

    def url(self, key: str, *, secret: bool = False, clear: bool = False) -> str:
        """Return a web address without credentials, encrypted unless it is this machine's.

        Args:
            key: the setting.
            secret: whether who knows it is let in: then it may be a reference, and have a query.
            clear: whether it need not be encrypted.
        """
        value = self.values.get(key)
        if secret and isinstance(value, dict):
            value = self.referred(key)
        example = "Write one like https://roles.example."
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "is missing" if value is None else "is not a text", example)
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise self.wrong(key, "is not a web address", example) from None
        if parts.scheme not in ("http", "https") or not host or not is_plain(value):
            raise self.wrong(key, "is not a web address", example)
        if "@" in parts.netloc:
            raise self.wrong(
                key, "holds credentials", "Give them as client_id and client_secret, or token."
            )
        if ("?" in value and not secret) or "#" in value:
            raise self.wrong(key, "has a query or fragment", "Leave it out.")
        if parts.scheme == "http" and not clear and not _is_loopback(host):
            raise self.wrong(
                key,
                f"is not encrypted: http to {host}",
                "Use https; http is for this machine only.",
            )
        return value

    def secret(self, key: str) -> Secret | None:
        """Follow a reference to a secret, if there is one."""
        text = self.referred(key)
        return None if text is None else Secret(text)

    def referred(self, key: str) -> str | None:
        """Follow a reference, if there is one."""
        reference = self.values.get(key)
        if reference is None:
            return None
        try:
            return follow(reference, key, self.environ, self.base)
        except Unusable as unusable:
            raise self.wrong(key, unusable.what, unusable.advice) from None

    def path(self, key: str, name: str) -> Path:
        """Return a path that may be relative to where the settings stand."""
        try:
            return placed(name, self.base)
        except Unusable as unusable:
            raise self.wrong(key, unusable.what, unusable.advice) from None

    def ca_bundle(self) -> Path | None:
        """Return the file of certificates to trust, if one is named."""
        name = self.values.get("ca_bundle")
        if name is None:
            return None
        path = self.path("ca_bundle", name) if isinstance(name, str) else None
        if path is None or not path.exists():
            raise self.wrong("ca_bundle", "does not exist", "Name a file of PEM certificates.")
        return path

    def timeout(self) -> float:
        """Return how many seconds to wait for an answer."""
        value = self.values.get("timeout", 30)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise self.wrong("timeout", "is not a number of seconds", "Write 1 to 3600.")
        return float(value)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
