"""Reads a site through a provider that another distribution brings."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from reconciler.domain.address import Address
from reconciler.errors import ContractViolation, SiteError
from reconciler.plugins import PROVIDERS, TELL, capitalised, load
from reconciler.provider import Event, Reader
from reconciler.provider_options import Plugged
from reconciler.providers.integrity import check
from reconciler.state import LiveState, Site

_LOG = logging.getLogger(__name__)

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

    def __enter__(self) -> Self:
        self.plugin = load(PROVIDERS, self._plugged.name)
        with self.plugin.telling(SiteError):
            opening: AbstractContextManager[Any] = getattr(self.plugin.object, self.opens)(
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
                _LOG.warning("%s failed to close: %s", self.plugin.said, type(failure).__name__)

    def violated(self, what: str) -> ContractViolation:
        """Return the error that something does not keep to the Protocol."""
        return ContractViolation(f"{capitalised(self.plugin.said)} {what}.", TELL)

    def site(self) -> Site:
        """Return the site's identity and its revision.

        Raises:
            SiteError: the provider failed.
        """
        with self.plugin.telling(SiteError):
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
        with self.plugin.telling(SiteError):
            found = self.opened.fetch()
        if not isinstance(found, LiveState):
            raise self.violated("returned no state")
        with self.plugin.telling(SiteError):
            return check(found, self.plugin.said)

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return the last write to each of the addresses.

        Raises:
            SiteError: the provider failed.
        """
        with self.plugin.telling(SiteError):
            return self.opened.last_events(addresses)

    def events_since(self, revision: int) -> list[Event]:
        """Return the writes after a revision, the oldest first.

        Raises:
            SiteError: the provider failed.
        """
        with self.plugin.telling(SiteError):
            return self.opened.events_since(revision)
