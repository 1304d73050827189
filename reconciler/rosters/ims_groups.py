"""The groups of an IMS Enterprise file: organisations, schools and classes, and what is above."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from reconciler.domain.roster import RosterUnit, RosterUnitKind
from reconciler.rosters.hierarchy import circles
from reconciler.rosters.ims_ids import Ids
from reconciler.rosters.ims_values import Period, Ref, Values
from reconciler.rosters.ims_words import (
    CHILD,
    GROUPS,
    KINDS,
    ORGANISATIONS,
    PARENT,
    RELATIONS,
    GroupKind,
    folded,
)
from reconciler.rosters.ims_xml import Element

_UNKNOWN: Final = GroupKind("")
_OFFICIAL: Final = "organizationNumber"
_PATH: Final = "group/relationship"


class Group(NamedTuple):
    """A group of the file.

    Attributes:
        kind: what it is.
        title: its short description.
        identifier: an organisation's official number.
        period: when it exists.
        parents: what it says that it is below, with the lines.
        is_misplaced: whether one of its relationships is wrong, so that a parent may be missing.
        line: where it begins.
    """

    kind: GroupKind
    title: str
    identifier: str | None
    period: Period
    parents: tuple[tuple[Ref, int], ...]
    is_misplaced: bool
    line: int


class Groups:
    """The groups met so far.

    Attributes:
        ids: their ids.
    """

    def __init__(self, values: Values) -> None:
        self.ids = Ids(values, "group")
        self._values = values
        self._known: dict[Ref, Group] = {}
        self._below: dict[Ref, list[tuple[Ref, int, str]]] = {}

    def add(self, element: Element, datasource: str) -> None:
        """Take a group in."""
        ref = self.ids.take(element, datasource)
        if ref is None:
            return
        kind = self._kind(element)
        before = len(self._values.problems)
        parents = tuple(self._parents_of(ref, element))
        is_misplaced = len(self._values.problems) > before
        if not kind.kind:
            self._known[ref] = Group(kind, "", None, Period(), (), is_misplaced, element.line)
            return
        self._known[ref] = Group(
            kind,
            self._values.needed(element, "group", "description", "short"),
            self._official_number(element),
            self._values.period(element, "group"),
            parents,
            is_misplaced,
            element.line,
        )

    def _parents_of(self, ref: Ref, element: Element) -> Iterator[tuple[Ref, int]]:
        """Yield what a group says that it is below; note what it says that is below it."""
        for each in element.all("relationship"):
            relation = folded(each.attributes.get("relation", ""))
            if relation not in RELATIONS:
                message = "the relation is unknown"
                self._values.problem(each.line, f"{_PATH}/@relation", "RR313", message)
            other = self._values.ref(each, _PATH) if relation in PARENT | CHILD else None
            if other and relation in PARENT:
                yield other, each.line
            elif other:
                self.put_below(other, ref, each.line, _PATH)

    def put_below(self, child: Ref, parent: Ref, line: int, path: str) -> None:
        """Note that a group is below another, which counts where it names no parent itself."""
        self._below.setdefault(child, []).append((parent, line, path))

    def find(self, ref: Ref) -> Group | None:
        """Return a group that is a unit of the roster; None for one that is left out."""
        group = self._known.get(ref)
        return group if group and group.kind.kind else None

    def units(self, file: str) -> Iterator[RosterUnit]:
        """Yield the organisations and schools, then the classes, each with the unit above it."""
        found = [(ref, group) for ref, group in self._known.items() if group.kind.kind]
        parents = {ref.id: self._parent(ref, group) for ref, group in found}
        for child, stated in self._below.items():
            for parent, line, path in stated:
                self.ids.refer(line, path, parent)
                self.ids.refer(line, path, child)
        lines = {ref.id: group.line for ref, group in found}
        for each in circles(parents):
            message = "the organisation lies below itself:"
            self._values.problem(lines[each], _PATH, "RR311", message, each)
        for of_class in (False, True):
            for ref, group in found:
                kind = group.kind.kind
                if kind is not None and (kind is RosterUnitKind.CLASS) is of_class:
                    yield RosterUnit(
                        sourced_id=ref.id,
                        kind=kind,
                        title=group.title,
                        parent=parents[ref.id],
                        identifier=group.identifier,
                        class_type=group.kind.class_type,
                        grades=(),
                        file=file,
                        row=group.line,
                        begin=group.period.begin,
                        end=group.period.end,
                    )

    def _kind(self, element: Element) -> GroupKind:
        """Read what a group is by the profile; types in other schemes are not looked at."""
        found: set[GroupKind] = set()
        path, known = "group/grouptype", (ORGANISATIONS, GROUPS)
        for each in element.all("grouptype"):
            scheme = each.value("scheme")
            for value in each.all("typevalue") if scheme in known else ():
                kind = KINDS.get((scheme, folded(value.text)))
                level = value.attributes.get("level", "").strip()
                if kind is None:
                    words = ", ".join(word for of, word in KINDS if of == scheme)
                    message = f"the kind of group is none of {words}:"
                    self._values.problem(
                        value.line, f"{path}/typevalue", "RR313", message, value.text
                    )
                elif level not in ("", kind.level):
                    message = f"the level of this kind of group is {kind.level}"
                    self._values.problem(value.line, f"{path}/typevalue/@level", "RR313", message)
                found.add(kind or _UNKNOWN)
        if len(found) > 1 and _UNKNOWN not in found:
            message = "the group is of two kinds"
            self._values.problem(element.line, path, "RR313", message)
        if not found:
            message = f"no type of group in the scheme {ORGANISATIONS} or {GROUPS}"
            self._values.problem(element.line, path, "RR308", message)
        return found.pop() if len(found) == 1 else _UNKNOWN

    def _official_number(self, element: Element) -> str | None:
        extension = element.find("extension")
        for each in extension.all("pifu_id") if extension else ():
            if each.attributes.get("type") == _OFFICIAL:
                return each.value("pifu_value") or None
        return None

    def _parent(self, ref: Ref, group: Group) -> str | None:
        """Return the organisation or school above; a highest one names itself, or none."""
        stated = [(parent, line) for parent, line in group.parents if parent != ref]
        sound = [each for each in stated if self.ids.refer(each[1], _PATH, each[0])]
        if not stated:
            sound = [(parent, line) for parent, line, _ in self._below.get(ref, ())]
        sound = [each for each in sound if self._is_told(each[0])]
        above = {parent: line for parent, line in sound if self._may_be_above(parent)}
        is_class = group.kind.kind is RosterUnitKind.CLASS
        if len(above) > 1:
            message = "the group lies below two organisations"
            self._values.problem(group.line, _PATH, "RR311", message)
        elif not above and sound:
            parent, line = sound[0]
            message = "what it lies below is neither a school nor an organisation:"
            self._values.problem(line, f"{_PATH}/sourcedid", "RR310", message, parent.id)
        elif not above and is_class and not stated and not group.is_misplaced:
            message = "the school that the group belongs to is missing"
            self._values.problem(group.line, _PATH, "RR308", message)
        return next(iter(above)).id if len(above) == 1 else None

    def _is_told(self, ref: Ref) -> bool:
        """Whether a group's kind is known, so that its mistake brings no second one."""
        group = self._known.get(ref)
        return group is not None and group.kind != _UNKNOWN

    def _may_be_above(self, ref: Ref) -> bool:
        group = self.find(ref)
        return group is not None and group.kind.kind is not RosterUnitKind.CLASS
