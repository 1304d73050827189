"""From a file, or a request's header, to faults."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from reconciler.sandbox.faults.mistakes import at, mistakes
from reconciler.sandbox.faults.model import (
    KINDS,
    Effect,
    Ending,
    Failure,
    Fault,
    Faults,
    Framing,
    Latency,
    Limit,
    Matcher,
    Moment,
    Occurrence,
    Span,
    Staleness,
)
from reconciler.sandbox.faults.text import Unreadable, read_yaml
from reconciler.sandbox.options import SandboxOptions, SandboxRefused

HEADER: Final = "Sandbox-Fault"
"""The header with which a request brings a fault."""

_MATCHING: Final = tuple(field.name for field in fields(Matcher))
_OCCURRING: Final = tuple(field.name for field in fields(Occurrence))
_BATCHES: Final = Matcher(frozenset({"POST"}), "/v1/changes")
_READS: Final = frozenset({"GET"})
_EVERYTHING: Final = Matcher(path="/**")
_WORDS: Final[Mapping[str, Any]] = {
    "when": Moment,
    "ending": Ending,
    "framing": Framing,
    "answer": Staleness,
}
_SECONDS_BY_DEFAULT: Final = {429: 1, 503: 1}


def faults_of(options: SandboxOptions, clients: Collection[str]) -> Faults:
    """Return what goes wrong in a sandbox that is started like this.

    Raises:
        SandboxRefused: see `read_faults`.
    """
    found = Faults() if options.faults is None else read_faults(options.faults, clients)
    listed = found.listed
    if options.latency:
        span = Span(options.latency, options.latency)
        # The outermost: what goes wrong far away is not heard of sooner.
        listed = (Fault("--latency", Latency(span), _EVERYTHING), *listed)
    return replace(found, listed=listed, by_header=options.faults_by_header)


class Mistaken(Exception):
    """A header's fault cannot be used; the message says why."""


def read_faults(path: Path, clients: Collection[str]) -> Faults:
    """Read a file of faults.

    Args:
        path: the file.
        clients: the ids of the clients that there are.

    Raises:
        SandboxRefused: it cannot be read, or has mistakes; all of them are told.
    """
    try:
        document = read_yaml(path.read_bytes())
    except OSError as error:
        raise SandboxRefused(
            f"the faults {path} cannot be read: {error.strerror}; check the path"
        ) from error
    except Unreadable as error:
        raise SandboxRefused(f"{path}: {error}") from error
    found = mistakes(document) or [*_contradictions(document, clients)]
    if found:
        raise SandboxRefused("\n".join(f"{path}: {sentence}" for sentence in found))
    assert isinstance(document, dict)  # noqa: S101 - the schema saw to it
    listed = tuple(_fault(str(number), each) for number, each in enumerate(document["faults"]))
    return Faults(listed, int(document.get("seed", 0)))


def read_header(text: str) -> Fault:
    """Read a header's fault: JSON as in a file, or `kind key=value …` in short.

    It concerns its own request alone, so it matches nothing and counts nothing, but for changes of
    a batch.

    Raises:
        Mistaken: it is no such fault.
    """
    document = _json(text) if text.lstrip().startswith("{") else _short(text)
    found = mistakes(document, whole=False)
    if found:
        raise Mistaken(found[0])
    kind = document["kind"]
    beside = {*_MATCHING, *(() if kind == "items" else _OCCURRING)} & set(document)
    if beside:
        raise Mistaken(f"{min(beside)!r} belongs in a file; a header is for its own request")
    if KINDS[kind] is Limit:
        raise Mistaken("a limit belongs in a file; 'error status=429' answers a single request")
    wrong = [*_reversed(document, ())]
    if wrong:
        raise Mistaken(wrong[0])
    return _fault(HEADER, {**document, **({} if kind == "items" else {"path": _EVERYTHING.path})})


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Mistaken("it is not JSON") from None


def _no_number(name: str) -> float:
    raise ValueError(name)


def _short(text: str) -> dict[str, Any]:
    kind, *rest = text.split() or [""]
    document: dict[str, Any] = {"kind": kind}
    for word in rest:
        key, _, value = word.partition("=")
        if not key or not value or key in document:
            raise Mistaken(f"{word!r} is not 'key=value', or the key stands twice")
        try:
            document[key] = read_yaml(value.encode())
        except Unreadable:
            document[key] = value
    return document


def _contradictions(document: Any, clients: Collection[str]) -> Iterator[str]:
    """Yield what the schema cannot say."""
    for number, fault in enumerate(document["faults"]):
        place = ("faults", number)
        yield from _reversed(fault, place)
        client = fault.get("client")
        if client is not None and client not in clients:
            known = ", ".join(sorted(clients))
            yield at((*place, "client"), f"there is no client {client!r}; there are {known}")


def _reversed(fault: Mapping[str, Any], place: tuple[str | int, ...]) -> Iterator[str]:
    seconds = fault.get("seconds")
    if isinstance(seconds, Mapping) and seconds["from"] > seconds["to"]:
        yield at(
            (*place, "seconds"), f"{seconds['from']} to {seconds['to']} is no span; swap the two"
        )


def _fault(name: str, document: Mapping[str, Any]) -> Fault:
    # 5.0 is a whole number to the schema.
    document = {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in document.items()
    }
    matching = {key: document[key] for key in _MATCHING if key in document}
    if "methods" in matching:
        matching["methods"] = frozenset(matching["methods"])
    occurring = {key: document[key] for key in _OCCURRING if key in document}
    kind = document["kind"]
    if kind == "items":
        matching = {"methods": _BATCHES.methods, "path": _BATCHES.path, **matching}
    if kind == "stale":
        matching["methods"] = _READS
    return Fault(name, _effect(document), Matcher(**matching), Occurrence(**occurring))


def _effect(document: Mapping[str, Any]) -> Effect:
    kind = KINDS[document["kind"]]
    given = {field.name: document[field.name] for field in fields(kind) if field.name in document}
    for key, word in _WORDS.items():
        if key in given:
            given[key] = word(given[key])
    if "seconds" in given:
        seconds = given["seconds"]
        least, most = (
            (seconds["from"], seconds["to"]) if isinstance(seconds, Mapping) else (seconds, seconds)
        )
        given["seconds"] = Span(float(least), float(most))
    if kind is Failure:
        default = _SECONDS_BY_DEFAULT.get(given.get("status", Failure().status))
        given = {"retry_after": default, **given}
    return kind(**given)
