"""A runbook as text, Markdown, a page with tick boxes, or a document for programs."""

import gettext
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from reconciler import catalogues
from reconciler.plain import plain
from reconciler.reports.markdown import said
from reconciler.runbook.steps import N_, Line, Step

WORDS: Final = Path(__file__).parent / "words"
FORMAT: Final = "reconciler.runbook/1"

_MARK: Final = 4


@cache
def languages() -> Mapping[str, str]:
    """Return per code what each language calls itself."""
    return catalogues.languages(WORDS)


def mark_of(plan: str) -> str:
    """Return what tells a runbook from another one on paper: how its plan's id begins."""
    return plan[:_MARK]


@dataclass(frozen=True, slots=True)
class Runbook:
    """What is shown: the steps of one site, and which of them are done.

    Attributes:
        plan: the id of the plan that they carry out; `mark_of` it tells runbooks apart.
        site: the site's id.
        day: the day for which it was made.
        steps: those to be shown, in order.
        total: how many there are.
        done: the numbers of those that are done, also where they are not shown.
        language: what it is shown in; one of `languages`.
    """

    plan: str
    site: str
    day: date
    steps: tuple[Step, ...]
    total: int
    done: Collection[int]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A step in words."""

    number: int
    done: bool
    page: str
    lines: tuple[str, ...]
    waits: str


class _Told:
    """A runbook in one language: what every format is made of."""

    def __init__(self, runbook: Runbook) -> None:
        words = catalogues.catalogue(WORDS, runbook.language)
        self.title = words.gettext(N_("Runbook of %(site)s")) % {"site": plain(runbook.site)}
        self.identity = words.gettext(N_("Mark %(mark)s, for %(day)s.")) % {
            "mark": mark_of(runbook.plan),
            "day": runbook.day,
        }
        self.progress = words.gettext(N_("%(done)s of %(total)s steps are done.")) % {
            "done": len(runbook.done),
            "total": runbook.total,
        }
        self.told_done = words.gettext(N_("done"))
        self.steps = tuple(
            _Shown(
                step.number,
                step.number in runbook.done,
                " → ".join(map(words.gettext, step.page)),
                tuple(_sentence(line, words) for line in step.lines),
                _waits(step, runbook.done, words),
            )
            for step in runbook.steps
        )


def _sentence(line: Line, words: gettext.NullTranslations) -> str:
    terms = {name: words.gettext(term) for name, term in line.terms.items()}
    return words.gettext(line.text) % {**terms, **{k: plain(v) for k, v in line.values.items()}}


def _waits(step: Step, done: Collection[int], words: gettext.NullTranslations) -> str:
    numbers = ", ".join(str(each) for each in step.waits_for if each not in done)
    return words.gettext(N_("After step %(numbers)s.")) % {"numbers": numbers} if numbers else ""


def as_text(runbook: Runbook) -> Iterator[str]:
    """Render it as text, for people."""
    told = _Told(runbook)
    yield f"{told.title}\n{told.identity}\n{told.progress}\n"
    for step in told.steps:
        ticked = f" ({told.told_done})" if step.done else ""
        yield f"\n{step.number}. {step.page}{ticked}\n"
        if step.waits:
            yield f"   {step.waits}\n"
        for line in step.lines:
            yield f"   - {line}\n"


def as_markdown(runbook: Runbook) -> Iterator[str]:
    """Render it as Markdown, with boxes to tick."""
    told = _Told(runbook)
    yield f"# {said(told.title)}\n\n{said(told.identity)}\n\n{told.progress}\n"
    for step in told.steps:
        yield f"\n## {step.number}. {said(step.page)}\n\n"
        if step.waits:
            yield f"{step.waits}\n\n"
        for line in step.lines:
            yield f"- [{'x' if step.done else ' '}] {said(line)}\n"


def as_html(runbook: Runbook) -> Iterator[str]:
    """Render it as a page, with boxes to tick."""
    from reconciler.reports.pages import page  # noqa: PLC0415 - of this format alone

    told = _Told(runbook)
    yield page(
        "runbook.html",
        told.title,
        told.identity,
        package="reconciler.runbook",
        own_style="runbook.css",
        language=runbook.language,
        told=told,
    )


def as_json(runbook: Runbook) -> Iterator[str]:
    """Render it as a document, for programs."""
    told = _Told(runbook)
    document: dict[str, Any] = {
        "format": FORMAT,
        "plan": runbook.plan,
        "mark": mark_of(runbook.plan),
        "as_of": runbook.day.isoformat(),
        "site": runbook.site,
        "language": runbook.language,
        "total": runbook.total,
        "done": len(runbook.done),
        "steps": [
            {
                "number": step.number,
                "done": shown.done,
                "page": shown.page,
                "lines": list(shown.lines),
                "waits_for": list(step.waits_for),
                "actions": [
                    {"verb": each.verb.value, "address": str(each.address), "name": str(each.name)}
                    for each in step.actions
                ],
            }
            for step, shown in zip(runbook.steps, told.steps, strict=True)
        ],
    }
    yield json.dumps(document, ensure_ascii=False, indent=2) + "\n"
