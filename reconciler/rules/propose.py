"""Proposes rules that give what a site has: which people of a roster, over which of its units.

Every candidate is run as it would be in a manifest. What it gives and the site has not is excepted,
so that what is left can be declared beside the rules and nothing has to change. A rule stays that
takes fewer lines than it saves; of the sets of rules tried, the shortest manifest wins.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from reconciler.directory import Keys
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.roster import HOMEROOM
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.manifest.dump import count_lines
from reconciler.manifest.naming import Reference
from reconciler.manifest.roster_rules import Of, OfKind, RosterRule, RosterSource
from reconciler.manifest.write_rules import source_data
from reconciler.plain import count
from reconciler.rules.candidates import NOWHERE, Bench, Proposed
from reconciler.rules.common_keys import Question, find_common
from reconciler.rules.match import Matcher


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
    whole, question = question, question.of_the_day()
    common = find_common(question)
    matcher = Matcher(whole.roster, common.source, common.keys, whole.as_of)
    bench = Bench(question, common, matcher)
    chosen: list[Proposed] = []
    tried: list[Proposed] = []
    # What it takes to have rules at all: the roster, and the line above the rules.
    saved = -count_lines({"rosters": {common.source.name: source_data(common.source)}, "rules": []})
    for role in Role:
        fitting = list(bench.fitting(role))
        tried += fitting
        best, lines = _best_together(question.directory.state.assignments, fitting)
        chosen += best
        saved += lines
    if saved <= 0:
        raise question.refused(_why_none(question, tried, len(bench.live)))
    if untrue := Bench(whole, common, matcher).untrue([each.rule for each in chosen]):
        raise question.refused(
            f"run over the whole roster, they would give {count(len(untrue), 'assignment')} that "
            "the site does not have"
        )
    return Proposal(common.source, common.keys, tuple(_named(chosen)))


def _best_together(
    live: Collection[Assignment], fitting: Iterable[Proposed]
) -> tuple[list[Proposed], int]:
    """Choose the rules for a role that save most lines together; return them, and how many lines.

    Of rules that give the same, the shortest will do. Then several sets are tried: begun with the
    rules of one shape (homerooms and other types, say, or some grades of each), and filled up with
    whatever else saves lines.
    """
    shortest: dict[frozenset[Assignment], Proposed] = {}
    for each in fitting:
        same = shortest.setdefault(each.given, each)
        if each.lines < same.lines:
            shortest[each.given] = each
    rules = list(shortest.values())
    shapes = list(dict.fromkeys(_shape(each.rule) for each in rules))
    best: list[Proposed] = []
    most = 0
    for shape in shapes:
        left = _Left(live)
        alike = [each for each in rules if _shape(each.rule) == shape]
        found = _trimmed(left, [*_filled_up(left, alike), *_filled_up(left, rules)])
        if left.saved > most or (left.saved == most and len(found) < len(best)):
            best, most = found, left.saved
    order = {each.given: number for number, each in enumerate(rules)}
    return sorted(best, key=lambda each: order[each.given]), most


def _shape(rule: RosterRule) -> tuple[str, bool, bool]:
    return rule.who.value, rule.of.class_type is None, not rule.of.grades


def _filled_up(left: "_Left", rules: Iterable[Proposed]) -> list[Proposed]:
    """Add the rules that save lines, those first that do so most by themselves."""
    ranked = sorted(((left.gain(each), -n, each) for n, each in enumerate(rules)), reverse=True)
    added = []
    for _, _, each in ranked:
        if left.gain(each) > 0:
            left.add(each)
            added.append(each)
    return added


def _trimmed(left: "_Left", rules: Iterable[Proposed]) -> list[Proposed]:
    """Take out the rules that save nothing any more beside the others."""
    kept = []
    for each in rules:
        left.take_out(each)
        if left.gain(each) > 0:
            left.add(each)
            kept.append(each)
    return kept


class _Left:
    """What some rules leave to be declared, and how many lines that saves.

    Attributes:
        saved: the lines of entries that are not needed, less those of the rules.
    """

    def __init__(self, live: Iterable[Assignment]) -> None:
        self.saved = 0
        self._givers: Counter[Assignment] = Counter()
        self._items: Counter[tuple[Holder, TargetKind]] = Counter()
        self._entries: Counter[Holder] = Counter()
        for each in live:
            self._items[each.holder, each.kind] += 1
            self._entries[each.holder] += 1

    def gain(self, proposed: Proposed) -> int:
        """Count the lines that a rule saves: items, the lists and entries they leave empty."""
        items = self._lists(each for each in proposed.given if not self._givers[each])
        entries: Counter[Holder] = Counter()
        for (holder, _), number in items.items():
            entries[holder] += number
        emptied = sum(self._items[each] == number for each, number in items.items())
        needless = sum(self._entries[each] == number for each, number in entries.items())
        return items.total() + emptied + needless - proposed.lines

    def add(self, proposed: Proposed) -> None:
        """Let a rule give what it gives."""
        self.saved += self.gain(proposed)
        for (holder, kind), number in self._lists(
            each for each in proposed.given if not self._givers[each]
        ).items():
            self._items[holder, kind] -= number
            self._entries[holder] -= number
        self._givers.update(proposed.given)

    def take_out(self, proposed: Proposed) -> None:
        """Undo `add`."""
        self._givers.subtract(proposed.given)
        for (holder, kind), number in self._lists(
            each for each in proposed.given if not self._givers[each]
        ).items():
            self._items[holder, kind] += number
            self._entries[holder] += number
        self.saved -= self.gain(proposed)

    def _lists(self, assignments: Iterable[Assignment]) -> Counter[tuple[Holder, TargetKind]]:
        return Counter((each.holder, each.kind) for each in assignments)


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
    if of.class_type == HOMEROOM:
        return "homerooms"
    return "classes" if of.kind is OfKind.CLASS else f"{of.kind}s"


def _why_none(question: Question, tried: Sequence[Proposed], live: int) -> str:
    homerooms = any(unit.class_type == HOMEROOM for unit in question.roster.units)
    lacking = "" if homerooms else "; it has no classes of the type homeroom"
    if not tried:
        return (
            "each would give what cannot be excepted, or meets a key that several share, on the "
            f"site or in the roster{lacking}"
        )
    best = max(tried, key=lambda each: len(each.given))
    return (
        "with them, the manifest would be no shorter. The rule that gives most, "
        f"{best.rule.who} of {_what(best.rule.of)}, gives {len(best.given):,} of "
        f"{count(live, 'assignment')}, with "
        f"{count(len(best.rule.except_people) + len(best.rule.except_units), 'exception')}{lacking}"
    )
