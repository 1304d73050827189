"""How to reach a site: environments in `reconciler.toml`, or environment variables.

Credentials are references (an environment variable, a file, a command), never values in the file,
and never in the manifest (design, section 4).
"""

import ipaddress
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.errors import ConfigurationError
from reconciler.suggest import did_you_mean

CONFIG_NAME: Final = "reconciler.toml"
_COMMAND_SECONDS: Final = 30
_KEYS: Final = (
    "url",
    "token_url",
    "client_id",
    "client_secret",
    "token",
    "ca_bundle",
    "timeout",
    "actors",
)
_VARIABLES: Final = {
    "url": "RECONCILER_URL",
    "token_url": "RECONCILER_TOKEN_URL",
    "client_id": "RECONCILER_CLIENT_ID",
    "client_secret": "RECONCILER_CLIENT_SECRET",
    "token": "RECONCILER_TOKEN",
    "ca_bundle": "RECONCILER_CA_BUNDLE",
}


class Secret:
    """A secret that no message, log or traceback shows; `reveal` hands it out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class Connection:
    """A site and the means to reach it.

    Attributes:
        url: without a trailing slash.
        token_url: where client credentials are exchanged for a token.
        client_id: with `client_secret`; or None where there is a `token`.
        ca_bundle: a file of certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer to begin, or to go on.
        actors: names under which the environment's other pipelines write.
    """

    url: str
    token_url: str
    client_id: str | None = None
    client_secret: Secret | None = None
    token: Secret | None = None
    ca_bundle: Path | None = None
    timeout: float = 60.0
    actors: tuple[str, ...] = ()


def load_connection(
    environment: str | None, *, config: Path | None, environ: Mapping[str, str], directory: Path
) -> Connection:
    """Find the settings to use.

    A named environment comes from the file; without a name, RECONCILER_URL and its companions win,
    then the file's `default`, then its only environment.

    Args:
        environment: the name asked for, if any.
        config: the file asked for; `reconciler.toml` in `directory` otherwise.
        environ: the environment variables.
        directory: where the file is looked for.

    Raises:
        ConfigurationError: nothing usable was found, or something in it is wrong.
    """
    if environment is None and config is None and "RECONCILER_URL" in environ:
        return _from_variables(environ, directory)
    path = config or directory / CONFIG_NAME
    if not path.is_file():
        raise ConfigurationError(
            f"No site is named: there is no {path.name}, and RECONCILER_URL is not set."
            if environment is None
            else f"The environment {environment} needs {path}, which does not exist.",
            f"Write {CONFIG_NAME}, set RECONCILER_URL, or use --live FILE.",
        )
    settings = _read(path)
    name = _choose(settings, environment, path)
    return _from_file(settings["environments"][name], f"{path}: environment {name}", path, environ)


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    unknown = [key for key in settings if key not in ("default", "environments")]
    environments = settings.get("environments", {})
    if unknown:
        raise ConfigurationError(
            f"{path}: {unknown[0]} is not known here.", "There are: default, environments."
        )
    if not isinstance(environments, dict) or not all(
        isinstance(each, dict) for each in environments.values()
    ):
        raise ConfigurationError(
            f"{path}: environments is not a table of tables.", "Write [environments.NAME]."
        )
    return {"default": settings.get("default"), "environments": environments}


def _choose(settings: dict[str, Any], environment: str | None, path: Path) -> str:
    known = settings["environments"]
    wanted = environment or settings["default"]
    if wanted is None and len(known) == 1:
        return str(next(iter(known)))
    if wanted is None:
        raise ConfigurationError(
            f"{path} has {len(known)} environments and no default.",
            f"Name one with --environment: {', '.join(sorted(known))}.",
        )
    if wanted not in known:
        raise ConfigurationError(
            f"{path} has no environment {wanted}.",
            did_you_mean(str(wanted), known) or f"There are: {', '.join(sorted(known)) or 'none'}.",
        )
    return str(wanted)


def _from_variables(environ: Mapping[str, str], directory: Path) -> Connection:
    settings: dict[str, Any] = {
        key: environ[variable] for key, variable in _VARIABLES.items() if environ.get(variable)
    }
    for key in ("client_secret", "token"):
        if key in settings:
            settings[key] = {"env": _VARIABLES[key]}
    return _from_file(settings, "RECONCILER_URL and its companions", directory / "-", environ)


def _from_file(
    settings: Mapping[str, Any], where: str, path: Path, environ: Mapping[str, str]
) -> Connection:
    for key in settings:
        if key not in _KEYS:
            raise ConfigurationError(
                f"{where}: {key} is not known here.",
                did_you_mean(key, _KEYS) or f"There are: {', '.join(_KEYS)}.",
            )
    url = _url(settings.get("url"), f"{where}: url")
    token = _secret(settings, "token", where, path, environ)
    client_secret = _secret(settings, "client_secret", where, path, environ)
    client_id = settings.get("client_id")
    if isinstance(client_id, dict):
        found = _secret(settings, "client_id", where, path, environ)
        client_id = found.reveal() if found else None
    if token is None and (not isinstance(client_id, str) or client_secret is None):
        raise ConfigurationError(
            f"{where}: there are no credentials.",
            "Give client_id and client_secret, or token, each as a reference; as variables: "
            "RECONCILER_CLIENT_ID and RECONCILER_CLIENT_SECRET, or RECONCILER_TOKEN.",
        )
    bundle = settings.get("ca_bundle")
    return Connection(
        url=url,
        token_url=_url(settings.get("token_url", f"{url}/oauth/token"), f"{where}: token_url"),
        client_id=client_id,
        client_secret=client_secret,
        token=token,
        ca_bundle=_existing(bundle, path, where) if bundle is not None else None,
        timeout=_seconds(settings.get("timeout", 60.0), where),
        actors=_names(settings.get("actors", []), where),
    )


def _url(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} is missing.", "Write one like https://site.example.")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{where} is not a web address.", "Write one like https://site.example."
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            f"{where} holds credentials.", "Give them as client_id and client_secret, or token."
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{where} has a query or fragment.", "Leave it out.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{where} is not encrypted: http to {parts.hostname}.",
            "Use https; http is for this machine only.",
        )
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(
    settings: Mapping[str, Any], key: str, where: str, path: Path, environ: Mapping[str, str]
) -> Secret | None:
    """Follow the reference to a credential: {env = "…"}, {file = "…"} or {command = […]}."""
    reference = settings.get(key)
    if reference is None:
        return None
    kinds: Mapping[str, Callable[[Any], str]] = {
        "env": lambda name: _from_environ(name, f"{where}: {key}", environ),
        "file": lambda name: _from_secret_file(name, f"{where}: {key}", path),
        "command": lambda command: _from_command(command, f"{where}: {key}", path),
    }
    if not isinstance(reference, dict) or len(reference) != 1 or next(iter(reference)) not in kinds:
        raise ConfigurationError(
            f"{where}: {key} must be a reference, not the secret itself.",
            f'Write {key} = {{env = "NAME"}}, {{file = "PATH"}} or {{command = ["PROGRAM", "…"]}}.',
        )
    kind, value = next(iter(reference.items()))
    found = kinds[kind](value)
    if not found:
        raise ConfigurationError(f"{where}: {key} is empty.", f"Look at its {kind}.")
    if not found.isprintable():
        raise ConfigurationError(
            f"{where}: {key} has line breaks or control characters in it.", f"Look at its {kind}."
        )
    return Secret(found)


def _from_environ(name: object, where: str, environ: Mapping[str, str]) -> str:
    if not isinstance(name, str) or name not in environ:
        raise ConfigurationError(f"{where}: the variable {name} is not set.", "Set it.")
    return environ[name]


def _from_secret_file(name: object, where: str, path: Path) -> str:
    file = path.parent / str(name)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{where}: {file} cannot be read: {reason}.") from error


def _from_command(command: object, where: str, path: Path) -> str:
    if (
        not isinstance(command, list)
        or not command
        or not all(isinstance(word, str) for word in command)
    ):
        raise ConfigurationError(
            f"{where}: command is not a list of words.", 'Write ["pass", "show", "reconciler"].'
        )
    shown = shlex.join(command)
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            command,
            cwd=path.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        text = done.stdout.decode("utf-8").strip()
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{where}: {shown} did not end within {_COMMAND_SECONDS} seconds."
        ) from None
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its output is not UTF-8"
        raise ConfigurationError(f"{where}: {shown} failed: {reason}.") from None
    if done.returncode != 0:
        # What it printed is not repeated: it may hold the secret.
        raise ConfigurationError(f"{where}: {shown} ended with {done.returncode}.")
    return text


def _existing(value: object, path: Path, where: str) -> Path:
    file = path.parent / str(value)
    if not file.is_file():
        raise ConfigurationError(f"{where}: the ca_bundle {file} does not exist.")
    return file


def _seconds(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ConfigurationError(f"{where}: timeout is not a number of seconds up to 3600.")
    return float(value)


def _names(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError(f"{where}: actors is not a list of names.")
    return tuple(value)
