"""Saved states: a whole live state as a JSON file, for `export --state` and `--live`.

The schema is published as `schemas/state-v1.schema.json`. The file holds people's names.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability
from reconciler.errors import ContractViolation
from reconciler.provider import Event
from reconciler.providers.codec import (
    COLLECTIONS,
    build_state,
    decode,
    decode_site,
    encode,
    encode_site,
)
from reconciler.providers.integrity import check, refuse_twice
from reconciler.state import LiveState, Site

FORMAT: Final = "reconciler.state/1"


def write_state(state: LiveState) -> bytes:
    """Turn a live state into the bytes of its file; the same state always gives the same bytes."""
    document: dict[str, object] = {"format": FORMAT, "site": encode_site(state.site)}
    for name in COLLECTIONS:
        items = [encode(name, value) for value in getattr(state, name)]
        document[name] = sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


class SavedStateReader:
    """Reads a saved state; it has no events and cannot be written through."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: LiveState | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = None

    def site(self) -> Site:
        """Return the site as it was when the state was saved."""
        return self.fetch().site

    def fetch(self) -> LiveState:
        """Return the state.

        Raises:
            ContractViolation: the file is not a whole saved state.
        """
        if self._state is None:
            self._state = self._read()
        return self._state

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Return nothing: a saved state has no events."""
        del addresses
        return {}

    def _read(self) -> LiveState:
        where = str(self._path)
        advice = "Save one with `reconciler export --state FILE`."
        try:
            document = json.loads(self._path.read_bytes())
        except OSError as error:
            raise ContractViolation(f"{where} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise ContractViolation(f"{where} is not whole JSON.", advice) from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ContractViolation(f"{where} is not a saved state ({FORMAT}).", advice)
        collections = {}
        for name in COLLECTIONS:
            items = document.get(name)
            if not isinstance(items, list):
                raise ContractViolation(f"{where} has no list of {name}.", advice)
            collections[name] = decode(name, items, where)
            refuse_twice(name, collections[name], where)
        site = decode_site(document.get("site"), where)
        site = replace(site, capabilities=site.capabilities - {Capability.EVENTS})
        return check(build_state(site, collections), where)
