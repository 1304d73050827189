"""Where it is told how runs went: `[metrics]` and `[webhook]` in the settings file."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from reconciler.connection import RunSettings
from reconciler.credentials import Secret
from reconciler.errors import ConfigurationError
from reconciler.monitoring.facts import Topic
from reconciler.monitoring.message import BODIES
from reconciler.settings import Settings

METRICS_KEYS: Final = (
    *("textfile_folder", "push_url", "job", "username", "password", "ca_bundle", "timeout"),
)
WEBHOOK_KEYS: Final = ("url", "secret", "body", "topics", "ca_bundle", "timeout")
_PREFIX: Final = "whsec_"
_JOB: Final = "reconciler"
_SECONDS: Final = 10


Found = TypeVar("Found", bound=Settings)


@dataclass(frozen=True, slots=True)
class Push:
    """A Pushgateway.

    Attributes:
        url: its address, without a trailing slash.
        job: the job under which its groups stand.
        username: with `password`, where it asks for them.
        ca_bundle: certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer.
    """

    url: str
    job: str
    username: str | None = None
    password: Secret | None = None
    ca_bundle: Path | None = None
    timeout: float = float(_SECONDS)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Where metrics go.

    Attributes:
        folder: the folder of a textfile collector, if any.
        push: a Pushgateway, if any.
    """

    folder: Path | None = None
    push: Push | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to send messages.

    Attributes:
        url: the address; a secret, as whoever knows it may write to the chat.
        key: signs messages; None where nobody checks that.
        body: the form of the body, one of `reconciler.monitoring.message.BODIES`.
        topics: what is told.
        ca_bundle: certificates to trust instead of the usual ones.
        timeout: seconds to wait for an answer.
    """

    url: Secret
    key: bytes | None = field(default=None, repr=False)
    body: str = "full"
    topics: frozenset[Topic] = frozenset(Topic)
    ca_bundle: Path | None = None
    timeout: float = float(_SECONDS)


def webhook_of(settings: RunSettings, environ: Mapping[str, str]) -> Webhook | None:
    """Check `[webhook]`, and follow its references.

    Raises:
        ConfigurationError: something in it is wrong.
    """
    found = _table("webhook", WEBHOOK_KEYS, settings, environ, _Webhook)
    return None if found is None else found.webhook()


def metrics_of(settings: RunSettings, environ: Mapping[str, str]) -> Metrics | None:
    """Check `[metrics]`, and follow its references.

    Raises:
        ConfigurationError: something in it is wrong.
    """
    found = _table("metrics", METRICS_KEYS, settings, environ, _Metrics)
    return None if found is None else found.metrics()


def _table(
    name: str,
    keys: Sequence[str],
    settings: RunSettings,
    environ: Mapping[str, str],
    kind: "type[Found]",
) -> "Found | None":
    table = settings.tables.get(name)
    if table is None:
        return None
    where = f"{settings.where[name]}: "
    names = {key: f"{where}{key}" for key in keys}
    found = kind({"timeout": _SECONDS, **table}, names, where, settings.path.parent, environ)
    found.check_known(keys)
    return found


class _Metrics(Settings):
    """The settings of metrics."""

    def metrics(self) -> Metrics:
        if "textfile_folder" not in self.values and "push_url" not in self.values:
            raise ConfigurationError(
                f"{self.where}it is not said where metrics go.",
                "Give textfile_folder, push_url, or both.",
            )
        return Metrics(self._folder(), self._push())

    def _folder(self) -> Path | None:
        value = self.values.get("textfile_folder")
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.wrong("textfile_folder", "is not a folder's name", 'Write "metrics".')
        path = self.path("textfile_folder", value)
        if not path.is_dir():
            raise self.wrong(
                "textfile_folder", f"is not there: {path}", "Make it; the collector reads it."
            )
        return path

    def _push(self) -> Push | None:
        given = [key for key in ("username", "password") if key in self.values]
        if "push_url" not in self.values:
            return None
        if len(given) == 1:
            raise self.wrong(given[0], "is given alone", "Give username and password, or neither.")
        return Push(
            # Numbers are no secret, and a gateway seldom has a certificate; a password is one.
            self.url("push_url", clear=not given).rstrip("/"),
            self._text("job", _JOB),
            self._text("username") if given else None,
            self.secret("password"),
            self.ca_bundle(),
            self.timeout(),
        )

    def _text(self, key: str, default: str = "") -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "is not a text", f'Write {key} = "NAME".')
        return value


class _Webhook(Settings):
    """The settings of a webhook."""

    def webhook(self) -> Webhook:
        body = self.values.get("body", "full")
        if body not in BODIES:
            raise self.wrong("body", "is not known", f"There are: {', '.join(BODIES)}.")
        return Webhook(
            Secret(self.url("url", secret=True)),
            self._key(),
            body,
            self._topics(),
            self.ca_bundle(),
            self.timeout(),
        )

    def _key(self) -> bytes | None:
        secret = self.referred("secret")
        if secret is None or not secret.startswith(_PREFIX):
            return None if secret is None else secret.encode()
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise self.wrong(
                "secret", f"begins with {_PREFIX}, and what follows is not base64", "Copy it whole."
            ) from None

    def _topics(self) -> frozenset[Topic]:
        value = self.values.get("topics", [*Topic])
        if not isinstance(value, list) or not value or not set(value) <= {*Topic}:
            names = ", ".join(f'"{topic}"' for topic in Topic)
            raise self.wrong("topics", "is not a list of topics", f"There are: {names}.")
        return frozenset(map(Topic, value))
