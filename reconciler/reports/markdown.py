"""Plans, drift, runs and mistakes as Markdown: a comment on the pull request that would cause them.

Others read a comment than run the program, and it stays. So no learner is named in it: they are
counted, messages that may name them are told by their code, and reasons are left out. Whatever a
key or a label says is text: it makes no link, no mention, no markup.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.apply.outcome import Outcome
from reconciler.cause import SHORT_ID
from reconciler.codes import CODES
from reconciler.diagnostics import Diagnostic
from reconciler.drift import Drifted, DriftReport
from reconciler.plain import count, plain
from reconciler.plan.model import Plan
from reconciler.policy.model import Verdict
from reconciler.reports import view
from reconciler.reports.differing import differs, done_by
from reconciler.reports.outcomes import NOT_SENT, Outcomes, Settled
from reconciler.reports.summary import Told, sight, tally_rows, warning_rows

LIMIT: Final = 65_536
"""So long a comment may be on GitHub, in characters; here it is kept in bytes of UTF-8."""

LINES: Final = 100
"""So many lines of a section are told; the others are counted."""

MARK: Final = "<!-- reconciler -->\n"
"""What every comment begins with, so that a pipeline finds its own and writes it anew."""

_RESERVED: Final = 200
_HARMFUL: Final = re.compile(r"[\x21-\x2b\x3b-\x40\x5b-\x60\x7b-\x7e]|[.:](?=\S)")
"""Every mark of ASCII that Markdown, HTML or a platform gives a meaning; those of an address that
would become a link, where they stand within a word."""


@dataclass(frozen=True, slots=True)
class Section:
    """What can be folded: a title and lines, both in Markdown."""

    title: str
    lines: Sequence[str]

    def __str__(self) -> str:
        left = len(self.lines) - LINES
        more = [f"and {count(left, 'more line')}"] if left > 0 else []
        lines = "".join(f"- {line}\n" for line in (*self.lines[:LINES], *more))
        return f"<details><summary>{self.title}</summary>\n\n{lines}\n</details>\n"


def plan_markdown(plan: Plan) -> Iterator[str]:
    """Render a plan: whether it is refused, how much there is to do, and what, to be unfolded."""
    head = [
        f"### Plan for {quoted(plan.site)} on {plan.as_of}\n",
        f"{said(view.summary(plan))}\n",
        *_guards(plan.verdicts),
        *([f"{said(view.access_summary(plan.access))}\n"] if plan.actions else []),
    ]
    sections = [
        Section(
            f"{quoted(group.title)}: {count(group.size, 'change')}",
            [f"**{row.verb}** {quoted(row.what)} {said(row.why)}".rstrip() for row in group.rows],
        )
        for group in view.groups(plan.actions, name_learners=False)
    ]
    access = sorted((plan.people[each.person], sight(each)) for each in plan.access)
    return fitted(
        head,
        [
            *listed("Warnings", warning_rows(plan.warnings)),
            *listed("Schools", view.school_rows(plan.schools)),
            *sections,
            *listed("Access", access),
            *listed(
                "Live but not declared", tally_rows(Told(each.name) for each in plan.unmanaged)
            ),
            *listed("Later", tally_rows(Told(each.name) for each in plan.upcoming)),
            *listed("Moved", tally_rows(Told(each.name) for each in plan.moved)),
            *listed("Accepted deviations", tally_rows(Told(each.name) for each in plan.accepted)),
        ],
    )


def drift_markdown(report: DriftReport) -> Iterator[str]:
    """Render drift: how much there is, and what, by whom, to be unfolded."""
    plan = report.plan
    waiting = plan.held_back
    head = [
        f"### Drift on {quoted(plan.site)} on {plan.as_of}\n",
        f"{said(view.drift_summary(report))}\n",
        *_guards((waiting,) if waiting else ()),
    ]
    drifted = [_drifted(each) for each in report.drifted]
    sections = [Section(f"Drifted: {len(drifted):,}", drifted)] if drifted else []
    return fitted(
        head,
        [
            *listed("Warnings", warning_rows(plan.warnings)),
            *sections,
            *listed("Not yet applied", tally_rows(Told(each.name) for each in report.pending)),
            *listed("Held back", tally_rows(Told(each.name) for each in report.held_back)),
            *listed("Ending soon", tally_rows(Told(each.name) for each in report.ending)),
            *listed("Accepted deviations", tally_rows(Told(each.name) for each in plan.accepted)),
        ],
    )


def diagnostics_markdown(found: Sequence[Diagnostic]) -> Iterator[str]:
    """Render mistakes: what kind of each, and where."""
    errors = sum(each.is_error for each in found)
    warnings = len(found) - errors
    summary = f"{count(errors, 'error')}, {count(warnings, 'warning')}.\n"
    lines = [
        f"{each.code}: {said(CODES[each.code].title)}"
        + (f" in {quoted(str(each.position))}" if each.position else "")
        for each in found
    ]
    return fitted(
        ["### The manifest\n", summary], [Section("What, and where", lines)] if lines else []
    )


_ORDER: Final = (
    *(each.value for each in Outcome if not each.holds),
    NOT_SENT,
    *(each.value for each in Outcome if each.holds),
)
"""Every outcome; those that leave something to do come first."""


def run_markdown(run: Outcomes) -> Iterator[str]:
    """Render a run: what became of it, and of which actions the site is not as they wanted it.

    The words of a site, and whatever else says why, are left out, as they may name learners.
    """
    head = [f"### {said(run.title)}\n", f"{said(run.summary)}\n", *_guards(run.verdicts)]
    if run.broken:
        head.append("**The run did not come to its end, or was not read back.**\n")
    if run.broken or not all(each.holds for each in run.settled):
        told = f"reconciler history show {run.run[:SHORT_ID]}"
        head.append(f"{quoted(told)} says why.\n")
    by_word: defaultdict[str, list[Settled]] = defaultdict(list)
    for each in run.settled:
        by_word[each.word].append(each)
    sections = [
        Section(f"{said(word)}: {len(found):,}", [*_settled(found)])
        for word, found in sorted(by_word.items(), key=lambda each: _ORDER.index(each[0]))
    ]
    return fitted(head, [*listed("Warnings", warning_rows(run.warnings)), *sections])


def _settled(found: Sequence[Settled]) -> Iterator[str]:
    """Name each action of one outcome; where the site is as they wanted it, they are counted."""
    if found[0].holds:
        tally = tally_rows(Told(each.action.name) for each in found)
        yield from (f"{quoted(left)} {said(right)}" for left, right in tally)
        return
    for line, number in Counter(map(_open_end, found)).items():
        yield f"{line}, {number:,} times" if number > 1 else line


def _open_end(found: Settled) -> str:
    name = found.action.name
    what = "a learner" if name.names_learner else view.describe(name, found.action.verb)
    subject = quoted(view.title(view.subject_of(name)))
    return f"{subject} **{found.action.verb.value}** {quoted(what)}"


def _guards(verdicts: Iterable[Verdict]) -> Iterator[str]:
    for each in verdicts:
        if not each.passed:
            word = view.verdict_word(each).capitalize()
            yield f"**{word}** ({each.code}): {said(each.message)}\n"


def listed(heading: str, rows: Iterable[tuple[str, str]]) -> list[Section]:
    """Return what is counted and folded: what each is, and what is said of it; none of nothing."""
    lines = [f"{quoted(left)} {said(right)}" for left, right in rows]
    return [Section(f"{heading}: {len(lines):,}", lines)] if lines else []


def _drifted(found: Drifted) -> str:
    name, event = found.name, found.event
    subject = view.title(view.subject_of(name))
    what = view.thing(name, name_learner=False)
    how = said(differs(found, brief=name.names_learner))
    at = f"{event.at:%Y-%m-%d %H:%M} UTC" if event else ""
    who = f"; {done_by(event)} {quoted(event.author)} at {at}" if event else ""
    return f"{quoted(subject)} {quoted(what)} {how}{who}"


def fitted(head: Iterable[str], sections: Iterable[Section]) -> Iterator[str]:
    """Yield the head and as many sections as there is room for."""
    yield MARK
    room = LIMIT - _RESERVED - len(MARK)
    for number, part in enumerate(head):
        text = f"\n{part}" if number else part
        room -= len(text.encode())
        yield text
    left = 0
    for section in sections:
        text = f"\n{section}"
        size = len(text.encode())
        if size > room:
            left += 1
        else:
            room -= size
            yield text
    if left:
        yield (
            f"\n{count(left, 'more section')} would be too long for a comment: the text of the "
            "command has all of it.\n"
        )


def quoted(text: str) -> str:
    """Show a text from elsewhere as it is; in code, where no platform looks for mentions."""
    return f"<code>{_escaped(text)}</code>"


def said(text: str) -> str:
    """Say a sentence in Markdown as it is.

    What would mention somebody or an issue is kept apart by a joiner.
    """
    return _escaped(text).replace("&#64;", "&#64;&#8288;").replace("&#35;", "&#35;&#8288;")


def _escaped(text: str) -> str:
    """Put a reference in the place of each character that could mean something."""
    return _HARMFUL.sub(lambda found: f"&#{ord(found[0])};", plain(text))
