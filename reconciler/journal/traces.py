"""Finds every row of a journal that names a person, as it is to be without them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Table, bindparam, select, update

from reconciler.apply.outcome import Outcome
from reconciler.cause import Cause, CauseKind
from reconciler.domain.address import Address
from reconciler.errors import WrongUse
from reconciler.journal.placeholders import (
    ERASED,
    is_placeholder,
    next_placeholder,
    put,
)
from reconciler.journal.rows import Row, chunks, last_word
from reconciler.journal.tables import actions, leases, plans, runs
from reconciler.manifest.policies import PolicyKey

_ROWS_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Traces:
    """Where the journal names a person, on one site.

    Attributes:
        site: the site's id.
        placeholder: what stands, or is to stand, in the person's place; None where only texts name
            the person.
        rows: how many rows name the person.
        runs: of how many runs these are.
        doubtful: the ids of the runs that did something to the person of which nobody knows yet
            what became.
        unfinished: how many plans about the person were not carried out to the end.
        lease: whether one of the rows is a lease that ran out.
        texts_only: whether nothing but texts, such as reasons, has the word: nobody the journal
            knows is called so.
    """

    site: str
    placeholder: str | None
    rows: int
    runs: int
    doubtful: tuple[str, ...]
    unfinished: int
    lease: bool
    texts_only: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to forget on a site.

    Attributes:
        site: the site's id.
        id: the person's, or None where no address names them.
        words: finds in free text what names them: id and keys.
        placeholder: what takes their place.
    """

    site: str
    id: str | None
    words: re.Pattern[str]
    placeholder: str

    def erase(self, text: str) -> str:
        """Return a free text, or what stands in its place where it names the person."""
        return ERASED if self.is_named(text) else text

    def is_named(self, text: str) -> bool:
        """Whether a text has one of the person's words, alone or in an address."""
        return self.words.search(text) is not None

    def within(self, address: Address) -> tuple[int, ...]:
        """Return which parts of an address in ids are the person."""
        return tuple(at for at in address.people if address.parts[at] == self.id)


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    spelt = sorted({re.escape(form) for word in words for form in (word, quote(word, safe=""))})
    # A hyphen goes on with a key: t-04 is not named by t-0412, nor anna by anna-lisa.
    return re.compile(rf"(?<![\w-])(?:{'|'.join(spelt)})(?![\w-])", re.IGNORECASE)


@dataclass(slots=True)
class Found:
    """The rows that name a person, as they are to be.

    Attributes:
        person: who is to be forgotten.
        rows: per table the new values, with the key under `at_…`.
        runs: the numbers of the runs that the rows are of.
        about: the numbers of the runs with actions about the person.
        doubtful: of these, the ids of the runs in which an action is in doubt.
        unfinished: how many plans about the person are not used.
        lease: whether a lease that ran out names the person.
        actor: whether a run was made by the person, or on a machine of that name.
    """

    person: Person
    rows: dict[Table, list[Row]] = field(default_factory=lambda: defaultdict(list))
    runs: set[int] = field(default_factory=set)
    about: set[int] = field(default_factory=set)
    doubtful: list[str] = field(default_factory=list)
    unfinished: int = 0
    lease: bool = False
    actor: bool = False

    def traces(self) -> Traces:
        """Count what was found."""
        person = self.person
        return Traces(
            site=person.site,
            placeholder=None if person.id is None else person.placeholder,
            rows=sum(map(len, self.rows.values())) + self.lease,
            runs=len(self.runs),
            doubtful=tuple(self.doubtful),
            unfinished=self.unfinished,
            lease=self.lease,
            texts_only=person.id is None and not (self.actor or self.lease),
        )

    def write(self, connection: Connection) -> None:
        """Put the new values into the rows."""
        for table, changed in self.rows.items():
            names = [name for name in changed[0] if not name.startswith("at_")]
            statement = (
                update(table)
                .where(*(each == bindparam(f"at_{each.name}") for each in table.primary_key))
                .values({name: bindparam(f"new_{name}") for name in names})
            )
            for chunk in chunks(changed):
                connection.execute(statement, [_parameters(row) for row in chunk])


def _parameters(row: Row) -> Row:
    return {name if name.startswith("at_") else f"new_{name}": value for name, value in row.items()}


def search(connection: Connection, person: str, site: str | None, now: datetime) -> Found | None:
    """Find the rows of the one site on which a person is named.

    Raises:
        WrongUse: more than one person may be meant.
    """
    sites = [site] if site else connection.execute(select(runs.c.site).distinct()).scalars()
    found = [each for one in sorted(sites) if (each := _on_site(connection, person, one, now))]
    if len(found) > 1:
        named = ", ".join(each.person.site for each in found)
        raise WrongUse(
            f"{person} is named in runs on more than one site: {named}.",
            "Ids are a site's own. Say whose person is meant: --site ID.",
        )
    return found[0] if found else None


def _on_site(connection: Connection, person: str, site: str, now: datetime) -> Found | None:
    found = Found(_identify(connection, person, site))
    _search_actions(connection, found)
    _search_runs(connection, found)
    _search_plans(connection, found)
    ran_out = select(leases.c.holder).where(leases.c.site == site, leases.c.expires <= now)
    holder = connection.execute(ran_out).scalar()
    found.lease = holder is not None and found.person.is_named(holder)
    return found if found.rows or found.lease else None


