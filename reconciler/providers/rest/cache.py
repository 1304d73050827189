"""Keeps on disk what was read of a site: the next command asks only whether it still stands.

It is a copy of the school register: each site's folder is its owner's alone, and all are bounded in
size and age. What is damaged, foreign or of another version counts as not there, and what cannot be
written is not: no command fails by it. The checksums find damage, not forgery: only the owner can
write there.

    FOLDER/DIGEST/index.json        revision, and per collection ETag, size and checksum
    FOLDER/DIGEST/people.json       a collection's values, as `compact` has them
    FOLDER/DIGEST/CACHEDIR.TAG      asks backups to leave the folder out

The digest is of the site's address and id and of who asks: a copy is never shown to another client.
"""

import hashlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from reconciler import typed_json
from reconciler.private_files import write_private
from reconciler.providers.codec import COLLECTIONS, Shape
from reconciler.providers.rest import compact
from reconciler.providers.rest.pages import Held
from reconciler.state import Site

FORMAT: Final = "reconciler.cache/2"

LIMIT: Final = 1_000_000_000
"""How many bytes all sites of a cache may take together."""

UNUSED_SECONDS: Final = 30 * 86_400
"""A site that was not asked for so long is dropped by the next command that keeps something."""

_ABANDONED_SECONDS: Final = 3600
"""What a killed command was writing is removed after so long; before, it may still be written."""

_LARGEST_INDEX: Final = 100_000
_INDEX: Final = "index.json"
_TAG: Final = "CACHEDIR.TAG"
_TAGGED: Final = b"Signature: 8a477f597d28d172789f06886806bc55\n"
"""The words of https://bford.info/cachedir/."""

_FILES: Final = frozenset((_INDEX, _TAG, *(f"{shape.name}.json" for shape in COLLECTIONS)))
_FOLDER: Final = re.compile("[0-9a-f]{32}")
_LOG: Final = logging.getLogger("reconciler.cache")


class _File(msgspec.Struct, frozen=True):
    """A collection's file, and the ETag that stands for what is in it."""

    etag: str
    size: int
    sha256: str


class _Index(msgspec.Struct, frozen=True):
    """What is kept of a site, of one revision; the files are written before it."""

    format: str
    site: str
    revision: int
    collections: dict[str, _File]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a cache has of a site; every collection may be missing.

    Attributes:
        revision: the site's when all of it was read; None where nothing is kept.
        held: per collection what was read, and its ETag.
        files: per collection in `held` the file that has it.
    """

    revision: int | None = None
    held: Mapping[str, Held] = field(default_factory=dict)
    files: Mapping[str, _File] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is in a cache's folder.

    Attributes:
        sites: how many copies of sites.
        size: of all of them, in bytes.
        refused: the folders among them that are not used, as others may look into them.
    """

    sites: int
    size: int
    refused: tuple[Path, ...]


class _Unusable(Exception):
    """Says, for the log, why a file does not count."""


