"""A conformance kit for plugins: what every provider and every reader of rosters owes.

Each check is a function that raises `AssertionError` with what is owed. It needs no test framework;
with pytest a suite is three lines:

    @pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.__name__)
    def test_my_provider(check, tmp_path):
        check(lambda state: my_site(tmp_path, state))

The program's own provider and readers pass the same checks (`tests/providers`, `tests/rosters`).
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TypeAlias

from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.roster import Roster
from reconciler.domain.vocabulary import (
    BATCH_LIMIT,
    Capability,
    LabelField,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.provider import Change, ChangeResult, Verb, Writer
from reconciler.rosters.problems import InvalidRoster
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

Opening: TypeAlias = Callable[[LiveState], AbstractContextManager[Writer]]
"""Makes a site that holds a state, and opens it for writing."""

_LEARNERS = 3
SAMPLE: Final = LiveState(
    site=Site(
        id="sample",
        name="Sample",
        revision=1,
        actor="testing",
        capabilities=frozenset(Capability),
        ilp_enabled=True,
        ilp_published_templates=1,
    ),
    profiles=(
        Profile("staff", "Staff", frozenset({Role.MENTOR})),
        Profile("student", "Student", frozenset()),
    ),
    labels=tuple(Labels(role, None, None) for role in Role),
    people=(
        *(Person(f"t{n}", f"t-{n}", f"t{n}", None, f"T {n}", "staff", active=True) for n in (1, 2)),
        *(
            Person(f"s{n}", f"s-{n}", f"s{n}", None, f"S {n}", "student", active=True)
            for n in range(_LEARNERS)
        ),
    ),
    units=(
        Unit("root", "sample", UnitKind.ORGANISATION, "Sample", None),
        Unit("school", "school", UnitKind.SCHOOL, "School", "root"),
        Unit("8a", "8a", UnitKind.CLASS, "8A", "school"),
        Unit("8b", "8b", UnitKind.CLASS, "8B", "school"),
    ),
    memberships=tuple(
        Membership("8a", f"s{n}", MembershipRole.LEARNER, primary=True, begin=None, end=None)
        for n in range(_LEARNERS)
    ),
    relations=(),
    holders=frozenset({Holder(Role.MENTOR, "t1")}),
    assignments=Assignments.of([Assignment(Role.MENTOR, "t1", TargetKind.CLASS, "8a")]),
)
"""The state with which a site begins in each check; ids, so that an address can be made of it."""

_MENTOR: Final = Address.holder("mentor", "t2")
_CLASS: Final = Address.assignment("mentor", "t1", "class", "8b")
_HELD: Final = Address.assignment("mentor", "t1", "class", "8a")
_LEARNER: Final = Address.assignment("mentor", "t1", "learner", "s0")
_ROLE: Final = Address.profile("student", "mentor")
_LABEL: Final = Address.label(Role.MENTOR, LabelField.TOOL_NAME)


def owed(met: object, what: str) -> None:
    """Say what is owed where it is not met; `assert` would say nothing under `python -O`.

    Raises:
        AssertionError: it is not met.
    """
    if not met:
        raise AssertionError(what)


def change(address: Address, verb: Verb, key: str, *text: str | None) -> Change:
    """Make a change; of a label `text` is what it is expected to be and what it is to be."""
    before, after = text or (None, None)
    return Change(address, verb, before, after, key)


def _sent(site: Writer, *changes: Change) -> Sequence[ChangeResult]:
    results = site.send(changes)
    owed(len(results) == len(changes), "send returns one result for each change, in their order")
    return results


def _present(state: LiveState, address: Address) -> bool:
    """Whether there is what an address names, which is no label."""
    parts = address.parts
    if address == _ROLE:
        return any(each.id == parts[0] and parts[1] in each.roles for each in state.profiles)
    if len(parts) == 2:
        return Holder(Role(parts[0]), parts[1]) in state.holders
    role, person, kind, target = parts
    return Assignment(Role(role), person, TargetKind(kind), target) in set(state.assignments)


# Reading


def a_fetched_state_is_what_the_site_holds(opening: Opening) -> None:
    """Everything, and nothing else; the site's revision, actor and capabilities are its own."""
    with opening(SAMPLE) as site:
        found = site.fetch()
    owed(found.site.id == SAMPLE.site.id, "the site reports its own id")
    for name in ("profiles", "labels", "people", "units", "memberships", "relations", "holders"):
        owed(set(getattr(found, name)) == set(getattr(SAMPLE, name)), f"{name} are not the site's")
    owed(set(found.assignments) == set(SAMPLE.assignments), "assignments are not the site's")


