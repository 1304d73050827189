"""The one comment of a pipeline on a pull request: each run writes it anew."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from reconciler.errors import ContractViolation, WrongUse
from reconciler.pipelines.host import Asking, Host, HostName, asking

Comment = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Comments:
    """Where a host has the comments of a pull request.

    Attributes:
        noun: what the host calls a pull request.
        listed: the path of the list; a new one is sent there.
        one: the path of one of them.
        renewed: the method that gives it another text.
        ours: makes what tells whether a pipeline may have written a comment.
    """

    noun: str
    listed: str
    one: str
    renewed: str
    ours: Callable[[Asking], Callable[[Comment], bool]]


def _of_a_bot(_ask: Asking) -> Callable[[Comment], bool]:
    """A job's token, or an app's, writes as a bot; nobody else can begin as one."""
    return lambda comment: _below(comment, "user").get("type") == "Bot"


def _of_the_token(ask: Asking) -> Callable[[Comment], bool]:
    me = ask.get("/user")
    if not isinstance(me, dict) or "id" not in me:
        raise ContractViolation("GET /user: the answer names nobody.")
    return lambda comment: _below(comment, "author").get("id") == me["id"]


def _below(comment: Comment, key: str) -> Mapping[str, Any]:
    found = comment.get(key)
    return found if isinstance(found, dict) else {}


_COMMENTS: Final[Mapping[HostName, _Comments]] = MappingProxyType(
    {
        HostName.GITHUB: _Comments(
            noun="pull request",
            listed="/repos/{project}/issues/{request}/comments",
            one="/repos/{project}/issues/comments/{id}",
            renewed="PATCH",
            ours=_of_a_bot,
        ),
        HostName.GITLAB: _Comments(
            noun="merge request",
            listed="/projects/{project}/merge_requests/{request}/notes",
            one="/projects/{project}/merge_requests/{request}/notes/{id}",
            renewed="PUT",
            ours=_of_the_token,
        ),
    }
)


def write_comment(host: Host, text: str, mark: str) -> str:
    """Write a comment, in the place of the one that an earlier run wrote.

    Args:
        host: says which pull request it is about.
        text: the comment, which begins with the mark.
        mark: what the comments begin with that are the same one.

    Returns:
        What was done, in words.

    Raises:
        WrongUse: the job runs for no pull request.
        SiteError: the host could not be asked, or refused.
    """
    found = _COMMENTS[host.name]
    if host.request is None:
        raise WrongUse(
            f"This job runs for no {found.noun}.",
            f"Let it run for {found.noun}s alone, or leave the comment out.",
        )
    place = {"project": host.project, "request": host.request}
    listed = found.listed.format(**place)
    with asking(host) as ask:
        is_ours = found.ours(ask)
        earlier = next(
            (
                each["id"]
                for each in ask.pages(listed)
                if str(each.get("body", "")).replace("\r\n", "\n").startswith(mark)
                and isinstance(each.get("id"), int)
                and is_ours(each)
            ),
            None,
        )
        document = {"body": text}
        if earlier is None:
            ask.write("POST", listed, document)
            return f"Wrote a comment on {found.noun} {host.request}."
        ask.write(found.renewed, found.one.format(**place, id=earlier), document)
        return f"Wrote the comment on {found.noun} {host.request} anew."
