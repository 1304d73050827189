"""From a plan to steps: one visit to a page each, in an order in which nothing is missing.

A visit does all that it can at once. Pages and buttons are those of the platform; their names are
English here, and what is marked by `N_` has to stand in every catalogue of `words/`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.plan.model import Action, Plan
from reconciler.plan.order import stage
from reconciler.provider import Verb
from reconciler.state import Person


def N_(text: str) -> str:  # noqa: N802 - the name under which Babel finds what is to be translated
    """Mark a text that every catalogue has to have."""
    return text


PROFILES: Final = N_("Profiles")
SETTINGS: Final = N_("Settings")
PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {Role.MENTOR: N_("Mentor"), Role.HEADTEACHER: N_("Headteacher")}
)
ADD_PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {Role.MENTOR: N_("Add mentor"), Role.HEADTEACHER: N_("Add headteacher")}
)
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {LabelField.TOOL_NAME: N_("Tool name"), LabelField.ROLE_NAME: N_("Role name")}
)
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        TargetKind.LEARNER: N_("the learner"),
        TargetKind.CLASS: N_("the class"),
        TargetKind.GROUP: N_("the group"),
        TargetKind.SCHOOL: N_("the school"),
        TargetKind.ORGANISATION: N_("the organisation"),
    }
)
TREES: Final[Mapping[str, str]] = MappingProxyType(
    {
        Role.MENTOR: N_("Assign a class or group"),
        Role.HEADTEACHER: N_("Assign a school or organisation"),
    }
)
ONE_BY_ONE: Final = N_("Assign learners one by one")
ASSIGNED: Final = N_("Assigned")
ADD, EDIT, ASSIGN, REMOVE = N_("Add"), N_("Edit"), N_("Assign"), N_("Remove")
ENABLE, DISABLE, SAVE = N_("Enable"), N_("Disable"), N_("Save")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do on a page.

    Attributes:
        text: a sentence with places like `%(person)s`.
        terms: per place a word of the platform, to be translated.
        values: per place a text of the site, as it stands there.
    """

    text: str
    terms: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One visit to a page.

    Attributes:
        number: from 1.
        page: the way to it, in the platform's words.
        lines: what to do there, in order.
        actions: what of the plan is done by it.
        waits_for: the numbers of the steps that must come before.
    """

    number: int
    page: tuple[str, ...]
    lines: tuple[Line, ...]
    actions: tuple[Action, ...]
    waits_for: tuple[int, ...]


Hide = Callable[[Person], str | None]
"""Says what stands for a person who is to be hidden, and None for who may be shown."""


def steps_of(
    plan: Plan,
    directory: Directory,
    *,
    names: bool = False,
    hide: Hide = lambda _person: None,
) -> tuple[Step, ...]:
    """Return the steps that carry out a plan; the same plan always gives the same ones.

    Args:
        plan: what is to be done.
        directory: the site before the first step.
        names: whether people are called by name, beside their keys.
        hide: hides people in what the steps say; their actions stay as they are.
    """
    wording = _Wording(directory, hide, names=names)
    steps: list[Step] = []
    number_of: dict[Address, int] = {}
    for number, actions in enumerate(visits(plan.actions), 1):
        number_of.update((each.address, number) for each in actions)
        needed = {number_of[other] for each in actions for other in each.requires}
        page, lines = wording.visit(actions)
        waits_for = tuple(sorted(needed - {number}))
        steps.append(Step(number, page, lines, tuple(actions), waits_for))
    return tuple(steps)


def visits(actions: Iterable[Action]) -> Iterable[list[Action]]:
    """Yield the actions visit by visit: those of each step, in order.

    A visit that can finish with its page comes before one that would have to come back, so that
    few are made twice.
    """
    waiting: dict[tuple[str, ...], list[Action]] = {}
    for action in actions:
        waiting.setdefault(_place(action), []).append(action)
    done: set[Address] = set()
    while waiting:
        possible = {place: _possible(left, done) for place, left in waiting.items()}
        place = min(
            (each for each in possible if possible[each]),
            key=lambda each: (len(possible[each]) < len(waiting[each]), stage(possible[each][0])),
        )
        visit = possible[place]
        yield visit
        done.update(action.address for action in visit)
        left = [action for action in waiting.pop(place) if action.address not in done]
        if left:
            waiting[place] = left


def _possible(actions: Iterable[Action], done: Iterable[Address]) -> list[Action]:
    """Return those that can be made in one visit: one may make the next possible."""
    reached, made = set(done), []
    for action in actions:  # in the plan's order, so what is needed here comes first
        if reached.issuperset(action.requires):
            reached.add(action.address)
            made.append(action)
    return made


def _place(action: Action) -> tuple[str, ...]:
    """Return what says where an action is made: equal for those of one visit.

    A profile's role comes first or goes last: those are two visits.
    """
    parts = action.address.parts
    match action.address.kind:
        case AddressKind.PROFILE:
            return PROFILES, action.verb
        case AddressKind.LABEL:
            return SETTINGS, parts[0]
        case _:
            return parts[:2]


class _Wording:
    """Says what is done on a page."""

    def __init__(self, directory: Directory, hide: Hide, *, names: bool) -> None:
        self._directory = directory
        self._hide = hide
        self._names = names

    def visit(self, actions: list[Action]) -> tuple[tuple[str, ...], tuple[Line, ...]]:
        first = actions[0]
        match first.address.kind:
            case AddressKind.PROFILE:
                return (PROFILES,), tuple(map(self._profile, actions))
            case AddressKind.LABEL:
                page = (PAGES[first.address.parts[0]], "⋯", SETTINGS)
                save = Line(N_("Press “%(button)s”."), {"button": SAVE})
                return page, (*map(self._label, actions), save)
        return self._person(actions)

    def _profile(self, action: Action) -> Line:
        profile, role = action.address.parts
        button = ENABLE if action.verb is Verb.ADD else DISABLE
        return Line(
            N_("At the profile %(profile)s, beside “%(role)s”, press “%(button)s”."),
            {"role": PAGES[role], "button": button},
            {"profile": self._directory.profiles[profile].name},
        )

    def _label(self, action: Action) -> Line:
        label = {"field": FIELDS[action.address.parts[1]]}
        if not isinstance(action.after, str):
            return Line(N_("Empty the field “%(field)s”."), label)
        return Line(N_("Write into the field “%(field)s”: %(text)s"), label, {"text": action.after})

    def _person(self, actions: list[Action]) -> tuple[tuple[str, ...], tuple[Line, ...]]:
        role, person = actions[0].address.parts[:2]
        holder = {each.verb for each in actions if each.address.kind is AddressKind.HOLDER}
        assignments = [each for each in actions if each.address.kind is AddressKind.ASSIGNMENT]
        whom = {"person": self._called(person, actions[0].name.parts[1])}
        page: tuple[str, ...] = (PAGES[role],)
        lines: list[Line] = []
        search = N_("Search for %(person)s and press “%(button)s”.")
        if Verb.ADD in holder:
            page = (PAGES[role], ADD_PAGES[role])
            lines.append(Line(search, {"button": ADD}, whom))
            if assignments:
                lines.append(Line(N_("Press “%(button)s” beside the person."), {"button": EDIT}))
        elif assignments:
            lines.append(Line(search, {"button": EDIT}, whom))
        lines += map(self._assignment, assignments)
        if Verb.REMOVE in holder:
            text = search
            if assignments:
                text = N_("Back on the page “%(page)s”, press “%(button)s” beside %(person)s.")
            lines.append(Line(text, {"button": REMOVE, "page": PAGES[role]}, whom))
        return page, tuple(lines)

    def _assignment(self, action: Action) -> Line:
        role, _, kind, target = action.address.parts
        is_learner = kind == TargetKind.LEARNER
        key = action.name.parts[3]
        if action.verb is Verb.REMOVE:
            what = self._called(target, key) if is_learner else self._unit(target)
            return Line(
                N_("Under “%(part)s”, press “%(button)s” beside %(kind)s %(target)s."),
                {"part": ASSIGNED, "button": REMOVE, "kind": KINDS[kind]},
                {"target": what},
            )
        if is_learner:
            return Line(
                N_("Under “%(part)s”, search for %(target)s and press “%(button)s”."),
                {"part": ONE_BY_ONE, "button": ASSIGN},
                {"target": self._called(target, key)},
            )
        return Line(
            N_(
                "Under “%(part)s”, go to %(path)s, "
                "and press “%(button)s” beside %(kind)s %(target)s."
            ),
            {"part": TREES[role], "button": ASSIGN, "kind": KINDS[kind]},
            {"path": self._path(target), "target": self._unit(target)},
        )

    def _called(self, person: str, key: str) -> str:
        """Return what a person is found by on a page: a key, never the id, which no page takes."""
        found = self._directory.people[person]
        hidden = self._hide(found)
        if hidden is not None:
            return hidden
        shown = (found.sync_key or found.username) if key == person else key
        return f"{found.name} ({shown})" if self._names and found.name else shown

    def _unit(self, unit: str) -> str:
        found = self._directory.units[unit]
        return f"{found.title} ({found.sync_key})" if found.sync_key else found.title

    def _path(self, unit: str) -> str:
        """Return the way down to a unit, without the unit itself unless it is the top."""
        titles = [each.title for each in self._directory.lineage(unit)]
        return " → ".join(reversed(titles[1:] or titles))


def finished(steps: Iterable[Step], stands: Callable[[Action], bool]) -> frozenset[int]:
    """Return the numbers of the steps all of whose actions stand."""
    return frozenset(step.number for step in steps if all(map(stands, step.actions)))
