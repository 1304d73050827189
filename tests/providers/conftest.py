"""A scripted site for every test that asks, and no secret in any log of any test here."""

import logging
from collections.abc import Callable, Iterator

import pytest
from scripted_site import KEPT, ScriptedSite, running_site, told

from reconciler.errors import SiteError
from reconciler.http.call import Limits
from reconciler.providers.rest.reader import RestReader


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a bundle of certificates of the machine that the tests run on."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log everything that anybody logs, and look for what may not be there."""
    caplog.set_level(logging.DEBUG)
    yield
    logged = "\n".join(
        caplog.handler.format(record)
        for when in ("setup", "call")
        for record in caplog.get_records(when)
    )
    for kept in KEPT:
        assert kept not in logged


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    """A site that keeps the contract where no script says otherwise."""
    with running_site() as running:
        yield running


@pytest.fixture
def sleeps() -> list[float]:
    """The waits between attempts, which no test here really waits."""
    return []


@pytest.fixture
def limits(sleeps: list[float]) -> Limits:
    """Limits under which a test does not wait, though the time that it sleeps passes.

    One request at a time, so that what a site is asked comes in order.
    """
    return Limits(at_once=1, sleep=sleeps.append, clock=lambda: sum(sleeps))


@pytest.fixture
def reader(site: ScriptedSite, limits: Limits) -> Iterator[RestReader]:
    """A reader of the site."""
    with RestReader(site.connection(), limits) as opened:
        yield opened


@pytest.fixture
def failing(reader: RestReader) -> Callable[..., str]:
    """Fetch, which has to fail with an error of some class, and return what is told of it."""

    def fetch(expected: type[SiteError] = SiteError) -> str:
        with pytest.raises(expected) as caught:
            reader.fetch()
        assert type(caught.value) is expected
        return told(caught.value)

    return fetch
