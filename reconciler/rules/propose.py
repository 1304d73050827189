"""Proposes rules that give what a site has: which people of a roster, over which of its units.

Every candidate is run as it would be in a manifest. What it gives and the site has not is excepted,
so that what is left can be declared beside the rules and nothing has to change. Of the sets of
candidates, the one whose manifest has the fewest lines wins.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from reconciler.directory import Keys
from reconciler.domain.vocabulary import Role
from reconciler.manifest.dump import Data, dump_manifest
from reconciler.manifest.model import Of, OfKind, Reference, RosterRule, RosterSource
from reconciler.manifest.write_rules import HOMEROOM, rule_data, source_data
from reconciler.plain import count
from reconciler.rules.candidates import NOWHERE, Bench, Proposed
from reconciler.rules.common_keys import Question, find_common
from reconciler.state import Assignment, Holder

_BEST: Final = 8
"""So many rules are tried together, those that save most lines by themselves."""

_TOGETHER: Final = 3
"""So many rules there are at most for a role."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules for a site.

    Attributes:
        source: the roster, with the keys by which its people and units are found.
        keys: how the manifest names people and units.
        rules: at least one.
    """

    source: RosterSource
    keys: Keys
    rules: tuple[Proposed, ...]

    @property
    def given(self) -> frozenset[Assignment]:
        """What the rules give together."""
        return frozenset().union(*(each.given for each in self.rules))


def propose(question: Question) -> Proposal:
    """Find the rules that make the manifest of a site shortest.

    Raises:
        ReconcilerError: no rule makes it shorter; it says why.
    """
    common = find_common(question)
    bench = Bench(question, common)
    held: defaultdict[Holder, list[Assignment]] = defaultdict(list)
    for each in question.directory.state.assignments:
        held[each.holder].append(each)
    chosen: list[Proposed] = []
    tried: list[Proposed] = []
    # What it takes to have rules at all: the roster, and the line above the rules.
    saved = -_lines({"rosters": {common.source.name: source_data(common.source)}, "rules": []})
    for role in Role:
        fitting = list(bench.fitting(role))
        tried += fitting
        best = _best_together(held, fitting)
        chosen += best
        saved += _saved(held, best)
    if saved <= 0:
        raise question.refused(_why_none(question, tried, len(bench.live)))
    return Proposal(common.source, common.keys, tuple(_named(chosen)))


def _best_together(
    held: Mapping[Holder, Sequence[Assignment]], fitting: Iterable[Proposed]
) -> tuple[Proposed, ...]:
    """Choose the rules for a role that save most lines together; of several sets, the smallest."""
    shortest: dict[frozenset[Assignment], Proposed] = {}
    for each in fitting:
        same = shortest.setdefault(each.given, each)
        if _rule_lines(each) < _rule_lines(same):
            shortest[each.given] = each
    ranked = sorted(shortest.values(), key=lambda each: -_saved(held, (each,)))[:_BEST]
    sets = (
        each for number in range(_TOGETHER + 1) for each in combinations(ranked, number)
    )  # from none at all: `max` keeps the first of equals
    return max(sets, key=lambda rules: _saved(held, rules))


def _saved(held: Mapping[Holder, Sequence[Assignment]], rules: Collection[Proposed]) -> int:
    """Count how many lines of entries rules save, less those that they take themselves."""
    given = frozenset[Assignment]().union(*(each.given for each in rules))
    saved = -sum(map(_rule_lines, rules))
    for holder in {each.holder for each in given}:
        before = held[holder]
        after = [each for each in before if each not in given]
        saved += _entry_lines(before) - _entry_lines(after)
    return saved


def _rule_lines(proposed: Proposed) -> int:
    return _lines({"rules": [rule_data(proposed.rule)]}) - 1


def _entry_lines(assignments: Sequence[Assignment]) -> int:
    """Count the lines of an entry: its person, each kind, each item."""
    kinds = {each.kind for each in assignments}
    return 1 + len(kinds) + len(assignments) if assignments else 0


def _lines(data: dict[str, Data]) -> int:
    return dump_manifest(data).count("\n")


def _named(rules: Iterable[Proposed]) -> Iterable[Proposed]:
    """Give each rule a name of its own, made of what it says."""
    used: Counter[str] = Counter()
    for each in rules:
        name = f"{each.rule.who}s of {_what(each.rule.of)}".replace("_", "-").replace(" ", "-")
        used[name] += 1
        if used[name] > 1:
            name = f"{name}-{used[name]}"
        yield replace(each, rule=replace(each.rule, name=Reference(name, NOWHERE)))


def _what(of: Of) -> str:
    """Say what units a rule looks at, without words of the roster's own."""
    if of.class_type == HOMEROOM.class_type:
        return "homerooms"
    return "classes" if of.kind is OfKind.CLASS else f"{of.kind}s"


def _why_none(question: Question, tried: Sequence[Proposed], live: int) -> str:
    homerooms = any(unit.class_type == HOMEROOM.class_type for unit in question.roster.units)
    lacking = "" if homerooms else "; it has no classes of the type homeroom"
    if not tried:
        return (
            "each would give what cannot be excepted, or meets a key that several on the site share"
            + lacking
        )
    best = max(tried, key=lambda each: len(each.given))
    return (
        f"none takes fewer lines than it saves. The one that gives most, {_described(best.rule)}, "
        f"gives {len(best.given):,} of {count(live, 'assignment')}, with "
        f"{count(exceptions_of(best.rule), 'exception')}{lacking}"
    )


def _described(rule: RosterRule) -> str:
    return f"{rule.who} of {_what(rule.of)}"


def exceptions_of(rule: RosterRule) -> int:
    """Count the people and units that a rule passes over."""
    return len(rule.except_people) + len(rule.except_units)
