"""The hosts of pipelines, GitHub and GitLab, as the variables of a job describe them.

GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
GitLab: https://docs.gitlab.com/ci/variables/predefined_variables/
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.credentials import Secret, is_plain
from reconciler.errors import ConfigurationError, ContractViolation
from reconciler.http.answers import first_text
from reconciler.http.call import LIMITS, Call, Limits, Peer
from reconciler.http.tokens import GivenToken
from reconciler.http.transport import ReadOnlyTransport, Transport
from reconciler.settings import Endpoint, Settings

PAGE: Final = 100
"""How many items are asked for at once: the most that either host gives."""

_PAGES: Final = 100
_ONCE: Final = Limits(attempts=1)
"""A comment is no change that carries a key: what may have been written is not written again."""


class HostName(StrEnum):
    """Who runs the pipeline."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True, slots=True)
class _Variables:
    """The variables in which a host describes a job; more than one name is tried in order."""

    running: str
    url: str
    token: tuple[str, ...]
    project: str
    commit: str


_VARIABLES: Final[Mapping[HostName, _Variables]] = MappingProxyType(
    {
        HostName.GITHUB: _Variables(
            running="GITHUB_ACTIONS",
            url="GITHUB_API_URL",
            token=("GH_TOKEN", "GITHUB_TOKEN"),
            project="GITHUB_REPOSITORY",
            commit="GITHUB_SHA",
        ),
        HostName.GITLAB: _Variables(
            running="GITLAB_CI",
            url="CI_API_V4_URL",
            token=("RECONCILER_COMMENT_TOKEN",),
            project="CI_PROJECT_ID",
            commit="CI_COMMIT_SHA",
        ),
    }
)

_RIGHTS: Final[Mapping[HostName, str]] = MappingProxyType(
    {
        HostName.GITHUB: "Give the job the permissions that docs/pipelines.md lists for it.",
        HostName.GITLAB: "The token needs the scope `api`, and the role of a reporter or more.",
    }
)
_PULL: Final = re.compile(r"refs/pull/(\d+)/(?:merge|head)")


@dataclass(frozen=True, slots=True)
class Host:
    """The host that a job runs on, and what it says of the job.

    Attributes:
        endpoint: the API, with the job's token.
        project: the repository (`owner/name`) or the number of the project.
        commit: the commit that the job runs for.
        request: the number of the pull request that it runs for, or None.
    """

    name: HostName
    endpoint: Endpoint
    project: str
    commit: str
    request: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Host":
        """Find the host by the variables of a job.

        Raises:
            ConfigurationError: none is known, or a variable is missing or wrong.
        """
        for name, found in _VARIABLES.items():
            if environ.get(found.running) == "true":
                return cls(
                    name,
                    _endpoint(found, environ),
                    _needed(found.project, environ),
                    _needed(found.commit, environ),
                    _request(environ),
                )
        raise ConfigurationError(
            "This is no pipeline of GitHub or GitLab: neither GITHUB_ACTIONS nor GITLAB_CI is set.",
            "Run it as a step of one.",
        )


def _needed(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "")
    if not value or not is_plain(value):
        raise ConfigurationError(
            f"The variable {name} is not set, or not what the host sets.",
            "Run it in the host's own pipeline, and leave its variables as they are.",
        )
    return value


def _endpoint(found: _Variables, environ: Mapping[str, str]) -> Endpoint:
    url = Settings({"url": environ.get(found.url)}, {"url": found.url}, "", Path(), environ).url(
        "url"
    )
    token = next((environ[name] for name in found.token if environ.get(name)), "")
    if not token or not is_plain(token):
        raise ConfigurationError(
            f"There is no token to ask {url} with: {found.token[0]} is not set.",
            "Pass it to the step as a variable; docs/pipelines.md says which it is.",
        )
    return Endpoint(url=url.rstrip("/"), token_url=url, token=Secret(token))


def _request(environ: Mapping[str, str]) -> str | None:
    pull = _PULL.fullmatch(environ.get("GITHUB_REF", ""))
    number = pull[1] if pull else environ.get("CI_MERGE_REQUEST_IID", "")
    return number if number.isascii() and number.isdigit() else None


class _WritingTransport(Transport):
    """Sends comments, and nothing twice."""

    methods = frozenset(("POST", "PATCH", "PUT"))


@dataclass(frozen=True, slots=True)
class Asking:
    """An open way to a host's API."""

    _reading: Transport
    _writing: Transport
    _token: GivenToken

    def get(self, path: str, **params: str) -> Any:
        """Read one document.

        Raises:
            SiteError: it could not be read.
        """
        return self._reading.send(Call("GET", path, params=params or None), self._token).document

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a list, page after page.

        Raises:
            SiteError: a page could not be read, or is no list of objects.
        """
        for number in range(1, _PAGES + 1):
            page = self.get(path, per_page=str(PAGE), page=str(number))
            if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
                raise ContractViolation(f"GET {path}: the answer is no list of objects.")
            yield from page
            if len(page) < PAGE:
                return

    def write(self, method: str, path: str, document: object) -> None:
        """Send a change, once.

        Raises:
            SiteError: it was refused, or got no answer.
        """
        self._writing.send(Call(method, path, document=document), self._token)


@contextmanager
def asking(host: Host, limits: Limits = LIMITS) -> Iterator[Asking]:
    """Open the way to a host's API.

    Args:
        host: the host.
        limits: how long and how much, where it is read.
    """
    assert host.endpoint.token is not None  # noqa: S101 - an endpoint of `Host.of` has one
    rights = _RIGHTS[host.name]
    peer = Peer(
        noun=host.name.value,
        agreed="its API",
        violated="Try again; if it stays so, the API may have changed.",
        refused=MappingProxyType({403: rights, 404: rights}),
        said=lambda problem: ("", first_text(problem, ("message", "error_description", "error"))),
        good=frozenset({200, 201}),
    )
    base = host.endpoint.url
    reading = ReadOnlyTransport(host.endpoint, base, peer, limits)
    writing = _WritingTransport(host.endpoint, base, peer, _ONCE)
    try:
        yield Asking(reading, writing, GivenToken(host.endpoint.token))
    finally:
        reading.close()
        writing.close()
