"""Whether a job's commit is still the newest one of the default branch.

A job of an older merge can be started, approved or run again when a newer merge has taken back what
it did. Its manifest is then not what the branch declares any more.

GitHub: https://docs.github.com/en/rest/commits/commits#list-commits
GitLab: https://docs.gitlab.com/api/commits/#list-repository-commits
Both list the default branch, where none is named, from its newest commit.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.errors import ContractViolation, PlanUnusable
from reconciler.pipelines.host import Host, HostName, asking

_LISTED: Final[Mapping[HostName, tuple[str, str]]] = MappingProxyType(
    {
        HostName.GITHUB: ("/repos/{project}/commits", "sha"),
        HostName.GITLAB: ("/projects/{project}/repository/commits", "id"),
    }
)
"""The path of the list of commits, and what holds the name of one."""


def check_newest(host: Host) -> None:
    """Check that the job's commit is the newest one of the default branch.

    Args:
        host: says which commit.

    Raises:
        PlanUnusable: another one is.
        SiteError: the host could not be asked.
    """
    listed, name = _LISTED[host.name]
    path = listed.format(project=host.project)
    with asking(host) as ask:
        answer = ask.get(path, per_page="1")
    first = answer[0] if isinstance(answer, list) and answer else None
    newest = first.get(name) if isinstance(first, dict) else None
    if not isinstance(newest, str):
        raise ContractViolation(f"GET {path}: the answer names no commit.")
    if newest != host.commit:
        raise PlanUnusable(
            f"This job is for the commit {host.commit[:12]}, and the default branch is at "
            f"{newest[:12]} by now.",
            "Let the job of the newest commit apply; what is still wanted of this one is in it.",
        )
