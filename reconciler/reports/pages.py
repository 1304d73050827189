"""Pages that need nothing else: no request to anywhere, and no script to be read."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from reconciler.diagnostics import Diagnostic
from reconciler.domain.address import AddressKind
from reconciler.drift import Drifted, DriftReport
from reconciler.plain import plain
from reconciler.plan.model import Action, Plan, Unmanaged
from reconciler.policy.model import Verdict
from reconciler.reports import view
from reconciler.reports.differing import direction
from reconciler.reports.outcomes import Outcomes

_OWN: Final = "reconciler.reports"
_NEVER: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src {}; script-src {}"
)

_LISTED: Final = 300
"""So many learners of one person are named in a page: all that anybody looks through."""


class _Row(NamedTuple):
    """A row that can be filtered; `person` is whom the filter looks for."""

    person: str
    who: str
    kind: str
    verb: str
    what: str
    school: str | None
    why: str


class _Remarks(NamedTuple):
    """What is said beside the rows: how bad each line is, and its text."""

    heading: str
    lines: Sequence[tuple[str, str]]


class _Section(NamedTuple):
    heading: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[str, ...]]


def page(
    template: str,
    title: str,
    summary: str,
    *,
    script: str | None = None,
    package: str = _OWN,
    own_style: str | None = None,
    language: str = "en",
    **more: Any,
) -> str:
    """Render a page whose own style and script, told by their hashes, are all that it may use.

    Args:
        template: its name in `templates/`.
        title: also its heading.
        summary: the first sentence.
        script: the name of its script, if it has one.
        package: what else has templates, beside the frame of every page.
        own_style: the name of what its style has beyond that of every page.
        language: what it is written in (BCP 47).
        more: what the template shows.
    """
    loader = ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((_OWN, package))])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, finalize=_harmless
    )

    def own(name: str) -> str:
        return loader.get_source(environment, name)[0]

    style = own("page.css") + (own(own_style) if own_style else "")
    code = own(script) if script else ""
    rendered = environment.get_template(template).render(
        title=title,
        summary=summary,
        style=style,
        language=language,
        script=code,
        policy=_NEVER.format(_hash(style), _hash(code) if code else "'none'"),
        **more,
    )
    return f"{rendered}\n"


def _harmless(value: Any) -> Any:
    """Make text from elsewhere plain; what a template calls safe is another type, and stays."""
    return plain(value) if type(value) is str else value


def plan_html(plan: Plan) -> Iterator[str]:
    """Render a plan: what changes, to be filtered, and who sees whom because of it."""
    access = [
        (row.person, _learners(row.gained), _learners(row.lost)) for row in view.access_rows(plan)
    ]
    sections = (
        _Section("Access", ("Person", "Gains", "Loses"), access),
        _Section("Schools", ("School", "What changes"), view.school_rows(plan.schools)),
        _Section("Later", ("What", "When"), view.upcoming_rows(plan.upcoming)),
        _Section("Moved", ("What", "What becomes of it"), view.moved_rows(plan.moved)),
        _Section("Accepted deviations", ("What", "Why"), view.accepted_rows(plan.accepted)),
        _Section(
            "Live but not declared",
            ("What",),
            [(text,) for text in view.unmanaged_rows(plan.unmanaged)],
        ),
    )
    yield _changes(
        view.heading(plan),
        view.summary(plan),
        "Changes",
        [_action(each) for each in plan.actions],
        _judged(plan),
        sections,
        view.notes(plan),
    )


def drift_html(report: DriftReport) -> Iterator[str]:
    """Render drift: what others changed and what is not yet applied, to be filtered."""
    plan = report.plan
    sections = (
        _Section("Ending soon", ("What", "When"), view.ending_rows(report.ending)),
        _Section("Accepted deviations", ("What", "Why"), view.accepted_rows(plan.accepted)),
        _Section("Moved", ("What", "What becomes of it"), view.moved_rows(plan.moved)),
    )
    rows = [
        *map(_drifted, report.drifted),
        *(_waiting(each, "not yet applied") for each in report.pending),
        *(_waiting(each, "held back") for each in report.held_back),
    ]
    yield _changes(
        f"Drift on {plan.site} on {plan.as_of}",
        view.drift_summary(report),
        "Differences",
        rows,
        _judged(plan),
        sections,
        [] if report.attributed else [view.UNATTRIBUTED],
    )


def run_html(run: Outcomes) -> Iterator[str]:
    """Render a run: what became of each action, to be filtered."""
    rows = [
        _action(each.action)._replace(
            verb=f"{each.action.verb.value}: {each.word}",
            why=each.detail or str(each.action.cause),
        )
        for each in run.settled
    ]
    broken = [("error", run.broken)] if run.broken else []
    judged = [_Remarks("What kept it from its end", broken), *_told(run.verdicts, run.warnings)]
    facts = _Section("The run", ("What", "Which"), [each for each in run.facts if each[1]])
    yield _changes(run.title, run.summary, "What became of it", rows, judged, [facts])


def tables_html(
    title: str,
    summary: str,
    tables: Iterable[tuple[str, tuple[str, ...], Iterable[tuple[str, ...]]]],
) -> Iterator[str]:
    """Render tables: heading, columns and rows of each; one without rows is left out."""
    yield _changes(title, summary, "", [], sections=[_Section(*each) for each in tables])


def _judged(plan: Plan) -> Iterable[_Remarks]:
    return _told(plan.verdicts, plan.warnings)


def _told(verdicts: Iterable[Verdict], warnings: Iterable[Diagnostic]) -> Iterator[_Remarks]:
    yield _Remarks("Guards", [_verdict(each) for each in verdicts if not each.passed])
    yield _Remarks("Warnings", [(each.severity.value, str(each)) for each in warnings])


def _changes(
    title: str,
    summary: str,
    heading: str,
    rows: list[_Row],
    judged: Iterable[_Remarks] = (),
    sections: Iterable[_Section] = (),
    notes: Sequence[str] = (),
) -> str:
    listed = [each._replace(rows=list(each.rows)) for each in sections]
    schools = sorted({row.school for row in rows if row.school is not None})
    return page(
        "changes.html",
        title,
        summary,
        script="changes.js" if rows else None,
        heading=heading,
        rows=rows,
        kinds=sorted({row.kind for row in rows}),
        schools=schools if len(schools) > 1 else [],
        remarks=[each for each in judged if each.lines],
        notes=notes,
        sections=[each for each in listed if each.rows],
    )


def _action(action: Action) -> _Row:
    told = view.row_of(action)
    return _row(action, action.verb.value, told.what, told.reason)


def _waiting(action: Action, why: str) -> _Row:
    return _action(action)._replace(verb=f"{action.verb.value}: {why}")


def _drifted(found: Drifted) -> _Row:
    return _row(found.item, found.on_site.value, view.thing(found.name), direction(found))


def _row(item: Action | Unmanaged, verb: str, what: str, why: str) -> _Row:
    name = item.name
    kind = name.parts[2] if name.kind is AddressKind.ASSIGNMENT else name.kind.value
    person = name.parts[1] if name.people else ""
    who = view.title(view.subject_of(name))
    return _Row(person, who, kind, verb, what, item.school, why)


def _verdict(verdict: Verdict) -> tuple[str, str]:
    return "error" if verdict.refuses else "warning", view.verdict_words(verdict)


def _learners(keys: tuple[str, ...]) -> str:
    return view.learners(keys, _LISTED) if keys else ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
