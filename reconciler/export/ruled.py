"""Writes a live state as a manifest with rules over a roster, which plans to nothing against it."""

from collections.abc import Iterator
from datetime import date

from reconciler.directory import Directory, Keys
from reconciler.domain.roster import Roster
from reconciler.domain.vocabulary import Role
from reconciler.errors import ReconcilerError
from reconciler.export.whole import entries, naming_keys, sitewide
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.roster_rules import RosterSource
from reconciler.manifest.shape import allows, is_key
from reconciler.manifest.words import SECTION_NAMES
from reconciler.manifest.write_rules import rule_data, source_data
from reconciler.plain import count
from reconciler.rules.candidates import Proposed
from reconciler.rules.common_keys import Question
from reconciler.rules.propose import Proposal, propose
from reconciler.state import LiveState


def export_ruled(
    state: LiveState,
    roster: Roster,
    source: RosterSource,
    as_of: date,
    people: PersonKey | None = None,
    units: UnitKey | None = None,
) -> str:
    """Write the manifest's text: rules, and entries for what they do not give.

    Args:
        state: what is live.
        roster: what a school system exported.
        source: how the manifest names it; its kinds of keys are looked for.
        as_of: the day on which the manifest plans to nothing; on another, the roster may say
            something else.
        people: how to name people; by default the kind of key by which the roster agrees best.
        units: how to name units; by default likewise.

    Raises:
        ReconcilerError: as `export_manifest`; and where no rules can be proposed, with the reason.
    """
    if not (allows(source_data(source), "$defs", "roster") and is_key(source.name)):
        raise ReconcilerError(
            "The roster's name, path or columns cannot stand in a manifest.",
            "Name it by another path, in one line.",
        )
    people_by, units_by = naming_keys(state, people, units)
    question = Question(Directory(state), roster, source, tuple(people_by), tuple(units_by), as_of)
    proposal = propose(question)
    head = sitewide(state, proposal.keys)
    rosters = {"rosters": {proposal.source.name: source_data(proposal.source)}}
    # In the order of the schema, so that it is in its normal form.
    lines = (
        *_rest(state, proposal),
        *dump_manifest(rosters).splitlines(),
        *_rules(state, proposal),
    )
    return dump_manifest(head) + "".join(f"{line}\n" for line in lines)


def _rules(state: LiveState, proposal: Proposal) -> Iterator[str]:
    live = {role: sum(each.role is role for each in state.assignments) for role in Role}
    yield "rules:"
    for each in proposal.rules:
        yield f"  # {_told(each, live[each.rule.role])}"
        yield from dump_manifest({"rules": [rule_data(each.rule)]}).splitlines()[1:]


def _told(each: Proposed, live: int) -> str:
    rule = each.rule
    people, units = len(rule.except_people), len(rule.except_units)
    several = "1 person" if people == 1 else f"{people:,} people"
    return (
        f"Gives {len(each.given):,} of {count(live, f'{rule.role} assignment')}; "
        f"exceptions: {several}, {count(units, 'unit')}."
    )


def _rest(state: LiveState, proposal: Proposal) -> Iterator[str]:
    """Yield what no rule gives; a role with rules and nothing beside them needs no section."""
    given = proposal.given
    keys: Keys = proposal.keys
    derived = {each.holder for each in given}
    left = [each for each in state.assignments if each not in given]
    kept = {each.holder for each in left}
    ruled = {each.rule.role for each in proposal.rules}
    for role in Role:
        holders = [
            each
            for each in state.holders
            if each.role is role and (each in kept or each not in derived)
        ]
        if role in ruled and not holders:
            continue
        live = sum(each.role is role for each in state.assignments)
        rest = sum(each.role is role for each in left)
        if role in ruled and not rest:
            yield f"# Who is {role} of nobody."
        elif role in ruled:
            yield f"# No rule gives {rest:,} of {count(live, f'{role} assignment')}."
        elif holders:
            yield f"# No rule that takes fewer lines than it saves gives {role} assignments."
        yield from dump_manifest({SECTION_NAMES[role]: entries(keys, holders, left)}).splitlines()
