"""A host of code, and the sites of the command line's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from code_host import CodeHost, code_host
from sandboxes import ROOT, Desk, Sandbox, running


@pytest.fixture
def host() -> Iterator[CodeHost]:
    """A host of code with an empty pull request."""
    with code_host() as found:
        yield found


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A municipality of the test's own."""
    with running(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """A desk at that site, with the example as roles.yaml, applied."""
    text = (ROOT / "examples" / "roles.yaml").read_text(encoding="utf-8")
    found = Desk(tmp_path, sandbox)
    found.write(text)
    found.run("fmt", "roles.yaml")
    found.run("apply", "roles.yaml", "--yes")
    return found
