"""Saved states: a whole live state as a JSON file, for `export --state` and `--live`.

The schema is published as `schemas/state-v1.schema.json`. The file holds people's names.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability
from reconciler.errors import ContractViolation
from reconciler.provider import Event
from reconciler.providers import bulk
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

_SITE: Final = re.compile(r'"site"\s*:\s*(?=\{)')
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


def site_and_revision(path: Path) -> tuple[str | None, int]:
    """Return the site's id and the revision of a saved state, as far as a damaged one tells them.

    Raises:
        OSError: it cannot be read.
    """
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        begin = _SITE.search(text)
        found = json.JSONDecoder().raw_decode(text, begin.end())[0] if begin else {}
    except (ValueError, RecursionError):
        found = {}
    site = found.get("id") if isinstance(found, dict) else None
    revision = found.get("revision") if isinstance(found, dict) else None
    return site if isinstance(site, str) else None, revision if type(revision) is int else 0


class SavedStateReader:
    """Reads a saved state; it has no events and cannot be written through.

    Args:
        path: the file.
        lacking: what cannot be done to the site that it speaks for: of a snapshot's, everything.
    """

    def __init__(
        self, path: Path, *, lacking: frozenset[Capability] = frozenset({Capability.EVENTS})
    ) -> None:
        self._path = path
        self._lacking = lacking
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
        raw = self._raw(where)
        parts = bulk.take_apart(raw)
        document = _document(raw, where) if parts is None else {"format": parts.format}
        if document.get("format") != FORMAT:
            raise ContractViolation(f"{where} is not a saved state ({FORMAT}).", _ADVICE)
        site = decode_site(_member(document, parts, "site", where), where)
        # Assignments first: what is made of them on the way is gone before the rest is there.
        in_bulk = {
            shape.name: bulk.decode(shape, getattr(parts, shape.name))
            for shape in (reversed(COLLECTIONS) if parts else ())
        }
        collections = {}
        for shape in COLLECTIONS:
            values = in_bulk.get(shape.name)
            if values is None:
                items = _member(document, parts, shape.name, where)
                if not isinstance(items, list):
                    raise ContractViolation(f"{where} has no list of {shape.name}.", _ADVICE)
                values = decode(shape, items, where)
            refuse_twice(shape, values, where)
            collections[shape.name] = values
        readable = replace(site, capabilities=site.capabilities - self._lacking)
        return check(build_state(readable, collections), where)

    def _raw(self, where: str) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as error:
            raise ContractViolation(f"{where} cannot be read: {error.strerror}.", _ADVICE) from None


def _document(raw: bytes, where: str) -> Json:
    """Read a state as a whole, where it could not be taken apart."""
    document = _parsed(raw, where)
    return document if isinstance(document, dict) else {}


def _member(document: Json, parts: bulk.Parts | None, name: str, where: str) -> Any:
    """Return a member of a state as plain JSON, from wherever it is."""
    return document.pop(name, None) if parts is None else _parsed(getattr(parts, name), where)


def _parsed(raw: bytes | msgspec.Raw, where: str) -> Any:
    try:
        return json.loads(bytes(raw))
    except (ValueError, RecursionError):
        raise ContractViolation(f"{where} is not JSON, or was cut short.", _ADVICE) from None
