"""From one file's data to declarations: the values of the model, each with its place.

The shape has been checked beside this, and its mistakes reported; here whatever is not well-formed
is passed over, so that what is well-formed can still be checked.
"""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import LabelField, MovedKind, Role, TargetKind
from reconciler.manifest.build_rules import Reader
from reconciler.manifest.model import Accepted, Entry, Item, Listed, Move, Section
from reconciler.manifest.naming import Reference
from reconciler.manifest.placed import PlacedDict, PlacedList, PlainDate, Value, texts_of
from reconciler.manifest.policies import DEMANDS, LEVELLED, NUMBERS, Limit, PolicyKey
from reconciler.manifest.reader import Document
from reconciler.manifest.roster_rules import RosterRule, RosterSource
from reconciler.manifest.words import ENTRY_LISTS, SECTION_NAMES, shorten

LeafValue: TypeAlias = str | int | Limit | tuple[Reference, ...] | None


class Leaf(NamedTuple):
    """A declaration that a manifest can make only once, and its place."""

    value: LeafValue
    position: Position

    def same_as(self, other: "Leaf") -> bool:
        """Whether both declare the same; the order of a list does not matter."""
        return _content(self.value) == _content(other.value)


def _content(value: LeafValue) -> object:
    if isinstance(value, tuple):
        return frozenset(reference.key for reference in value)
    return value


@dataclass(frozen=True, slots=True)
class Part:
    """What one file declares.

    Attributes:
        file: the file as the user named it.
        leaves: the declarations outside the sections, by their dotted path, such as `site`,
            `settings.people`, `roles.mentor.profiles` or `labels.mentor.tool_name`.
        sections: per role, its entries.
        accepted: the deviations that are known.
        moved: the units and people that have other keys now.
        sources: the declared rosters, with the places of their names.
        rules: what is derived from them.
        names_site: whether there is a `site` key, be it well-formed or not.
        scope: the place of the `scope` key, where there is one.
        sitewide: the places of the keys `roles` and `labels`, where there are any.
        found: what is wrong with the values.
    """

    file: str
    names_site: bool
    leaves: dict[str, Leaf] = field(default_factory=dict)
    sections: dict[Role, Section] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    sources: list[tuple[Reference, RosterSource]] = field(default_factory=list)
    rules: list[RosterRule] = field(default_factory=list)
    scope: Position | None = None
    sitewide: dict[str, Position] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)


def build_part(document: Document) -> Part:
    """Return what a file declares."""
    places = {
        key: document.position(document.root.key_place(key))
        for key in ("scope", "roles", "labels")
        if key in document.root
    }
    part = Part(
        document.file, "site" in document.root, scope=places.pop("scope", None), sitewide=places
    )
    for path, read in _LEAVES.items():
        value, place = _at(document.root, path)
        if place is not None:
            leaf = read(document, value, place, part.found)
            if not isinstance(leaf, _Nothing):
                part.leaves[path] = Leaf(leaf, document.position(place))
    for role, name in SECTION_NAMES.items():
        entries = document.root.get(name)
        if isinstance(entries, PlacedList):
            part.sections[role] = Section(
                tuple(_entries(document, role, entries, part.found)),
                document.position(document.root.key_place(name)),
            )
    part.accepted.extend(_accepted(document, part.found))
    part.moved.extend(_moved(document, part.found))
    reader = Reader(document, _reference, part.found)
    part.sources.extend(reader.sources())
    part.rules.extend(reader.rules())
    return part


def _at(root: PlacedDict, path: str) -> tuple[Value, int | None]:
    """Follow a dotted path; the place is None where it leads nowhere."""
    value: Value = root
    place: int | None = None
    for key in path.split("."):
        if not isinstance(value, PlacedDict) or key not in value:
            return None, None
        place = value.value_place(key)
        value = value[key]
    return value, place


class _Nothing:
    """What a leaf is that is not well-formed; None is a label's own value."""


