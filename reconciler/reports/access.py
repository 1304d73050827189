"""Who can see which learners, as text for people and in every format that makes sense of it.

Learners are named, as that is what is asked for; but for Markdown, which others read and keep.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from rich.console import Group, RenderableType

from reconciler.access.sight import Access, Path, Sight
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import MembershipRole
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plain import count
from reconciler.reports import csv_table, lines, markdown, view
from reconciler.reports.documents import Document, to_texts
from reconciler.reports.printing import Grid, one_line

ACCESS_FORMAT: Final = "reconciler.access/1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and who sees whom of it.

    Attributes:
        kind: what was asked about: person, learner or unit.
        id: its id.
        learners: the learners that the question is about; for a person, those whom they see.
        sights: everybody who sees one of them, or the person.
        without_effect: how many assignments of the person, or over the learners, have no effect.
    """

    kind: str
    id: str
    learners: frozenset[str]
    sights: tuple[Sight, ...]
    without_effect: int = 0

    @property
    def unseen(self) -> frozenset[str]:
        """The learners whom nobody sees."""
        return self.learners.difference(*(sight.learners for sight in self.sights))


def of_person(access: Access, person: str) -> Asked:
    """Ask whom a person sees."""
    sight = access.of(person)
    sights = (sight,) if sight.paths else ()
    return Asked("person", person, sight.learners, sights, access.without_effect(person))


def of_learner(access: Access, learner: str) -> Asked:
    """Ask who sees a learner."""
    return _over(access, "learner", learner, frozenset((learner,)))


def of_unit(access: Access, unit: str) -> Asked:
    """Ask who sees the learners of a unit and of everything below it."""
    return _over(access, "unit", unit, access.learners.under(unit))


def _over(access: Access, kind: str, asked: str, learners: frozenset[str]) -> Asked:
    sights = tuple(access.over(learners))
    return Asked(kind, asked, learners, sights, access.without_effect_over(learners))


class Answer:
    """The answer to a question about access, in the keys that people read.

    Args:
        asked: the question, and who sees whom.
        directory: of the state that was asked.
        as_of: the day of the memberships.
        planned: whether the state is a planned one.

    Attributes:
        of_learner: whether it is about somebody who is, was or will be a learner of some unit.
    """

    def __init__(self, asked: Asked, directory: Directory, as_of: date, *, planned: bool) -> None:
        self.asked = asked
        self.site = directory.state.site.id
        self.as_of = as_of
        self.planned = planned
        self.keys = Keys(directory, PersonKey.SYNC_KEY, UnitKey.SYNC_KEY)
        key = self.keys.unit if asked.kind == "unit" else self.keys.person
        self.key = key(asked.id)
        self.of_learner = asked.kind != "unit" and any(
            each.person == asked.id and each.role is MembershipRole.LEARNER
            for each in directory.state.memberships
        )
        self.sights = sorted(asked.sights, key=lambda sight: self.keys.person(sight.person))

    def names(self, learners: Iterable[str]) -> list[str]:
        """Return the keys of learners, sorted."""
        return sorted(map(self.keys.person, learners))

    def address(self, path: Path) -> Address:
        """Return a path's assignment as people read it."""
        return self.keys.name(Address.assignment(*path.assignment))


def access_document(answer: Answer) -> Document:
    """Describe an answer, with every learner of every path."""
    return {
        "format": ACCESS_FORMAT,
        "site": answer.site,
        "as_of": answer.as_of.isoformat(),
        "planned": answer.planned,
        "asked": {"kind": answer.asked.kind, "key": answer.key},
        "learners": answer.names(answer.asked.learners),
        "unseen": answer.names(answer.asked.unseen),
        "without_effect": answer.asked.without_effect,
        "people": [
            {
                "person": answer.keys.person(sight.person),
                "paths": [
                    {
                        "assignment": str(answer.address(path)),
                        "learners": answer.names(path.learners),
                    }
                    for path in sight.paths
                ],
            }
            for sight in answer.sights
        ],
    }


def access_json(answer: Answer) -> Iterator[str]:
    """Render an answer as its document."""
    return to_texts(access_document(answer))


def access_lines(answer: Answer) -> Iterator[str]:
    """Render each path as a line, with the learners to whom it leads; then whom nobody sees."""
    asked = {"site": answer.site, "as_of": answer.as_of.isoformat(), "planned": answer.planned}
    for sight in answer.sights:
        for path in sight.paths:
            yield lines.line(
                "path",
                **asked,
                person=answer.keys.person(sight.person),
                assignment=str(answer.address(path)),
                learners=answer.names(path.learners),
            )
    if answer.asked.unseen:
        yield lines.line("unseen", **asked, learners=answer.names(answer.asked.unseen))