def a_read_is_repeatable(opening: Opening) -> None:
    """Nobody wrote in between, so the state and its revision are the same."""
    with opening(SAMPLE) as site:
        first = site.fetch()
        owed(site.fetch() == first, "two reads without a write differ")
        owed(site.site() == first.site, "site() is not the site of the state")


# Writing


def an_addition_has_its_effect(opening: Opening) -> None:
    """For each kind of thing that can be added: it is there afterwards, and the revision grew."""
    for address in (_MENTOR, _CLASS, _LEARNER, _ROLE):
        with opening(SAMPLE) as site:
            before = site.site().revision
            (result,) = _sent(site, change(address, Verb.ADD, "add"))
            owed(result.ok, f"adding {address} failed: {result}")
            owed(result.changed, f"adding {address} took effect, and changed says it did not")
            found = site.fetch()
        owed(_present(found, address), f"{address} was added and is not there")
        owed(found.site.revision > before, "a write makes the revision grow")


def a_removal_has_its_effect(opening: Opening) -> None:
    """An assignment, then the holder who has none any more."""
    with opening(SAMPLE) as site:
        for address in (_HELD, Address.holder("mentor", "t1")):
            (result,) = _sent(site, change(address, Verb.REMOVE, f"remove-{address}"))
            owed(result.ok, f"removing {address} failed: {result}")
            owed(result.changed, f"removing {address} took effect, and changed says it did not")
            owed(not _present(site.fetch(), address), f"{address} was removed and is there")


def a_repeated_request_has_no_second_effect(opening: Opening) -> None:
    """The same key again: an answer was lost, say. It is no failure, and nothing happens."""
    with opening(SAMPLE) as site:
        add = change(_CLASS, Verb.ADD, "once")
        _sent(site, add)
        before = site.fetch()
        (again,) = _sent(site, add)
        owed(again.ok, f"the same request again is refused: {again}")
        owed(site.fetch() == before, "the same request again wrote once more")


def what_does_not_hold_is_refused(opening: Opening) -> None:
    """An addition expects absence, and a removal presence; else 412, or no effect is reported."""
    wrong = (
        change(_HELD, Verb.ADD, "there-already"),
        change(_CLASS, Verb.REMOVE, "not-there"),
        change(_LABEL, Verb.CHANGE, "another-text", "Expected", "New"),
    )
    for each in wrong:
        with opening(SAMPLE) as site:
            before = site.fetch()
            (result,) = _sent(site, each)
            owed(
                result.status == 412 or (result.ok and not result.changed),
                f"{each.verb} of {each.address} does not hold, and the answer is {result}",
            )
            owed(site.fetch() == before, f"{each.address} was written all the same")


def a_label_is_set_and_reset(opening: Opening) -> None:
    """To a text, with letters beyond Latin, and back to the platform's default."""
    for before, after in ((None, "Мои ученики Ø"), ("Мои ученики Ø", None)):
        with opening(SAMPLE) as site:
            if before:
                _sent(site, change(_LABEL, Verb.CHANGE, "first", None, before))
            (result,) = _sent(site, change(_LABEL, Verb.CHANGE, "then", before, after))
            owed(result.ok, f"a label could not be changed: {result}")
            (labels,) = (each for each in site.fetch().labels if each.role is Role.MENTOR)
            owed(labels.tool_name == after, f"the label is {labels.tool_name!r}, not {after!r}")


def a_holder_with_assignments_stays(opening: Opening) -> None:
    """To take one out is refused: nothing is removed that was not asked for."""
    holder = Address.holder("mentor", "t1")
    with opening(SAMPLE) as site:
        (result,) = _sent(site, change(holder, Verb.REMOVE, "holder"))
        owed(not result.ok, "a holder who has assignments was removed")
        found = site.fetch()
    owed(_present(found, holder), "something was removed all the same")
    owed(_present(found, _HELD), "something was removed all the same")


def each_change_is_answered_by_itself(opening: Opening) -> None:
    """One that fails keeps no other from its effect, and results stand in the order of changes."""
    nobody = Address.assignment("mentor", "t1", "learner", "nobody")
    with opening(SAMPLE) as site:
        results = _sent(
            site,
            change(_CLASS, Verb.ADD, "good"),
            change(nobody, Verb.ADD, "bad"),
            change(_LEARNER, Verb.ADD, "good-too"),
        )
        found = site.fetch()
    owed([each.ok for each in results] == [True, False, True], f"results are {results}")
    owed(_present(found, _CLASS), "the change before one that failed is lost")
    owed(_present(found, _LEARNER), "the change after one that failed is lost")


def a_full_request_is_taken(opening: Opening) -> None:
    """As many changes in one request as a writer may be asked for."""
    keys = [f"key-{number}" for number in range(BATCH_LIMIT)]
    verbs = [(Verb.ADD, Verb.REMOVE)[number % 2] for number in range(BATCH_LIMIT)]
    with opening(SAMPLE) as site:
        _sent(site, *(change(_CLASS, verb, key) for verb, key in zip(verbs, keys, strict=True)))


