"""The offline rules of a manifest, beyond its shape (design, section 3).

Each rule looks at the parts of all files together and yields what is wrong; both places are named
where two are involved.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.manifest.build import Leaf, Part
from reconciler.manifest.build_rules import check_sources
from reconciler.manifest.model import Entry, Item, Move
from reconciler.manifest.naming import Reference
from reconciler.manifest.policies import PolicyKey
from reconciler.manifest.private import private_word
from reconciler.manifest.roster_rules import RosterSource
from reconciler.manifest.timezones import refused_timezone
from reconciler.manifest.words import LIST_NAMES, SECTION_NAMES, shorten


def check_parts(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the files by themselves and beside each other."""
    for part in parts:
        for entries in part.sections.values():
            for entry in entries.entries:
                yield from _assigned_twice(entry)
                yield from _private_reasons((item.target, item.reason) for item in entry.detailed)
        yield from _private_reasons((each.address, each.reason) for each in part.accepted)
        for leaf in part.leaves.values():
            yield from _named_twice(leaf)
    for role in Role:
        yield from _person_twice(role, parts)
    yield from _accepted_twice(parts)
    yield from _moved_twice([each for part in parts for each in part.moved])
    yield from _conflicts(parts)
    yield from _rules(parts)
    yield from _rosters(parts)
    yield from _sitewide_in_scope(parts)
    yield from _unknown_timezones(parts)


def _person_twice(role: Role, parts: Sequence[Part]) -> Iterator[Diagnostic]:
    first: dict[str, Position] = {}
    for part in parts:
        section = part.sections.get(role)
        for entry in section.entries if section else ():
            key, place = entry.person.key, entry.person.position
            before = first.setdefault(key, place)
            if before is not place:
                yield Diagnostic(
                    "RR112",
                    f"'{shorten(key)}' has two entries under {SECTION_NAMES[role]}; "
                    f"the first is at {before}.",
                    place,
                    "Join the two: an entry says everything about its person.",
                )


def _assigned_twice(entry: Entry) -> Iterator[Diagnostic]:
    if not _may_stand_twice(entry):
        return
    first: dict[tuple[TargetKind, str], list[Item]] = {}
    for item in entry.items:
        others = first.setdefault((item.kind, item.target.key), [])
        clash = next((other for other in others if _overlap(other, item)), None)
        if clash:
            dated = "on overlapping days " if _dated(clash) or _dated(item) else ""
            yield Diagnostic(
                "RR113",
                f"'{shorten(item.target.key)}' stands {dated}twice under "
                f"{LIST_NAMES[item.kind]} of '{shorten(entry.person.key)}'; "
                f"the first is at {clash.target.position}.",
                item.target.position,
                "Take one of the two out" + (", or part their days." if dated else "."),
            )
        others.append(item)


def _may_stand_twice(entry: Entry) -> bool:
    """Whether a target does stand twice, on whatever days."""
    more: dict[TargetKind, list[str]] = {}
    for item in entry.detailed:
        more.setdefault(item.kind, []).append(item.target.key)
    lists = {listed.kind: listed.keys for listed in entry.plain}
    return any(
        len({*lists.get(kind, ()), *more.get(kind, ())})
        < len(lists.get(kind, ())) + len(more.get(kind, ()))
        for kind in (*lists, *more)
    )


def _private_reasons(stated: Iterable[tuple[Reference, str | None]]) -> Iterator[Diagnostic]:
    for what, reason in stated:
        if reason is not None and private_word(reason):
            # The word itself is not repeated: a log keeps it as Git does.
            yield Diagnostic(
                "RR124",
                f"the reason for '{shorten(what.key)}' looks like a detail of somebody's "
                "health or family.",
                what.position,
                "Git cannot forget it: say only what has to be known, and keep the rest elsewhere.",
            )


def _dated(item: Item) -> bool:
    return item.begins is not None or item.ends is not None


def _overlap(one: Item, other: Item) -> bool:
    begins = max(one.begins or date.min, other.begins or date.min)
    ends = min(one.ends or date.max, other.ends or date.max)
    return begins <= ends


def _named_twice(leaf: Leaf) -> Iterator[Diagnostic]:
    if not isinstance(leaf.value, tuple):
        return
    first: dict[str, Position] = {}
    for key, place in ((name.key, name.position) for name in leaf.value):
        before = first.setdefault(key, place)
        if before is not place:
            yield Diagnostic(
                "RR119",
                f"'{shorten(key)}' stands twice in this list; the first is at {before}.",
                place,
                "Take one of the two out.",
            )


