"""The one function that changes a site, behind single writes, batches and the console.

One table says per kind of address how it is read and written, and which rules judge a change of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import LABEL_LIMIT, TARGET_KINDS, Capability
from reconciler.sandbox import contents, rules, tables
from reconciler.sandbox.contents import Content
from reconciler.sandbox.items import ID_LIMIT, LABEL
from reconciler.sandbox.problems import Problem
from reconciler.sandbox.store import Writing


class Verb(StrEnum):
    """What a change does to its address."""

    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes.

    Attributes:
        name: the client's id or the console's user.
        kind: `api` or `console`.
        capabilities: what they can do on this site.
    """

    name: str
    kind: str
    capabilities: frozenset[Capability]


@dataclass(frozen=True, slots=True)
class ExpectPresent:
    """The address is expected to be there, or not to be."""

    present: bool


@dataclass(frozen=True, slots=True)
class ExpectValue:
    """The label is expected to have this text; None is the platform's default."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change that is asked for; `value` is a label's new text, None resets it."""

    address: Address
    verb: Verb
    value: str | None = None
    expect: ExpectPresent | ExpectValue | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change that was not refused."""

    status: int
    changed: bool
    revision: int


_STATUS: Final = MappingProxyType(
    {
        # (verb, whether it took effect): status
        (Verb.ADD, True): 201,
        (Verb.ADD, False): 200,
        (Verb.REMOVE, True): 204,
        (Verb.REMOVE, False): 204,
        (Verb.CHANGE, True): 200,
        (Verb.CHANGE, False): 200,
    }
)


def read_address(text: str) -> Address:
    """Read an address; a kind that its role cannot be assigned is left to the rules to refuse.

    Raises:
        Problem: the text is no address, or a part of it can be no id.
    """
    address = _parsed(text)
    if address is None:
        raise Problem("invalid_address", f"{text[:300]!r} is not an address")
    if any(len(part) > ID_LIMIT or "\x00" in part for part in address.parts):
        raise Problem(
            "invalid_address", f"an id has at most {ID_LIMIT} characters, and no null characters"
        )
    return address


def _parsed(text: str) -> Address | None:
    role, _, rest = text.partition("/")
    # After the text itself the same under the other role, which knows the kinds of its own.
    for own in (role, *TARGET_KINDS) if role in TARGET_KINDS else (role,):
        try:
            known = Address.parse(f"{own}/{rest}")
        except ValueError:
            continue
        return known if own == role else Address(known.kind, (role, *known.parts[1:]))
    return None


def make_change(writing: Writing, author: Author, change: Change) -> Outcome:
    """Make one change, if the rules allow it and it is not so already.

    Raises:
        Problem: it is refused; nothing was written.
    """
    check_shape(author, change)
    kind = _KINDS[change.address.kind]
    kind.check_subject(writing.connection, change.address)
    current = kind.read(writing.connection, change.address)
    _check_expectation(change, current)
    wanted = change.value if change.verb is Verb.CHANGE else change.verb is Verb.ADD
    changed = current != wanted
    if changed:
        kind.rules[change.verb](writing.connection, change.address)
        kind.write(writing.connection, change.address, wanted)
        writing.record(
            collection=kind.collection,
            actor=author.name,
            actor_kind=author.kind,
            address=str(change.address),
            verb=change.verb.value,
        )
    return Outcome(_STATUS[change.verb, changed], changed, writing.revision)


def check_shape(author: Author, change: Change) -> None:
    """Refuse what no state of the site could take.

    Raises:
        Problem: it is refused.
    """
    address = change.address
    kind = _KINDS[address.kind]
    if kind.capability not in author.capabilities:
        raise Problem(
            "not_supported",
            f"this site's API cannot change {kind.capability.value}",
            address=address,
        )
    if change.verb not in kind.rules:
        allowed = " and ".join(f"{verb.value!r}" for verb in kind.rules)
        raise Problem(
            "verb_not_allowed", f"a {address.kind.value} knows {allowed} only", address=address
        )
    value = change.value
    if value is not None and not (0 < len(value) <= LABEL_LIMIT and re.fullmatch(LABEL, value)):
        raise Problem(
            "invalid_value",
            f"a label has 1 to {LABEL_LIMIT} characters, no control character or line break among "
            "them, and no white space around it",
            address=address,
        )
    fitting = ExpectValue if address.kind is AddressKind.LABEL else ExpectPresent
    if change.expect is not None and not isinstance(change.expect, fitting):
        raise Problem(
            "invalid_expectation",
            "a label is expected to have a 'value', anything else to be 'present' or not",
            address=address,
        )


def _check_expectation(change: Change, current: Content) -> None:
    match change.expect:
        case ExpectPresent(present) if present is not current:
            found = "is there already" if current else "is not there"
        case ExpectValue(value) if value != current:
            found = "has another value"
        case _:
            return
    raise Problem("expectation_failed", f"{change.address} {found}", address=change.address)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of address is read, judged and written.

    Attributes:
        capability: what the site must offer.
        collection: whose ETag a write changes.
        check_subject: refuses an address whose subject does not exist.
        read: what stands at the address.
        write: makes it so.
        rules: per verb that there is, what refuses an effective change.
    """

    capability: Capability
    collection: str
    check_subject: Callable[[Connection, Address], None]
    read: Callable[[Connection, Address], Content]
    write: Callable[[Connection, Address, Content], None]
    rules: Mapping[Verb, Callable[[Connection, Address], None]]


_KINDS: Final[Mapping[AddressKind, _Kind]] = MappingProxyType(
    {
        AddressKind.PROFILE: _Kind(
            Capability.PROFILES,
            tables.profiles.name,
            rules.profile_exists,
            contents.read_profile,
            contents.write_profile,
            {Verb.ADD: rules.always, Verb.REMOVE: rules.always},
        ),
        AddressKind.LABEL: _Kind(
            Capability.LABELS,
            tables.labels.name,
            rules.always,
            contents.read_label,
            contents.write_label,
            {Verb.CHANGE: rules.always},
        ),
        AddressKind.HOLDER: _Kind(
            Capability.HOLDERS,
            tables.holders.name,
            rules.person_exists,
            contents.row_reader(tables.holders),
            contents.row_writer(tables.holders),
            {Verb.ADD: rules.role_is_enabled, Verb.REMOVE: rules.has_no_assignments},
        ),
        AddressKind.ASSIGNMENT: _Kind(
            Capability.ASSIGNMENTS,
            tables.assignments.name,
            rules.role_knows_kind,
            contents.row_reader(tables.assignments),
            contents.row_writer(tables.assignments),
            {Verb.ADD: rules.can_be_assigned, Verb.REMOVE: rules.always},
        ),
    }
)
