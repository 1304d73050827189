"""What is done to a sandbox's database beside serving it: begin again, renew, and save."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select

from reconciler.sandbox import tables
from reconciler.sandbox.database import Place, alone, making_engine, place_of, scrub, told
from reconciler.sandbox.loading import load, possible
from reconciler.sandbox.options import MEMORY, SandboxRefused, Seed
from reconciler.sandbox.private import private_file
from reconciler.sandbox.renewal import RENEWED, renew
from reconciler.sandbox.schema import Found, create, drop, refuse_unless
from reconciler.sandbox.seeds import parts_of_seed
from reconciler.sandbox.state_file import BEGINNING, write_state
from reconciler.sandbox.store import Store


def reset(database: str, seed: Seed | None, agree: Callable[[str], None]) -> str:
    """Let a database begin again, with a seed; that and the old site's end are one transaction.

    Args:
        database: as `--database` says it.
        seed: what it shall hold; None is the built-in municipality.
        agree: is told what is about to be lost, and raises where that is not wanted.

    Returns:
        The name of the site that is there now.

    Raises:
        SandboxRefused: the database is not a sandbox's or is being served, or the seed cannot be
            used; nothing has changed then. Or the old site could not be wiped from the file; the
            message says that the new one is there.
    """
    with _opened(database) as (place, engine):
        with alone(engine, place) as connection:
            found = refuse_unless({Found.SITE, Found.ANOTHER_VERSION}, connection, place.shown)
            lost = "a site of another version"
            if found is Found.SITE:
                lost = str(connection.execute(select(tables.site.c.name)).scalar_one())
            agree(f"{lost} in {place.shown}")
            drop(connection)
            create(connection)
            load(connection, parts_of_seed(seed), seed.path if seed else None)
            made = str(connection.execute(select(tables.site.c.name)).scalar_one())
        try:
            scrub(engine, place)
        except SandboxRefused as refused:
            raise SandboxRefused(
                f"the database holds {made} now, and what was thrown away may still be found in "
                f"its file: {refused}"
            ) from None
        return made


def update(database: str, seed: Seed) -> str:
    """Take a newer directory into a site, also while it is being served; roles stay as they are.

    Args:
        database: as `--database` says it.
        seed: what the school system has now.

    Returns:
        The name of the site.

    Raises:
        SandboxRefused: the database holds no site of this version, or the seed cannot be used;
            nothing has changed then.
    """
    with _opened(database) as (place, engine), told(place):
        with engine.connect() as connection:
            refuse_unless({Found.SITE}, connection, place.shown)
        store = Store(engine)
        with store.writing() as writing, possible(seed.path):
            renew(writing.connection, parts_of_seed(seed))
            writing.renewed(RENEWED)
        return store.site()[1]


def export(database: str, out: Path | None) -> None:
    """Save a site's whole state, also while it is being served.

    Args:
        database: as `--database` says it.
        out: the file to write; None is standard output.

    Raises:
        SandboxRefused: the database holds no site of this version, or the file cannot be written.
    """
    with (
        _opened(database) as (place, engine),
        told(place),
        Store(engine).reading() as connection,
    ):
        refuse_unless({Found.SITE}, connection, place.shown)
        if out is None:
            write_state(connection, sys.stdout)
            return
        _refuse_to_replace(out)
        with private_file(out, "the state") as file:
            write_state(connection, file)


@contextmanager
def _opened(database: str) -> Iterator[tuple[Place, Engine]]:
    if database == MEMORY:
        raise SandboxRefused("a database in memory ends with its sandbox; name a file or a URL")
    place = place_of(database)
    # SQLite would make the file.
    if place.file is not None and not place.file.is_file():
        raise SandboxRefused(
            f"there is no database {place.shown}; check the path, "
            f"or make one there: reconciler sandbox --database {place.shown}"
        )
    engine = making_engine(place)
    try:
        yield place, engine
    finally:
        engine.dispose()


def _refuse_to_replace(path: Path) -> None:
    if path.exists() and not path.is_file():  # to read it might take for ever
        raise SandboxRefused(f"{path} is no file; name one")
    try:
        with path.open("rb") as file:
            ours = file.read(len(BEGINNING)) in (BEGINNING, b"")
    except FileNotFoundError:
        return
    except OSError as error:
        raise SandboxRefused(f"the state {path} cannot be written: {error.strerror}") from error
    if not ours:
        raise SandboxRefused(f"{path} is there, and is no saved state; name another file")
