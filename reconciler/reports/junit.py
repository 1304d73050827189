"""Tests as JUnit XML: an error is a test that failed, a warning one that passed with a word.

What shows tests tells one from another by its name, and passes over one whose name came before. So
each has a name of its own, the same one wherever its line moves.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final, NamedTuple

from reconciler.plain import plain
from reconciler.reports.findings import Reported
from reconciler.reports.outcomes import Outcomes, Settled

_ENOUGH: Final = 12
"""So many characters of a fingerprint tell a million findings apart."""


class Case(NamedTuple):
    """A test.

    Attributes:
        place: what it is of: a file, say.
        name: its own.
        failure: what is wrong, in short; None where it did not fail.
        text: what is said of it.
        kind: what kind of failure it is.
        skipped: whether it was not tried.
    """

    place: str
    name: str
    failure: str | None = None
    text: str = ""
    kind: str = ""
    skipped: bool = False


def render(found: Iterable[Reported]) -> Iterator[str]:
    """Render findings as one suite; where nothing was found, one test says so by passing."""
    listed = [_case(each) for each in found]
    return suite(listed or [Case("reconciler", "nothing found")])


def run_junit(run: Outcomes) -> Iterator[str]:
    """Render a run: its end is a test, and so is each action.

    One that failed, or of which nobody knows, is a test that failed; what was not tried is skipped.
    """
    end = Case(run.site, "the run", run.broken or None, run.summary, "run")
    return suite([end, *_told_apart(_settled(run.site, each) for each in run.settled)])


def _told_apart(cases: Iterable[Case]) -> Iterator[Case]:
    """Number the names that came before: all who are withheld are called the same."""
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.name] += 1
        number = seen[case.name]
        yield case._replace(name=f"{case.name} ({number})") if number > 1 else case


def suite(cases: Iterable[Case]) -> Iterator[str]:
    """Render tests as one suite."""
    listed = list(cases)
    failed = sum(each.failure is not None for each in listed)
    skipped = sum(each.skipped for each in listed)
    counts = f'tests="{len(listed)}" failures="{failed}" errors="0"'
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="reconciler" {counts}>\n'
    yield f'  <testsuite name="reconciler" {counts} skipped="{skipped}">\n'
    yield from map(_element, listed)
    yield "  </testsuite>\n</testsuites>\n"


def _case(found: Reported) -> Case:
    name = f"{found.code}: {found.title} ({found.fingerprint[:_ENOUGH]})"
    text = f"{found.position}: {found.text}"
    if found.severity.value == "error":
        return Case(found.position.file, name, found.message, text, found.code)
    told = f"{found.severity.value} {found.code}: {text}"
    return Case(found.position.file, name, text=told)


def _settled(site: str, found: Settled) -> Case:
    action = found.action
    failure = (found.detail or found.word) if found.failed else None
    text = "; ".join(filter(None, (found.word, found.detail, str(action.cause))))
    name = f"{action.verb.value} {action.name}"
    tried = found.holds or found.failed
    return Case(site, name, failure, text, found.word if found.failed else "", skipped=not tried)


def _element(case: Case) -> str:
    begin = f'    <testcase classname="{_said(case.place)}" name="{_said(case.name)}"'
    text = _said(case.text)
    if case.failure is not None:
        kind = f'type="{_said(case.kind)}" message="{_said(case.failure)}"'
        inside = f"<failure {kind}>{text}</failure>"
    elif case.skipped:
        inside = f'<skipped message="{text}"/>'
    else:
        inside = f"<system-out>{text}</system-out>" if text else ""
    return f"{begin}>{inside}</testcase>\n" if inside else f"{begin}/>\n"


def _said(text: str) -> str:
    return escape(plain(text))
