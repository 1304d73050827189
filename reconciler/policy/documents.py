"""Policies and verdicts as JSON data, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.domain.vocabulary import Role
from reconciler.manifest.policies import Level, PolicyKey
from reconciler.policy.model import Found, FoundKind, InForce, Source, Value, Verdict

Document = dict[str, Any]


def policies_document(policies: Iterable[InForce]) -> list[Document]:
    """Describe the rules in force."""
    return [
        {
            "rule": each.rule.value,
            "value": _plain(each.value),
            "level": each.level.value,
            "source": each.source.value,
        }
        for each in policies
    ]


def read_policies(listed: Iterable[Mapping[str, Any]]) -> tuple[InForce, ...]:
    """Read the rules in force back.

    Raises:
        KeyError, TypeError, ValueError: the data is none of ours.
    """
    return tuple(
        InForce(
            PolicyKey(each["rule"]),
            _value(each["value"]),
            Level(each["level"]),
            Source(each["source"]),
        )
        for each in listed
    )


def verdict_document(verdict: Verdict) -> Document:
    """Describe a verdict."""
    return {
        "code": verdict.code,
        "role": verdict.role.value if verdict.role else None,
        "level": verdict.level.value,
        "source": verdict.source.value,
        "counted": verdict.counted,
        "allowed": verdict.allowed,
        "passed": verdict.passed,
        "message": verdict.message,
        "found": [found_document(each) for each in verdict.found],
        "digest": verdict.digest,
        "override": verdict.override,
    }


def read_verdict(item: Mapping[str, Any]) -> Verdict:
    """Read a verdict back.

    Raises:
        KeyError, TypeError, ValueError: the data is none of ours.
    """
    return Verdict(
        code=item["code"],
        role=Role(item["role"]) if item["role"] else None,
        counted=item["counted"],
        allowed=item["allowed"],
        passed=item["passed"],
        message=item["message"],
        found=tuple(_found(each) for each in item["found"]),
        digest=item.get("digest"),  # an older journal does not have it
        level=Level(item["level"]),
        source=Source(item["source"]),
        override=item["override"],
    )


def found_document(found: Found) -> Document:
    """Describe one thing that breaks a rule."""
    learner = found.learner
    return {
        "kind": found.kind.value,
        "id": found.id,
        "key": found.key,
        "note": found.note or None,
        "learner": {"id": learner[0], "key": learner[1]} if learner else None,
    }


def _found(item: Mapping[str, Any]) -> Found:
    learner = item.get("learner")  # an older journal does not have it
    return Found(
        FoundKind(item["kind"]),
        item["id"],
        item["key"],
        item["note"] or "",
        (learner["id"], learner["key"]) if learner else None,
    )


def _plain(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {key: list(items) for key, items in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _value(data: Any) -> Value:
    if isinstance(data, dict):
        return {key: tuple(items) for key, items in data.items()}
    if isinstance(data, list):
        return tuple(data)
    if isinstance(data, bool | int | str):
        return data
    raise TypeError(data)
