"""What is worth a message, and what of it is new: pure functions from results to facts.

A message is read by more people than run the program, and stays. So no fact names a learner, and
none repeats what somebody wrote in words of their own.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.apply.outcome import ApplyResult
from reconciler.domain.address import Address
from reconciler.drift import Drifted, DriftReport
from reconciler.errors import ExitCode, GuardRefused, ReconcilerError, told
from reconciler.plain import plain
from reconciler.plan.model import Action, Plan
from reconciler.reports import view
from reconciler.reports.differing import differs, done_by

_SHORTENED: Final = 16


class Topic(StrEnum):
    """What facts are about; each is told of by itself.

    `drift`: what others changed. `refusal`: a guard refuses. `failure`: a run failed, or did only a
    part of what it was to do. `ending`: what ends soon.
    """

    DRIFT = "drift"
    REFUSAL = "refusal"
    FAILURE = "failure"
    ENDING = "ending"

    @property
    def has_recovery(self) -> bool:
        """Whether it is told that there is nothing of it any more: what has ended needs no word."""
        return self is not Topic.ENDING


class Fact(NamedTuple):
    """Something to be told.

    Attributes:
        topic: what it is about.
        key: what tells it from every other fact, hashed: it is kept until the next run.
        text: a line for people.
        details: the same for programs.
    """

    topic: Topic
    key: str
    text: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run found out about a site.

    Attributes:
        looked: the topics that it could tell about; of others nothing is known.
        facts: what it found.
    """

    looked: frozenset[Topic] = frozenset()
    facts: tuple[Fact, ...] = ()

    def __or__(self, other: "Findings") -> "Findings":
        facts = {(each.topic, each.key): each for each in (*self.facts, *other.facts)}
        return Findings(self.looked | other.looked, tuple(facts.values()))


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a topic since it was told of last.

    Attributes:
        site: what the site is called.
        topic: what it is about.
        new: what was not told yet.
        gone: how much of what was told is not there any more.
        total: how much there is.
    """

    site: str
    topic: Topic
    new: tuple[Fact, ...]
    gone: int
    total: int

    @property
    def event(self) -> str:
        """What has happened, in a word."""
        return self.topic.value if self.new else "recovery"


Known = Mapping[Topic, frozenset[str]]
"""Per topic the keys of the facts that were told."""

NOTHING_KNOWN: Final[Known] = MappingProxyType({})


def changes(site: str, before: Known, found: Findings) -> Iterator[Change]:
    """Yield what is new of each topic, and that there is nothing left of it where there was."""
    for topic in Topic:
        if topic not in found.looked:
            continue
        known = before.get(topic, frozenset())
        facts = {each.key: each for each in found.facts if each.topic is topic}
        new = tuple(fact for key, fact in facts.items() if key not in known)
        if new or (known and not facts and topic.has_recovery):
            yield Change(site, topic, new, len(known - facts.keys()), len(facts))


def after(before: Known, found: Findings) -> dict[Topic, frozenset[str]]:
    """Return what is known after a run was told of."""
    seen = {
        topic: frozenset(each.key for each in found.facts if each.topic is topic)
        for topic in found.looked
    }
    return {topic: keys for topic, keys in {**before, **seen}.items() if keys}


def only(topics: Set[Topic], found: Findings) -> Findings:
    """Leave out what is about other topics."""
    return Findings(
        found.looked & topics, tuple(each for each in found.facts if each.topic in topics)
    )


def of_drift(report: DriftReport, shown: DriftReport) -> Findings:
    """Tell what drifted, and what ends soon.

    Args:
        report: the drift.
        shown: the same as it may be told, without the people who are to be hidden.
    """
    drifted = (
        _drifted(each, told) for each, told in zip(report.drifted, shown.drifted, strict=True)
    )
    ending = (
        Fact(
            Topic.ENDING,
            _hashed(each.address, each.until, each.accepted),
            f"{_named(told.name)} {told}",
            (("name", _plain_name(told.name)), ("until", each.until.isoformat())),
        )
        for each, told in zip(report.ending, shown.ending, strict=True)
    )
    return Findings(frozenset({Topic.DRIFT, Topic.ENDING}), (*drifted, *ending))


def of_plan(plan: Plan) -> Findings:
    """Tell which guards refuse a plan."""
    refusing = ((each.code, each.message) for each in plan.verdicts if each.refuses)
    return Findings(frozenset({Topic.REFUSAL}), tuple(_refusals(refusing)))


def of_result(result: ApplyResult, plan: Plan) -> Findings:
    """Tell that a plan was carried out, which no guard refused, and whether all of it was done."""
    done = result.exit_code is ExitCode.DONE
    facts = () if done else (_failure("not done", view.result_summary(result, plan)),)
    return Findings(frozenset({Topic.REFUSAL, Topic.FAILURE}), facts)


FINE: Final = Findings(frozenset({Topic.FAILURE}))
"""A run that did not fail."""


def of_error(error: BaseException) -> Findings:
    """Tell why a run came to nothing."""
    if isinstance(error, GuardRefused):
        found = tuple(_refusals(error.reasons))
        return Findings(frozenset({Topic.REFUSAL, Topic.FAILURE}), found)
    fact = _failure(type(error).__name__, _said(error))
    return Findings(frozenset({Topic.FAILURE}), (fact,))


def broke(text: str) -> Findings:
    """Tell that a run came to nothing, where there is no error that says why."""
    return Findings(frozenset({Topic.FAILURE}), (_failure("lost", text),))


def _said(error: BaseException) -> str:
    """Say what an error is: in its words where it says that they name nobody, else by its kind."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    kind = type(error).__name__
    if isinstance(error, OSError):
        return f"{kind}: {os.strerror(error.errno)}" if error.errno else kind
    if not isinstance(error, ReconcilerError):
        return told(error)[0]
    said = error.impersonal.rstrip(".:")
    codes = sorted({each.code for each in error.diagnostics if each.is_error})
    if codes:
        return f"{said or kind}: {', '.join(codes)}"
    return said or f"{kind}; its message may name people, and stands on standard error alone"


