"""Reads a site through a provider that another distribution brings."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from reconciler.domain.address import Address
from reconciler.errors import ConfigurationError, ContractViolation, ReconcilerError, SiteError
from reconciler.plain import plain
from reconciler.plugins import PROVIDERS, capitalised, load
from reconciler.provider import Event, Reader
from reconciler.provider_options import Plugged
from reconciler.providers.integrity import check
from reconciler.state import LiveState, Site

_LOG = logging.getLogger(__name__)
_ADVICE = "Tell those who make it; `reconciler.testing` has tests that it should pass."

Opened = TypeVar("Opened", bound=Reader)


class PluggedReader(Generic[Opened]):
    """A reader of somebody else's: what it raises is told as its failure, and not as ours.

    What it returns is checked as what any site reports.

    Args:
        plugged: the provider's name, and the settings for it.
    """

    opens = "open_reader"

    def __init__(self, plugged: Plugged) -> None:
        self._plugged = plugged
        self._said = plugged.name

    def __enter__(self) -> Self:
        plugin = load(PROVIDERS, self._plugged.name)
        self._said = plugin.said
        with self.telling():
            opening: AbstractContextManager[Any] = getattr(plugin.object, self.opens)(
                self._plugged.options
            )
            self.opened: Opened = opening.__enter__()
        self._opening = opening
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What was done is done, and told, whatever becomes of the closing.
        try:
            self._opening.__exit__(kind, error, traceback)
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - it is somebody else's code
            if failure is not error:
                _LOG.warning("%s failed to close: %s", self._said, type(failure).__name__)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell of what is raised, but not in its own words: they may hold names or secrets."""
        try:
            yield
        except ConfigurationError as error:
            error.naming_nobody("")  # a provider may quote from a site in it
            raise
        except ReconcilerError:
            raise
        except (Exception, SystemExit) as error:
            what = plain(type(error).__name__)
            raise SiteError(f"{capitalised(self._said)} failed: {what}.", _ADVICE) from error

    def violated(self, what: str) -> ContractViolation:
        """Return the error that something does not keep to the Protocol."""
        return ContractViolation(f"{capitalised(self._said)} {what}.", _ADVICE)

    def site(self) -> Site:
        """Return the site's identity and its revision.

        Raises:
            SiteError: the provider failed.
        """
        with self.telling():
            found = self.opened.site()
        if not isinstance(found, Site):
            raise self.violated("returned no site")
        return found

    def fetch(self) -> LiveState:
        """Return the whole live state.

        Raises:
            SiteError: the provider failed.
            ContractViolation: what it returned does not hold together.
        """
        with self.telling():
            found = self.opened.fetch()
        if not isinstance(found, LiveState):
            raise self.violated("returned no state")
        with self.telling():
            return check(found, self._said)

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return the last write to each of the addresses.

        Raises:
            SiteError: the provider failed.
        """
        with self.telling():
            return self.opened.last_events(addresses)

    def events_since(self, revision: int) -> list[Event]:
        """Return the writes after a revision, the oldest first.

        Raises:
            SiteError: the provider failed.
        """
        with self.telling():
            return self.opened.events_since(revision)