def _identify(connection: Connection, person: str, site: str) -> Person:
    """Find who is meant on a site, and every key that the journal has of them.

    Raises:
        WrongUse: more than one person may be meant.
    """
    keys: defaultdict[str, set[str]] = defaultdict(set)
    recorded = connection.execute(
        select(actions.c.address, actions.c.name)
        .distinct()
        .join(runs, runs.c.number == actions.c.run)
        .where(runs.c.site == site)
    )
    for ids, names in recorded:
        address, name = Address.parse(ids), Address.parse(names)
        for person_id, key in address.people_as(name):
            keys[person_id].add(key)
    for header in connection.execute(select(plans.c.header).where(plans.c.site == site)).scalars():
        for policy in header.get("policies", ()):
            # A policy has ids only: whom it protects, an action need not be about.
            if policy["rule"] == PolicyKey.PROTECTED:
                for person_id in policy["value"]["people"]:
                    keys[person_id].add(person_id)
    meant = sorted(
        each
        for each, known in keys.items()
        if not is_placeholder(each) and (each == person or person in known)
    )
    if len(meant) > 1:
        raise WrongUse(
            f"{person} may mean more than one person on {site}; their ids: {', '.join(meant)}.",
            "Name one of them by another id or key.",
        )
    words = {person}.union(*({each, *keys[each]} for each in meant))
    id_ = meant[0] if meant else None
    return Person(site, id_, _pattern(words), next_placeholder(keys))


def _search_actions(connection: Connection, found: Found) -> None:
    columns = actions.c
    statement = (
        select(
            columns.run, columns.number, columns.address, columns.name, columns.requires,
            columns.cause, columns.before, columns.after, columns.detail, columns.key,
            columns.outcome, columns.request, runs.c.id.label("run_id"),
        )
        .join(runs, runs.c.number == columns.run)
        .where(runs.c.site == found.person.site)
        .order_by(columns.run, columns.number)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )  # fmt: skip
    for row in connection.execute(statement).mappings():
        values, own = _action(row, found.person)
        if own:
            found.about.add(row["run"])
            known = last_word(row["outcome"], sent=row["request"] is not None)
            if known is Outcome.UNKNOWN and row["run_id"] not in found.doubtful:
                found.doubtful.append(row["run_id"])
        if any(values[name] != row[name] for name in values):
            found.rows[actions].append({"at_run": row["run"], "at_number": row["number"], **values})
            found.runs.add(row["run"])


def _action(row: Mapping[Any, Any], person: Person) -> tuple[Row, bool]:
    """Return what is to stand in an action's row, and whether the action is about the person."""
    address, name = Address.parse(row["address"]), Address.parse(row["name"])
    own = person.within(address)
    values = {
        "address": str(put(address, own, person.placeholder)),
        "name": str(put(name, own, person.placeholder)),
        "requires": [_required(each, person) for each in row["requires"]],
        "cause": _own_cause(row["cause"]) if own else _cause(row["cause"], person),
        "before": _value(row["before"], person),
        "after": _value(row["after"], person),
        "detail": person.erase(row["detail"]),
        "key": None if own else row["key"],
    }
    return values, bool(own)


def _required(text: str, person: Person) -> str:
    address = Address.parse(text)
    return str(put(address, person.within(address), person.placeholder))


def _own_cause(cause: Mapping[str, Any]) -> Row:
    """Leave out where in the manifest a person's action came from: in Git, the line names them."""
    day = date.fromisoformat(cause["day"]) if cause["day"] else None
    until = date.fromisoformat(cause["accepted_until"]) if cause.get("accepted_until") else None
    kind, rule = CauseKind(cause["kind"]), cause.get("rule")
    placeless = Cause(kind, None, day, cause["run"], rule, accepted_until=until)
    return {**cause, "text": str(placeless), "file": None, "line": None, "column": None}


def _cause(cause: Mapping[str, Any], person: Person) -> Row:
    file = cause["file"]
    return _own_cause(cause) if file and person.is_named(file) else dict(cause)


def _value(value: Mapping[str, Any], person: Person) -> Row:
    """A label's text may name anybody."""
    return {
        part: person.erase(each) if isinstance(each, str) else each for part, each in value.items()
    }


def _search_runs(connection: Connection, found: Found) -> None:
    person = found.person
    for row in connection.execute(select(runs).where(runs.c.site == person.site)).mappings():
        values = {
            "who": person.placeholder if person.is_named(row["who"]) else row["who"],
            "host": person.placeholder if person.is_named(row["host"]) else row["host"],
            "note": person.erase(row["note"]),
            "overrides": [
                {**each, "reason": person.erase(each["reason"])} for each in row["overrides"]
            ],
        }
        found.actor |= values["who"] != row["who"] or values["host"] != row["host"]
        if any(values[name] != row[name] for name in values):
            found.rows[runs].append({"at_number": row["number"], **values})
            found.runs.add(row["number"])


def _search_plans(connection: Connection, found: Found) -> None:
    ran: defaultdict[str, set[int]] = defaultdict(set)
    statement = select(runs.c.plan, runs.c.number).where(runs.c.site == found.person.site)
    for plan, number in connection.execute(statement):
        ran[plan].add(number)
    statement = select(plans).where(plans.c.site == found.person.site)
    for row in connection.execute(statement).mappings():
        about = bool(ran[row["id"]] & found.about)
        values = {
            "header": _header(row["header"], found.person),
            "used": row["used"] or about,
        }
        if any(values[name] != row[name] for name in values):
            found.rows[plans].append({"at_id": row["id"], **values})
            found.runs |= ran[row["id"]]
            found.unfinished += values["used"] != row["used"]


def _header(header: Mapping[str, Any], person: Person) -> Row:
    policies = [_without(each, person.id) for each in header.get("policies", ())]
    return {**header, "policies": policies}


def _without(policy: Mapping[str, Any], person: str | None) -> Mapping[str, Any]:
    """Take a person out of those whom a policy protects."""
    value = policy["value"]
    if policy["rule"] != PolicyKey.PROTECTED or person not in value["people"]:
        return policy
    left = [each for each in value["people"] if each != person]
    return {**policy, "value": {**value, "people": left}}
