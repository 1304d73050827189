"""The kit that plugins are tested with: our own provider keeps to it, and who does not is found."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sandboxes import ROOT, running

from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.domain.vocabulary import Capability
from reconciler.errors import ConfigurationError
from reconciler.provider import Verb, Writer
from reconciler.providers.rest.writer import RestWriter
from reconciler.providers.saved import write_state
from reconciler.state import LiveState
from reconciler.testing import PROVIDER_CHECKS, Opening

sys.path.append(str(ROOT / "examples" / "plugins" / "sqlite-site" / "src"))
import sqlite_site

CHECKS = pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.__name__)


@CHECKS
def test_the_provider_of_the_api_keeps_to_it(check: Callable[[Opening], None], tmp_path: Path):
    @contextmanager
    def opening(state: LiveState) -> Iterator[RestWriter]:
        (tmp_path / "state.json").write_bytes(write_state(state))
        with running(tmp_path, "--seed", str(tmp_path / "state.json")) as sandbox:
            connection = Connection(
                sandbox.url, sandbox.ready["token_url"], token=Secret(sandbox.token())
            )
            with RestWriter(connection) as writer:
                yield writer

    check(opening)


class At:
    """The options of an environment that says where its file is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check_known(self, *keys: str) -> None:
        assert keys == ("path",)

    def path(self, key: str) -> Path:
        return self._path

    def text(self, key: str, default: str | None = None) -> str:
        raise ConfigurationError(key)

    def secret(self, key: str) -> str:
        raise ConfigurationError(key)


def made(tmp_path: Path, writer: type[Any] = sqlite_site.SqliteWriter) -> Opening:
    @contextmanager
    def opening(state: LiveState) -> Iterator[Writer]:
        path = tmp_path / "site.db"
        path.unlink(missing_ok=True)
        sqlite_site.create(path, state)
        with sqlite_site.PROVIDER.open_writer(At(path)) as opened:
            yield writer(opened._db)

    return opening


@CHECKS
def test_the_example_keeps_to_it(check: Callable[[Opening], None], tmp_path: Path):
    check(made(tmp_path))


# A provider that is wrong in one point


class Losing(sqlite_site.SqliteWriter):
    """Its states have no learner in them."""

    def fetch(self):
        return replace(super().fetch(), memberships=())


class Moving(sqlite_site.SqliteWriter):
    """Its revision grows by itself."""

    reads = 0

    def site(self):
        self.reads += 1
        found = super().site()
        return replace(found, revision=found.revision + self.reads)


class Idle(sqlite_site.SqliteWriter):
    """Does nothing, and says that it did."""

    def _write(self, change):
        return 200


class Forgetful(sqlite_site.SqliteWriter):
    """Does not know a request that is repeated."""

    def send(self, changes):
        self._db.execute("DELETE FROM answers")
        return super().send(changes)


class Overwriting(sqlite_site.SqliteWriter):
    """Sets a label whatever it was."""

    def _write(self, change):
        if change.verb is Verb.CHANGE:
            change = replace(change, before=self._was(change))
        return super()._write(change)

    def _was(self, change):
        (labels,) = (each for each in self._fetch().labels if each.role == change.address.parts[0])
        return labels.tool_name


class Ascii(sqlite_site.SqliteWriter):
    """Keeps of a label only what is ASCII."""

    def _write(self, change):
        if change.after:
            change = replace(change, after=change.after.encode("ascii", "ignore").decode())
        return super()._write(change)


class Cascading(sqlite_site.SqliteWriter):
    """Takes a holder's assignments out with the holder."""

    def _write(self, change):
        if change.verb is Verb.REMOVE and len(change.address.parts) == 2:
            self._db.execute("DELETE FROM assignments WHERE person = ?", change.address.parts[1:])
        return super()._write(change)


class Stopping(sqlite_site.SqliteWriter):
    """Does nothing of a request after the first change that fails."""

    def send(self, changes):
        results = []
        for change in changes:
            failed = any(not each.ok for each in results)
            results.append(results[-1] if failed else self._one(change))
        return results


class Short(sqlite_site.SqliteWriter):
    """Takes a hundred changes and drops the rest."""

    def send(self, changes):
        return super().send(changes[:100])


class Silent(sqlite_site.SqliteWriter):
    """Says that it has events, and tells none."""

    def site(self):
        found = super().site()
        return replace(found, actor="us", capabilities=frozenset(Capability))


class Staying(sqlite_site.SqliteWriter):
    """Removes nothing, and says that it did."""

    def _write(self, change):
        return 204 if change.verb is Verb.REMOVE else super()._write(change)


WRONG = {
    "a_fetched_state_is_what_the_site_holds": Losing,
    "a_read_is_repeatable": Moving,
    "an_addition_has_its_effect": Idle,
    "a_removal_has_its_effect": Staying,
    "a_repeated_request_has_no_second_effect": Forgetful,
    "what_does_not_hold_is_refused": Overwriting,
    "a_label_is_set_and_reset": Ascii,
    "a_holder_with_assignments_stays": Cascading,
    "each_change_is_answered_by_itself": Stopping,
    "a_full_request_is_taken": Short,
    "events_tell_who_wrote": Silent,
}


@CHECKS
def test_who_does_not_keep_to_it_is_found(check: Callable[[Opening], None], tmp_path: Path):
    with pytest.raises(AssertionError):
        check(made(tmp_path, WRONG[check.__name__]))