def access_csv(answer: Answer) -> Iterator[str]:
    """Render who sees whom, and by what: a learner of a path in a row, or one whom nobody sees."""
    seen = (
        (learner, answer.keys.person(sight.person), role, kind, target)
        for sight in answer.sights
        for path in sight.paths
        for role, _, kind, target in (answer.address(path).parts,)
        for learner in answer.names(path.learners)
    )
    unseen = ((learner, None, None, None, None) for learner in answer.names(answer.asked.unseen))
    return csv_table.written(("learner", "person", "role", "kind", "target"), chain(seen, unseen))


def access_markdown(answer: Answer) -> Iterator[str]:
    """Render who sees how many, and by what; learners are counted, and none is named."""
    key = "a learner" if answer.of_learner else answer.key
    own = answer.asked.id if answer.of_learner else None
    head = [f"### Access: {markdown.quoted(key)}\n", f"{markdown.said(_headed(answer, key))}\n"]
    if answer.asked.kind == "unit" and answer.asked.unseen:
        unseen = count(len(answer.asked.unseen), "learner")
        head.append(f"Nobody sees {unseen}.\n")
    if answer.asked.without_effect:
        head.append(f"Assignments without effect: {answer.asked.without_effect}.\n")
    rows = [
        (
            key if sight.person == own else answer.keys.person(sight.person),
            f"{count(len(path.learners), 'learner')} as {_path(answer, path, name_learner=False)}",
        )
        for sight in answer.sights
        for path in sight.paths
    ]
    return markdown.fitted(head, markdown.listed("Paths", rows))


def access_html(answer: Answer) -> Iterator[str]:
    """Render an answer as a page, with every learner of every path."""
    from reconciler.reports.pages import tables_html  # noqa: PLC0415 - only pages need templates

    paths = [
        (
            answer.keys.person(sight.person),
            _path(answer, path),
            str(len(path.learners)),
            ", ".join(answer.names(path.learners)),
        )
        for sight in answer.sights
        for path in sight.paths
    ]
    unseen = answer.names(answer.asked.unseen)
    idle = f" {_idle(answer)}" if answer.asked.without_effect else ""
    return tables_html(
        f"Access: {answer.key}",
        f"{_headed(answer, answer.key)}{idle}",
        [
            ("Who sees whom", ("Who", "As", "How many", "Learners"), paths),
            ("Seen by nobody", ("Learner",), [(learner,) for learner in unseen]),
        ],
    )


def access_text(answer: Answer) -> RenderableType:
    """Render an answer: how many see whom, and by which paths."""
    parts: list[RenderableType] = [one_line(_headed(answer, answer.key), "bold")]
    rows = _rows(answer)
    if rows:
        table = Grid(len(rows[0]))
        for first, *others in rows:
            table.add_row(one_line(f"  {first}"), *map(one_line, others))
        parts.append(table)
    if answer.asked.kind == "unit" and answer.asked.unseen:
        unseen = view.learners(answer.names(answer.asked.unseen))
        parts.append(one_line(f"Nobody sees {unseen}."))
    if answer.asked.without_effect:
        parts.append(one_line(_idle(answer)))
    return Group(*parts)


def _idle(answer: Answer) -> str:
    """Say how many assignments have no effect, and who tells why."""
    number = answer.asked.without_effect
    if answer.asked.kind != "person":
        return f"Assignments over them without effect: {number}."
    same = " --as-planned FILE" if answer.planned else ""
    return (
        f"Assignments of theirs without effect: {number}. "
        f"`reconciler explain {answer.key}{same}` says why."
    )


def _rows(answer: Answer) -> list[tuple[str, ...]]:
    """Put an answer into a table: by path for a person, else by person."""
    if answer.asked.kind == "person":
        return [
            (_path(answer, path), view.learners(answer.names(path.learners)))
            for sight in answer.sights
            for path in sight.paths
        ]
    rows = []
    for sight in answer.sights:
        of = (f"{len(sight.learners)} of {len(answer.asked.learners)}",)
        counted = of if answer.asked.kind == "unit" else ()
        paths = "; ".join(_path(answer, path) for path in sight.paths)
        rows.append((answer.keys.person(sight.person), *counted, paths))
    return rows


def _headed(answer: Answer, key: str) -> str:
    """Say in a line what the answer is, and when that is so; `key` is what it is about."""
    when = f"{'once that is applied, ' if answer.planned else ''}on {answer.as_of}"
    return f"{_headline(answer, key)}, {when}."


def _headline(answer: Answer, key: str) -> str:
    if answer.asked.kind == "person":
        return f"{key} sees {count(len(answer.asked.learners), 'learner')}"
    people = len(answer.sights)
    who = f"{people} people see" if people > 1 else "1 person sees" if people else "Nobody sees"
    if answer.asked.kind == "learner":
        return f"{who} {key}"
    return f"{who} learners of {key}, which has {len(answer.asked.learners)}"


def _path(answer: Answer, path: Path, *, name_learner: bool = True) -> str:
    """Say a path in words: `mentor of class 8a`."""
    name = answer.address(path)
    role, _, kind, target = name.parts
    if name.names_learner and not name_learner:
        return f"{role} of a learner"
    return f"{role} of {kind} {target}"