# Events


def events_tell_who_wrote(opening: Opening) -> None:
    """Where the site has events: the last of an address, and those since a revision, in order."""
    with opening(SAMPLE) as site:
        first = site.site()
        if Capability.EVENTS not in first.capabilities:
            return
        _sent(site, change(_CLASS, Verb.ADD, "a"))
        middle = site.site().revision
        _sent(site, change(_CLASS, Verb.REMOVE, "b"))
        _sent(site, change(_LEARNER, Verb.ADD, "c"))
        last = site.last_events([_CLASS, _MENTOR])
        since = site.events_since(middle)
    owed(set(last) == {_CLASS}, "last_events has those addresses that were ever written")
    owed(last[_CLASS].verb == Verb.REMOVE, "last_events has the last write of an address")
    owed(last[_CLASS].by_client, "what a program wrote is no person's")
    owed(last[_CLASS].actor == first.actor, "our own writes bear the name that the site calls us")
    told = [(each.address, each.verb) for each in since]
    owed(told == [(str(_CLASS), "remove"), (str(_LEARNER), "add")], f"events_since says {told}")
    owed(all(each.revision > middle for each in since), "events_since is after the revision")


PROVIDER_CHECKS: Final[tuple[Callable[[Opening], None], ...]] = (
    a_fetched_state_is_what_the_site_holds,
    a_read_is_repeatable,
    an_addition_has_its_effect,
    a_removal_has_its_effect,
    a_repeated_request_has_no_second_effect,
    what_does_not_hold_is_refused,
    a_label_is_set_and_reset,
    a_holder_with_assignments_stays,
    each_change_is_answered_by_itself,
    a_full_request_is_taken,
    events_tell_who_wrote,
)
"""What every provider owes; each is called with what opens a site of a given state."""


# Rosters

Reading: TypeAlias = Callable[[Path], Roster]
"""Reads a roster from a file or folder."""


def a_roster_holds_together(reading: Reading, good: Path) -> None:
    """Ids are unique, and every reference leads somewhere."""
    found = reading(good)
    people = [each.sourced_id for each in found.people]
    units = [each.sourced_id for each in found.units]
    owed(people or units, "the sample is empty")
    owed(len(set(people)) == len(people), "a person stands there twice")
    owed(len(set(units)) == len(units), "a unit stands there twice")
    for each in found.units:
        owed(each.parent is None or each.parent in units, f"the parent of {each.sourced_id}")
    for link in found.memberships:
        owed(link.unit in units, f"the unit of a membership: {link.unit}")
        owed(link.person in people, f"the person of a membership: {link.person}")


def a_roster_is_read_the_same_twice(reading: Reading, good: Path) -> None:
    """The same bytes give the same roster."""
    owed(reading(good) == reading(good), "two readings of the same files differ")


def what_is_not_there_is_a_mistake(reading: Reading, good: Path) -> None:
    """And no empty roster: unreadable is never empty."""
    with tempfile.TemporaryDirectory() as folder:
        _invalid(reading, Path(folder) / good.name)


def what_was_cut_off_is_read_whole_or_refused(reading: Reading, good: Path) -> None:
    """A file that ends early is a mistake with a place, or what is left of it is sound."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, size) in enumerate(_cuts(good)):
            copy = Path(folder) / str(number) / good.name
            copy.parent.mkdir()
            (shutil.copytree if good.is_dir() else shutil.copy)(good, copy)
            cut = copy / name if name else copy
            cut.write_bytes(cut.read_bytes()[:size])
            try:
                reading(copy)
            except InvalidRoster as found:
                owed(found.problems, "a mistake without a problem in it")


def _cuts(good: Path) -> Iterator[tuple[str, int]]:
    files = sorted(each for each in good.rglob("*") if each.is_file()) if good.is_dir() else [good]
    for file in files:
        size = file.stat().st_size
        name = str(file.relative_to(good)) if good.is_dir() else ""
        yield from ((name, size * part // 7) for part in range(7))


def _invalid(reading: Reading, path: Path) -> None:
    try:
        reading(path)
    except InvalidRoster as found:
        owed(found.problems, "a mistake without a problem in it")
    else:
        raise AssertionError("what is not there was read as a roster")


ROSTER_CHECKS: Final[tuple[Callable[[Reading, Path], None], ...]] = (
    a_roster_holds_together,
    a_roster_is_read_the_same_twice,
    what_is_not_there_is_a_mistake,
    what_was_cut_off_is_read_whole_or_refused,
)
"""What every reader of rosters owes; each is called with what reads one, and with a good sample."""
