"""Checks as values: what one looks at, what it may come to, and what all of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.connection import Connection, SiteSettings, find_settings
from reconciler.redact import Redaction
from reconciler.state import Site

if TYPE_CHECKING:
    from reconciler.http.probe import Seen, Untrusted

SECONDS: Final = 25.0
"""How long a check may take, unless it says otherwise."""


class Verdict(StrEnum):
    """What a check comes to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found.

    Attributes:
        verdict: how it is.
        text: what is so, one sentence or less; no secret.
        remedy: what to do about it, or None.
    """

    verdict: Verdict
    text: str
    remedy: str | None = None


def fine(text: str) -> Found:
    """Say that something is as it should be."""
    return Found(Verdict.OK, text)


def warning(text: str, remedy: str) -> Found:
    """Say that something works, and not as well as it could."""
    return Found(Verdict.WARNING, text, remedy)


def failed(text: str, remedy: str | None) -> Found:
    """Say that something keeps commands from working."""
    return Found(Verdict.FAILED, text, remedy)


def skipped(text: str) -> Found:
    """Say why something was not looked at."""
    return Found(Verdict.SKIPPED, text)


@dataclass
class Subject:
    """What is looked at, and what the checks have come to know of it so far.

    Attributes:
        environment: the environment that is asked for, if any.
        config: the settings file that is asked for, if any.
        environ: the environment variables.
        directory: the current folder.
        caches: whether the command may keep what it reads.
        redaction: whom to hide.
        seen: what answered at the site's address.
        untrusted: why it cannot be trusted.
        site: what it says that it is.
    """

    environment: str | None
    config: Path | None
    environ: Mapping[str, str]
    directory: Path
    caches: bool = True
    redaction: Redaction = field(default_factory=Redaction)
    seen: "Seen | None" = None
    untrusted: "Untrusted | None" = None
    site: Site | None = None

    @cached_property
    def settings(self) -> SiteSettings:
        """The settings that a command would use, not yet checked.

        Raises:
            ConfigurationError: there are none, or the file cannot be read.
        """
        return find_settings(
            self.environment, config=self.config, environ=self.environ, directory=self.directory
        )

    @cached_property
    def endpoint(self) -> Connection:
        """How to reach the site, without credentials.

        Raises:
            ConfigurationError: a setting is wrong.
        """
        return self.settings.without_secrets()

    @cached_property
    def connection(self) -> Connection:
        """How to reach the site, credentials included.

        Raises:
            ConfigurationError: a setting is wrong, or a reference to a credential.
        """
        return self.settings.with_credentials()


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at.

    Attributes:
        name: what it is called.
        look: looks; a `ReconcilerError` that it raises is told, and counts as failed.
        needs: the checks without which there is nothing to look at.
        networked: whether it is about a site that is asked over a network.
        seconds: how long it may take.
    """

    name: str
    look: Callable[[Subject], Found]
    needs: tuple[str, ...] = ()
    networked: bool = False
    seconds: float = SECONDS