_NOTHING: Final = _Nothing()


def _text(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> str | _Nothing | None:
    del document, place, found
    return str(value) if isinstance(value, str) else _NOTHING


def _label(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> str | _Nothing | None:
    if value is not None:
        return _text(document, value, place, found)
    if document.written.get(place):
        return None
    found.append(
        Diagnostic(
            "RR106",
            "a label has no value, which is neither the default nor absent.",
            document.position(place),
            "Write null for the platform's own default, or leave the line out.",
        )
    )
    return _NOTHING


def _id(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> str | _Nothing | None:
    reference = _reference(document, value, place, found)
    return reference.key if reference else _NOTHING


def _ids(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> tuple[Reference, ...] | _Nothing:
    del place
    if not isinstance(value, PlacedList):
        return _NOTHING
    references = (
        _reference(document, item, item_place, found)
        for item, item_place in zip(value, value.places, strict=True)
    )
    return tuple(reference for reference in references if reference)


def _limit(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> Limit | _Nothing:
    del document, place, found
    if isinstance(value, str) and (match := _PERCENTAGE.match(value)):
        return Limit(float(match[1]), percentage=True)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return Limit(float(value), percentage=False)
    return _NOTHING


def _whole(document: Document, value: Value, place: int, found: list[Diagnostic]) -> int | _Nothing:
    del document, place, found
    return value if isinstance(value, int) and not isinstance(value, bool) else _NOTHING


def _flag(document: Document, value: Value, place: int, found: list[Diagnostic]) -> bool | _Nothing:
    del document, place, found
    return value if isinstance(value, bool) else _NOTHING


_MOST: Final = 10**9
"""The schema's own bound on a number of removals."""

_PERCENTAGE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)%\Z")

_LEAVES: Final = {
    "site": _id,
    "settings.people": _text,
    "settings.units": _text,
    "settings.timezone": _text,
    "settings.unmanaged": _text,
    "scope.within": _ids,
    f"policy.{PolicyKey.MAX_REMOVALS}": _limit,
    f"policy.{PolicyKey.MAX_ROSTER_SHRINK}": _limit,
    **{f"policy.{rule}": _whole for rule in NUMBERS},
    **{f"policy.{rule}": _flag for rule in DEMANDS},
    f"policy.{PolicyKey.REQUIRE_REASON_FOR}": _ids,
    **{f"policy.{PolicyKey.ALLOWED_PROFILES}.{role}": _ids for role in Role},
    **{f"policy.{PolicyKey.PROTECTED}.{part}": _ids for part in ("people", "units")},
    **{f"policy.levels.{rule}": _text for rule in LEVELLED},
    **{f"roles.{role.value}.profiles": _ids for role in Role},
    **{f"labels.{role.value}.{name.value}": _label for role in Role for name in LabelField},
}
"""Every declaration that a manifest can make only once, and how it is read."""


def _reference(
    document: Document, value: Value, place: int, found: list[Diagnostic]
) -> Reference | None:
    """Return an id with its place, or None where it is not text; a bare date is reported."""
    if value.__class__ is PlainDate:
        found.append(
            Diagnostic(
                "RR105",
                f"{value} without quotes is a date to many programs, not an id.",
                document.position(place),
                f'Write "{value}" in quotes.',
            )
        )
        return None
    return Reference(value, document.position(place)) if isinstance(value, str) else None


def _entries(
    document: Document, role: Role, entries: PlacedList, found: list[Diagnostic]
) -> Iterator[Entry]:
    lists = ENTRY_LISTS[role]
    for entry in entries:
        if isinstance(entry, PlacedDict) and "person" in entry:
            place = entry.value_place("person")
            person = _reference(document, entry["person"], place, found)
            plain: list[Listed] = []
            detailed: list[Item] = []
            for name, value in entry.items():
                kind = lists.get(name)
                if kind is not None and isinstance(value, PlacedList):
                    listed = _listed(document, kind, value, detailed, found)
                    plain += [listed] if listed.keys else []
            if person:
                yield Entry(role, person, tuple(plain), tuple(detailed))


def _listed(
    document: Document,
    kind: TargetKind,
    value: PlacedList,
    detailed: list[Item],
    found: list[Diagnostic],
) -> Listed:
    """Return the items of a list that say only their target; add the others to `detailed`."""
    texts = texts_of(value)
    if texts is not None:
        return Listed(kind, texts, document.file, value.places)
    keys: list[str] = []
    places = array("Q")
    for item, place in zip(value, value.places, strict=True):
        if item.__class__ is str:
            keys.append(item)
            places.append(place)
        elif isinstance(item, PlacedDict):
            built = _detailed_item(document, kind, item, found)
            if built and (built.begins or built.ends or built.reason is not None):
                detailed.append(built)
            elif built:
                keys.append(built.target.key)
                places.append(item.value_place("id"))
        elif target := _reference(document, item, place, found):
            keys.append(target.key)
            places.append(place)
    return Listed(kind, keys, document.file, places)


def _detailed_item(
    document: Document, kind: TargetKind, item: PlacedDict, found: list[Diagnostic]
) -> Item | None:
    begins = _day(document, item, "from", found)
    ends = _day(document, item, "until", found)
    if begins and ends and ends < begins:
        found.append(
            Diagnostic(
                "RR111",
                f"'until' ({ends}) is before 'from' ({begins}).",
                document.position(item.value_place("until")),
                "'until' is the last day on which the assignment holds; put the two right.",
            )
        )
    if "id" not in item:
        return None
    target = _reference(document, item["id"], item.value_place("id"), found)
    reason = item.get("reason")
    if target is None:
        return None
    return Item(kind, target, begins, ends, str(reason) if isinstance(reason, str) else None)


def _accepted(document: Document, found: list[Diagnostic]) -> Iterator[Accepted]:
    listed = document.root.get("accepted")
    for each in listed if isinstance(listed, PlacedList) else ():
        if not isinstance(each, PlacedDict) or "address" not in each:
            continue
        place = each.value_place("address")
        address = _reference(document, each["address"], place, found)
        until = _day(document, each, "until", found)
        owner, reason = each.get("owner"), each.get("reason")
        if address and not _is_address(address.key):
            found.append(
                Diagnostic(
                    "RR121",
                    f"'{shorten(address.key)}' is no address.",
                    address.position,
                    "Copy the name from `drift` or `plan --format json`: mentor/t-0412/class/8a.",
                )
            )
        elif address and until and isinstance(owner, str) and isinstance(reason, str):
            yield Accepted(address, str(owner), str(reason), until)


def _moved(document: Document, found: list[Diagnostic]) -> Iterator[Move]:
    listed = document.root.get("moved")
    for each in listed if isinstance(listed, PlacedList) else ():
        if not isinstance(each, PlacedDict) or not {"from", "to"} <= each.keys():
            continue
        before, after = (
            _reference(document, each[name], each.value_place(name), found)
            for name in ("from", "to")
        )
        kind = each.get("kind")
        if before and after:
            yield Move(before, after, MovedKind(kind) if kind in set(MovedKind) else None)


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except ValueError:
        return False
    return True


def _day(document: Document, item: PlacedDict, name: str, found: list[Diagnostic]) -> date | None:
    text = item.get(name)
    if not isinstance(text, str):
        return None
    day = _calendar_day(text)
    if day is None:
        found.append(
            Diagnostic(
                "RR110",
                f"'{shorten(text)}' is not a day of the calendar.",
                document.position(item.value_place(name)),
                f"Write '{name}' as year-month-day: 2026-08-17.",
            )
        )
    return day


_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@lru_cache(maxsize=4096)
def _calendar_day(text: str) -> date | None:
    """Read a day strictly as year-month-day; the same few days recur in a manifest."""
    if not _DAY.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
