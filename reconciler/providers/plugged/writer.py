"""Writes to a site through a provider that another distribution brings."""

from collections.abc import Sequence

from reconciler.errors import ReconcilerError, SiteError
from reconciler.provider import Change, ChangeResult, Writer
from reconciler.providers.plugged.reader import PluggedReader


class PluggedWriter(PluggedReader[Writer]):
    """A writer of somebody else's."""

    opens = "open_writer"

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        """Make changes in one request; results stand in the same order.

        Raises:
            SiteError: the provider failed; what happened to the changes is unknown.
            ContractViolation: it did not answer each of them.
        """
        try:
            with self.plugin.telling(SiteError):
                results = list(self.opened.send(changes))
        except SiteError:
            raise
        except ReconcilerError as error:  # the run goes on to find out what became of them
            raise SiteError(str(error), error.advice) from error
        if len(results) != len(changes) or not all(
            isinstance(each, ChangeResult) for each in results
        ):
            raise self.violated(f"did not answer each of {len(changes)} changes")
        return results
