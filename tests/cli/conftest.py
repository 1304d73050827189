"""Sites for the tests of the command line: untouched, settled, and one's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandboxes import ROOT, Desk, Sandbox, running

ROLES = ROOT / "examples" / "roles.yaml"


def unchanged(sandbox: Sandbox) -> Iterator[Sandbox]:
    """Lend a site that nobody may write to, and make sure that nobody did."""
    before = sandbox.revision(), sandbox.events()
    yield sandbox
    assert (sandbox.revision(), sandbox.events()) == before


@pytest.fixture(scope="session")
def _untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("untouched")) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def _settled_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the settled site's only apply was made, and its journal is."""
    return tmp_path_factory.mktemp("settled")


@pytest.fixture(scope="session")
def _settled(_settled_at: Path) -> Iterator[Sandbox]:
    with running(_settled_at) as sandbox:
        Desk(_settled_at, sandbox).run("apply", ROLES, "--yes")
        yield sandbox


@pytest.fixture
def untouched(_untouched: Sandbox) -> Iterator[Sandbox]:
    """The built-in municipality as it is at first; shared, and the test must not write to it."""
    yield from unchanged(_untouched)


@pytest.fixture
def settled(_settled: Sandbox) -> Iterator[Sandbox]:
    """The municipality with examples/roles.yaml applied; shared, not to be written to."""
    yield from unchanged(_settled)


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A municipality of the test's own."""
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """A desk at the test's own site, with the example as roles.yaml."""
    return at(tmp_path, sandbox)


@pytest.fixture
def first_desk(tmp_path: Path, untouched: Sandbox) -> Desk:
    """A desk at the untouched site, with the example as roles.yaml."""
    return at(tmp_path, untouched)


@pytest.fixture
def settled_desk(tmp_path: Path, settled: Sandbox) -> Desk:
    """A desk at the settled site, with the example as roles.yaml."""
    return at(tmp_path, settled)


@pytest.fixture
def recorded(settled_desk: Desk, _settled_at: Path) -> Desk:
    """A desk at the settled site, with the journal of its apply to do with as one likes."""
    shutil.copytree(_settled_at / "state", settled_desk.directory / "state")
    return settled_desk


@pytest.fixture
def applied(desk: Desk) -> Desk:
    """A desk at the test's own site, where the example has been applied."""
    desk.run("apply", "roles.yaml", "--yes")
    return desk


def at(directory: Path, sandbox: Sandbox) -> Desk:
    shutil.copy(ROLES, directory / "roles.yaml")
    return Desk(directory, sandbox)
