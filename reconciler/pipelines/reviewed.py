"""Which run of a pipeline made the plan that was reviewed before a merge, on GitHub.

What that run kept is no more to be trusted than the branch it ran for: who may push there may have
written it. It says what was reviewed, and nothing is applied because it stands there: forged, it
can at most let pass what the merged manifest declares (`reconciler/plan/reviewed.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import ConfigurationError, ContractViolation, PlanUnusable
from reconciler.pipelines.host import PAGE, Asking, Host, HostName, asking

_ANEW: Final = (
    "Let a pull request plan it again and merge that one, or apply a plan of this run that "
    "somebody approves: docs/pipelines.md says how."
)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A plan that was reviewed.

    Attributes:
        run: the id of the run that kept it.
        artefact: what it is called there.
        request: the number of the pull request.
    """

    run: int
    artefact: str
    request: int


def artefact_name(about: str, commit: str) -> str:
    """Return what the saved plan of a commit is called among a run's artefacts."""
    return f"reconciler-plan-{about}-{commit}" if about else f"reconciler-plan-{commit}"


def find_reviewed(host: Host, about: str) -> Reviewed:
    """Find the plan that was reviewed for the pull request whose merge made the job's commit.

    Args:
        host: says which commit.
        about: which of several plans.

    Raises:
        ConfigurationError: the host is not GitHub.
        PlanUnusable: no merge made the commit, or its plan is not kept any more.
        SiteError: the host could not be asked.
    """
    if host.name is not HostName.GITHUB:
        raise ConfigurationError(
            f"{host.name.value} does not tell which plan was reviewed.",
            "Apply the plan that an earlier job of the same pipeline saved.",
        )
    with asking(host) as ask:
        request, head = _merged(ask, host)
        name = artefact_name(about, head)
        runs = list(_runs(ask, host, name, head))
    if not runs:
        raise PlanUnusable(
            f"The plan that pull request {request} was reviewed by is not kept (any more): there "
            f"is no artefact {name}.",
            _ANEW,
        )
    return Reviewed(max(runs), name, request)


def _merged(ask: Asking, host: Host) -> tuple[int, str]:
    """Return the pull request that the job's commit came from, and its last commit."""
    for each in ask.pages(f"/repos/{host.project}/commits/{host.commit}/pulls"):
        if each.get("merged_at") and each.get("merge_commit_sha") == host.commit:
            number, head = each.get("number"), _member(each, "head").get("sha")
            if not isinstance(number, int) or not isinstance(head, str):
                raise ContractViolation("A pull request has no number, or no last commit.")
            return number, head
    raise PlanUnusable(
        f"No pull request was reviewed for {host.commit[:12]}: it is not what a merge made.", _ANEW
    )


def _runs(ask: Asking, host: Host, name: str, head: str) -> Iterator[int]:
    """Yield the runs of this repository, of no fork, that kept a plan for a commit."""
    answer = ask.get(f"/repos/{host.project}/actions/artifacts", name=name, per_page=str(PAGE))
    found = answer.get("artifacts") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise ContractViolation("The answer has no list of artefacts.")
    for each in found:
        run = _member(each, "workflow_run")
        of_us = run.get("head_repository_id") == run.get("repository_id")
        if each.get("expired") is False and run.get("head_sha") == head and of_us:
            number = run.get("id")
            if isinstance(number, int):
                yield number


def _member(item: object, key: str) -> Mapping[str, Any]:
    found = item.get(key) if isinstance(item, dict) else None
    return found if isinstance(found, dict) else {}