class Cache:
    """The folder that has what was read, of all sites.

    Args:
        folder: made when something is kept.
        limit: in bytes; what does not fit is not kept, and the sites unused for longest go first.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._root = folder
        self._limit = limit

    @classmethod
    def at(cls, folder: Path | None) -> Self | None:
        """Return the cache in a folder; none where none is named."""
        return None if folder is None else cls(folder)

    def load(self, url: str, site: Site) -> Kept:
        """Return what is kept of a site, as far as it is sound; whether it stands, the site says.

        Args:
            url: the site's address.
            site: as it says that it is now.
        """
        folder = self._folder(url, site)
        if folder is None:
            return Kept()
        try:
            _check_private(folder)
            index = _index(folder, site)
            with suppress(OSError):
                os.utime(folder / _INDEX)
        except (OSError, _Unusable) as error:
            _tell(_INDEX, error)
            return Kept()
        held: dict[str, Held] = {}
        for shape in COLLECTIONS:
            try:
                file = index.collections[shape.name]
                held[shape.name] = Held(file.etag, _values(folder, shape, file))
            except (KeyError, OSError, _Unusable) as error:
                _tell(shape.name, error)
        return Kept(index.revision, held, {name: index.collections[name] for name in held})

    def save(self, url: str, site: Site, collections: Mapping[str, Held], kept: Kept) -> None:
        """Keep what was read of a site, all of it at one revision; where it cannot be, do not.

        Args:
            url: the site's address.
            site: as it was at that revision.
            collections: all of them.
            kept: what `load` returned; what is in it already is not written again.
        """
        folder = self._folder(url, site)
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(folder)
            self._write(folder, site, collections, kept)
        except (OSError, _Unusable) as error:
            _tell("what was read", error)

    def survey(self) -> Survey:
        """Look at what there is, and leave it as it is.

        Raises:
            OSError: the folder is there, and cannot be read.
        """
        found = list(self._sites()) if self._root.exists() else []
        refused = []
        for _, _, folder in found:
            try:
                _check_private(folder)
            except (OSError, _Unusable):
                refused.append(folder)
        return Survey(len(found), sum(size for _, size, _ in found), tuple(sorted(refused)))

    def _folder(self, url: str, site: Site) -> Path | None:
        if site.actor is None:  # whose copy it would be is not known
            return None
        identity = json.dumps([FORMAT, url, site.id, site.actor])
        return self._root / hashlib.sha256(identity.encode()).hexdigest()[:32]

    def _write(self, folder: Path, site: Site, collections: Mapping[str, Held], kept: Kept) -> None:
        files: dict[str, _File] = {}
        contents: dict[str, bytes] = {}
        for shape in COLLECTIONS:
            name, held = shape.name, collections[shape.name]
            if held is kept.held.get(name):
                files[name] = kept.files[name]
                continue
            content = compact.encode(held.values)
            contents[name] = content
            files[name] = _File(held.etag, len(content), hashlib.sha256(content).hexdigest())
        size = sum(file.size for file in files.values())
        if size > self._limit:
            _drop(folder)
            _LOG.debug("what was read takes %d bytes, which is too much to be kept", size)
            return
        self._make_room(folder, size)
        write_private(folder / _TAG, _TAGGED)
        for name, content in contents.items():
            write_private(folder / f"{name}.json", content)
        index = msgspec.json.encode(_Index(FORMAT, site.id, site.revision, files))
        checksum = hashlib.sha256(index).hexdigest().encode()
        write_private(folder / _INDEX, checksum + b"\n" + index)

    def _make_room(self, folder: Path, size: int) -> None:
        """Drop what was not used for long, and then, from the oldest, what there is no room for."""
        now = time.time()
        _clear_abandoned(folder, now)
        others = sorted(each for each in self._sites() if each[2] != folder)
        total = size + sum(each_size for _, each_size, _ in others)
        for used, each_size, each in others:
            if total > self._limit or now - used > UNUSED_SECONDS:
                _drop(each)
                total -= each_size

    def _sites(self) -> Iterator[tuple[float, int, Path]]:
        """Yield when each site was used last, how many bytes it takes, and its folder."""
        for folder in self._root.iterdir():
            if _FOLDER.fullmatch(folder.name) and (folder / _TAG).is_file():
                with suppress(OSError):
                    found = [each.lstat() for each in folder.iterdir()]
                    used = max(each.st_mtime for each in found)
                    yield used, sum(each.st_size for each in found), folder


def _tell(what: str, error: Exception) -> None:
    # The text of an OSError would name a path, and that of a KeyError says nothing.
    reason = error if isinstance(error, _Unusable) else getattr(error, "strerror", None)
    _LOG.debug("%s is not taken from the cache, or not kept: %s", what, reason or "it is missing")


def _check_private(folder: Path) -> None:
    """Refuse a folder that others may look into, or that somebody else made."""
    found = folder.lstat()
    mine = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or not mine:
        raise _Unusable("the folder is somebody else's, or none")
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & 0o077:
        raise _Unusable("the folder is open to others")


def _index(folder: Path, site: Site) -> _Index:
    path = folder / _INDEX
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_INDEX:
        raise _Unusable("it is no index")
    checksum, _, content = path.read_bytes().partition(b"\n")
    if checksum != hashlib.sha256(content).hexdigest().encode():
        raise _Unusable("its checksum is another")
    index: _Index | None = typed_json.decode(content, _Index)
    if index is None:
        raise _Unusable("it is no index")
    if (index.format, index.site) != (FORMAT, site.id):
        raise _Unusable("it is of another version or site")
    return index


def _values(folder: Path, shape: Shape, file: _File) -> Any:
    path = folder / f"{shape.name}.json"
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
        raise _Unusable("its size is another")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise _Unusable("its checksum is another")
    values = compact.decode(shape, content)
    if values is None:
        raise _Unusable("its items cannot be read")
    return values


def _clear_abandoned(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        if path.name not in _FILES:
            with suppress(OSError):
                if now - path.lstat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()


def _drop(folder: Path) -> None:
    """Remove a site's folder; the tag goes last: what cannot be removed now is found again."""
    with suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: path.name == _TAG):
            path.unlink()
        folder.rmdir()
