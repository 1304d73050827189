"""A form in the place of a snapshot: what that takes away, and what of it the runbook noted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.connection import Connection
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import LabelField, Role
from reconciler.errors import ReconcilerError
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plain import count
from reconciler.plan.end_state import stands
from reconciler.plan.model import Plan
from reconciler.redact import Redaction
from reconciler.state import LiveState
from reconciler.workflows.recording import open_journal
from reconciler.workflows.runbooks import runbook_file, settle

_CALLED: Final[Mapping[AddressKind, tuple[str, str]]] = MappingProxyType(
    {
        AddressKind.HOLDER: ("holder", "holders"),
        AddressKind.ASSIGNMENT: ("assignment", "assignments"),
        AddressKind.PROFILE: ("role on a profile", "roles on profiles"),
        AddressKind.LABEL: ("label", "labels"),
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a form changes of what can be given: holders, assignments, roles on profiles, labels.

    Attributes:
        taken: what stands in the snapshot, and not in the form.
        given: what stands in the form, and not in the snapshot.
        noted: what of both the runbook noted as done, and the form undoes.
    """

    taken: frozenset[Address]
    given: frozenset[Address]
    noted: frozenset[Address]


def change(before: LiveState, after: LiveState, runbook: Plan | None) -> Change:
    """Compare a snapshot with the one that takes its place; addresses are in the ids of both.

    Args:
        before: the snapshot.
        after: its successor.
        runbook: what the runbook beside it carries out, if there is one.
    """
    taken, given = _only_in(before, after), _only_in(after, before)
    # What is removed stands wherever its subject is not there: that was nobody's doing.
    there = {each.id for part in (before.profiles, before.people, before.units) for each in part}
    noted = frozenset(
        each.address
        for each in (runbook.actions if runbook and runbook.site == before.site.id else ())
        if each.address in taken | given
        and there.issuperset(_ids_in(each.address))
        and stands(before, each)
        and not stands(after, each)
    )
    return Change(taken, given, noted)


def counted(found: Iterable[Address]) -> str:
    """Say how many of each kind there are."""
    times = Counter(each.kind for each in found)
    return ", ".join(count(times[kind], *_CALLED[kind]) for kind in _CALLED if times[kind])


def named(
    found: Iterable[Address], state: LiveState, redaction: Redaction, *, learners: bool
) -> list[str]:
    """Name addresses by the keys of a snapshot, in order; who is withheld is not named.

    Args:
        found: the addresses, in ids.
        state: the snapshot, which has all that they are about.
        redaction: whom to hide.
        learners: whether learners are named; else an ellipsis stands for each.
    """
    directory = Directory(state)
    keys = Keys(directory, PersonKey.SYNC_KEY, UnitKey.SYNC_KEY)
    for address in found:
        for place in address.people:
            person = directory.people[address.parts[place]]
            redaction.who(state.site.id, person.id, person.sync_key, person.username, person.email)
    site = state.site.id
    shown = (redaction.address(site, each, keys.name(each))[1] for each in found)
    return sorted(
        f"{str(each).rpartition('/')[0]}/…" if each.names_learner and not learners else str(each)
        for each in shown
    )


def runbook_of(connection: Connection, read: Callable[[Path], Plan]) -> Plan | None:
    """Return what the runbook beside a snapshot carries out; None where none can be read.

    Args:
        connection: the site.
        read: reads a saved plan.

    Raises:
        ConfigurationError: the site has an API.
    """
    try:
        return read(runbook_file(connection)) if runbook_file(connection).exists() else None
    except ReconcilerError:
        return None


def note_runs(connection: Connection, runbook: Plan, state: LiveState) -> None:
    """Note in the journal what became of runs of a runbook that were killed, as the snapshot tells.

    Args:
        connection: the site; who asks holds its snapshot.
        runbook: what the runbook carries out.
        state: the snapshot.

    Raises:
        JournalError: the journal cannot be read or written.
    """
    with open_journal(connection.journal) as journal:
        settle(journal, runbook, state)


def _only_in(one: LiveState, other: LiveState) -> frozenset[Address]:
    return frozenset(
        (
            *(Address.holder(*each) for each in one.holders - other.holders),
            *(Address.assignment(*each) for each in one.assignments - other.assignments),
            *(Address.profile(*each) for each in _roles(one) - _roles(other)),
            *(Address.label(role, field) for role, field, _ in _labels(one) - _labels(other)),
        )
    )


def _roles(state: LiveState) -> set[tuple[str, Role]]:
    return {(each.id, role) for each in state.profiles for role in each.roles}


def _labels(state: LiveState) -> set[tuple[Role, LabelField, str]]:
    return {
        (each.role, field, text)
        for each in state.labels
        for field in LabelField
        if (text := each.value(field))
    }


def _ids_in(address: Address) -> Iterable[str]:
    """Return the ids of what an address is about, which may have left the site."""
    match address.kind:
        case AddressKind.PROFILE:
            return address.parts[:1]
        case AddressKind.LABEL:
            return ()
        case AddressKind.HOLDER:
            return address.parts[1:]
        case AddressKind.ASSIGNMENT:
            return address.parts[1], address.parts[3]