def _accepted_twice(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    first: dict[str, Position] = {}
    for name in (each.address for part in parts for each in part.accepted):
        before = first.setdefault(name.key, name.position)
        if before is not name.position:
            yield Diagnostic(
                "RR122",
                f"'{shorten(name.key)}' is accepted twice; the first is at {before}.",
                name.position,
                "Keep one of the two.",
            )


def _moved_twice(moves: Sequence[Move]) -> Iterator[Diagnostic]:
    """What moved is one thing before and another one after, and only one.

    Several may have moved to the same one: classes are joined. Chains and swaps are what every new
    school year has.
    """
    first: dict[str, list[Move]] = {}
    for move in moves:
        if move.before.key == move.after.key:
            yield Diagnostic(
                "RR133",
                f"'{shorten(move.before.key)}' is moved to itself.",
                move.after.position,
                "Write the key that it has now, or take the line out.",
            )
        others = first.setdefault(move.before.key, [])
        clash = next(
            (
                other
                for other in others
                if None in (kinds := {other.kind, move.kind}) or len(kinds) == 1
            ),
            None,
        )
        if clash:
            yield Diagnostic(
                "RR132",
                f"'{shorten(move.before.key)}' is moved twice; the first is at "
                f"{clash.before.position}.",
                move.before.position,
                "Keep one of the two: what was split is an addition for each part.",
            )
        others.append(move)


def _conflicts(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    first: dict[str, Leaf] = {}
    for part in parts:
        for path, leaf in part.leaves.items():
            before = first.setdefault(path, leaf)
            if not leaf.same_as(before):
                yield Diagnostic(
                    "RR114",
                    f"'{path}' is not the same as in {before.position}.",
                    leaf.position,
                    "Manifests for different parts of a site are planned one by one: "
                    "name one of the files."
                    if path == "scope.within"
                    else "State it in one file, or alike in all of them.",
                )


def _rules(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    """Look at the rules of all files beside each other: a level needs its rule, and limits fit."""
    stated = {path: leaf for part in parts for path, leaf in part.leaves.items()}
    for path, leaf in stated.items():
        of_levels, _, rule = path.rpartition(".")
        named = f"policy.{rule}"
        if of_levels == "policy.levels" and not any(
            each == named or each.startswith(f"{named}.") for each in stated
        ):
            yield Diagnostic(
                "RR125",
                f"'{path}' is about a rule that is not stated.",
                leaf.position,
                f"State '{named}' beside it, or take it out; a site's policy keeps its own levels.",
            )
    least = stated.get(f"policy.{PolicyKey.MIN_LEARNERS_PER_MENTOR}")
    most = stated.get(f"policy.{PolicyKey.MAX_LEARNERS_PER_MENTOR}")
    if (
        least
        and most
        and isinstance(least.value, int)
        and isinstance(most.value, int)
        and least.value > most.value
    ):
        yield Diagnostic(
            "RR126",
            f"a mentor cannot have at least {least.value} learners and at most {most.value}, "
            f"as {most.position} has it.",
            least.position,
            "Put the two right.",
        )


def _rosters(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    first: dict[str, tuple[Reference, RosterSource]] = {}
    for name, source in (each for part in parts for each in part.sources):
        before, same = first.setdefault(name.key, (name, source))
        if source.content != same.content:
            yield Diagnostic(
                "RR114",
                f"the roster '{shorten(name.key)}' is not the same as in {before.position}.",
                name.position,
                "Declare it in one file.",
            )
    sources = {name: source for name, (_, source) in first.items()}
    yield from check_sources(sources, [rule for part in parts for rule in part.rules])


def _sitewide_in_scope(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    scope = next((part.scope for part in parts if part.scope), None)
    if scope is None:
        return
    for part in parts:
        for name, place in part.sitewide.items():
            yield Diagnostic(
                "RR115",
                f"'{name}' belongs to the whole site, and the scope at {scope} is a part of it.",
                place,
                f"Leave '{name}' to a manifest without 'scope', or take 'scope' out.",
            )


def _unknown_timezones(parts: Sequence[Part]) -> Iterator[Diagnostic]:
    for part in parts:
        leaf = part.leaves.get("settings.timezone")
        if leaf and isinstance(leaf.value, str) and (refused := refused_timezone(leaf.value)):
            yield Diagnostic("RR117", refused.message, leaf.position, refused.advice)
