"""Saved states: a whole live state as a JSON file, for `export --state` and `--live`.

The schema is published as `schemas/state-v1.schema.json`. The file holds people's names.
"""

import json
from collections.abc import Iterator, Sequence
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
    Json,
    build_state,
    decode,
    decode_site,
    encode,
    encode_site,
)
from reconciler.providers.integrity import check, refuse_twice
from reconciler.state import LiveState, Site

FORMAT: Final = "reconciler.state/1"

_ADVICE: Final = "Save one with `reconciler export --state FILE`."


def write_state(state: LiveState) -> bytes:
    """Turn a live state into the bytes of its file; the same state always gives the same bytes.

    Every item stands on a line of its own, sorted, so that two files can be compared.
    """
    return "".join(_pieces(state)).encode()


def _pieces(state: LiveState) -> Iterator[str]:
    compact = json.JSONEncoder(ensure_ascii=False).encode
    yield f'{{\n"format": {compact(FORMAT)},\n"site": {compact(encode_site(state.site))}'
    for shape in COLLECTIONS:
        lines = sorted(map(compact, encode(shape, getattr(state, shape.name))))
        yield f',\n"{shape.name}": [\n' + ",\n".join(lines) + "\n]"
    yield "\n}\n"


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
        """Return the site as it was when the state was saved.

        Raises:
            ContractViolation: the file is not a whole saved state.
        """
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
        """Return nothing: a saved state has no events, and does not say that it can tell them."""
        del addresses
        return {}

    def events_since(self, revision: int) -> list[Event]:
        """Return nothing, for the same reason."""
        del revision
        return []

    def _read(self) -> LiveState:
        where = str(self._path)
        document = self._document(where)
        site = decode_site(document.get("site"), where)
        collections = {}
        for shape in COLLECTIONS:
            items = document.pop(shape.name, None)
            if not isinstance(items, list):
                raise ContractViolation(f"{where} has no list of {shape.name}.", _ADVICE)
            collections[shape.name] = decode(shape, items, where)
            refuse_twice(shape, collections[shape.name], where)
        readable = replace(site, capabilities=site.capabilities - {Capability.EVENTS})
        return check(build_state(readable, collections), where)

    def _document(self, where: str) -> Json:
        try:
            document = json.loads(self._path.read_bytes())
        except OSError as error:
            raise ContractViolation(f"{where} cannot be read: {error.strerror}.", _ADVICE) from None
        except (ValueError, RecursionError):
            raise ContractViolation(f"{where} is not JSON, or was cut short.", _ADVICE) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ContractViolation(f"{where} is not a saved state ({FORMAT}).", _ADVICE)
        return document