def _failure(kind: str, text: str) -> Fact:
    said = plain(text).rstrip(".")
    return Fact(Topic.FAILURE, _hashed(kind), said, (("kind", kind), ("message", said)))


def _refusals(reasons: Iterable[tuple[str, str]]) -> Iterator[Fact]:
    for code, message in reasons:
        said = plain(message).rstrip(".")
        details = (("code", code), ("message", said))
        yield Fact(Topic.REFUSAL, _hashed(code, message), f"{code}: {said}", details)


def _drifted(found: Drifted, shown: Drifted) -> Fact:
    item = found.item
    live = item.before if isinstance(item, Action) else None
    event = shown.event
    who = f"; {done_by(event)} {_code(event.author)}" if event else ""
    details = [
        ("kind", found.kind.value),
        ("on_site", found.on_site.value),
        ("name", _plain_name(shown.name)),
    ]
    if event:
        details += [
            ("by", plain(event.actor)),
            ("by_kind", plain(event.actor_kind)),
            ("at", event.at.isoformat()),
        ]
    return Fact(
        Topic.DRIFT,
        _hashed(found.kind, item.address, live),
        f"{_named(shown.name)} {differs(shown, brief=True)}{who}",
        tuple(details),
    )


def _named(name: Address) -> str:
    """Name something; who may not be named is counted as one."""
    subject = _code(view.title(view.subject_of(name)))
    what = view.thing(name, name_learner=False)
    return f"{subject} {what if name.names_learner else _code(what)}"


def _plain_name(name: Address) -> str:
    return "/".join(name.parts[:3]) if name.names_learner else plain(str(name))


def _code(text: str) -> str:
    """Show a text from elsewhere as code, in which no chat looks for mentions, links or markup."""
    return f"`{plain(text).replace('`', chr(39))}`"


def _hashed(*parts: object) -> str:
    return hashlib.sha256("|".join(map(repr, map(str, parts))).encode()).hexdigest()[:_SHORTENED]
