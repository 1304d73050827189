"""Puts pseudonyms in the place of people, wherever a person could be read (promise 6).

A pseudonym is keyed: whoever has the key can make it again from a person's id, and nobody else can
tell who is meant. It is the same in every run with the same key, so that reviewers can talk about
somebody. People with a protected address are withheld from everybody, key or not: all of them
appear as the same word, and no action says in which school such a learner is. Units, profiles and
settings stay as they are otherwise.

What is changed here is for reading only: a plan says so, and no run accepts it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler.codes import CODES
from reconciler.diagnostics import Diagnostic
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignments
from reconciler.domain.vocabulary import TargetKind
from reconciler.errors import InvalidInput, ReconcilerError, actor_id
from reconciler.hidden_words import HiddenWords
from reconciler.manifest.policies import PolicyKey
from reconciler.suggest import SUGGESTION

if TYPE_CHECKING:  # every command can hide people; few have all that they may stand in
    from reconciler.apply.outcome import ApplyResult
    from reconciler.drift import DriftReport
    from reconciler.ending import Ending
    from reconciler.plan.model import Action, Deviation, Moved, Plan, Unmanaged, Upcoming
    from reconciler.policy.model import Found, InForce, Verdict
    from reconciler.provider import Event
    from reconciler.review import Finding, Review
    from reconciler.state import LiveState, Person

_Named = TypeVar("_Named", "Unmanaged", "Upcoming", "Deviation", "Ending", "Moved")
"""Whatever has an address and its name."""

WITHHELD: Final = "withheld"
"""What stands for everybody who is withheld."""

LEFT_OUT: Final = "(left out)"
"""What stands for a text that may name somebody."""

_LENGTH: Final = 13


def pseudonym(key: bytes, site: str, person: str) -> str:
    """Return the pseudonym of a person (by id) on a site: `p-` and 13 letters and digits.

    They are 65 bits of an HMAC-SHA-256, so that two of a million people do not meet by chance.
    """
    digest = hmac.new(key, f"{site}\0{person}".encode(), hashlib.sha256).digest()
    return f"p-{base64.b32encode(digest).decode().lower()[:_LENGTH]}"


@dataclass
class Redaction:
    """What is to be hidden in one run, and the words that it has learnt to hide in texts.

    Attributes:
        key: makes pseudonyms of everybody; None shows everybody who is not withheld.
        withheld: the ids or keys of those who are withheld.
    """

    key: bytes | None = None
    withheld: frozenset[str] = frozenset()
    _words: HiddenWords = field(default_factory=HiddenWords)
    _met: set[str] = field(default_factory=set)
    _unplaced: set[Address] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._words.learn(self.withheld, WITHHELD)

    @property
    def active(self) -> bool:
        """Whether anything is hidden."""
        return self.key is not None or bool(self.withheld)

    def who(self, site: str, person: str, *keys: str | None) -> str | None:
        """Return what stands for a person, or None where they may be shown."""
        named = {person, *filter(None, keys)}
        if not self.withheld.isdisjoint(named) or person in self._met:
            shown: str | None = WITHHELD
            self._met.add(person)
        else:
            shown = None if self.key is None else pseudonym(self.key, site, person)
        if shown is not None:
            self._words.learn(named, shown)
        return shown

    def text(self, text: str) -> str:
        """Hide, in a text, the ids and keys that were met so far, where they stand as words.

        The last resort, for what a site or an error says in words of its own.
        """
        return self._words.hidden_in(text)

    def free_text(self, text: str | None) -> str | None:
        """Leave out what somebody wrote in words of their own, such as a reason."""
        return LEFT_OUT if text and self.key is not None else text and self.text(text)

    def diagnostics(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Keep code and place of diagnostics; their sentences quote what somebody wrote.

        Where only some are withheld, the sentences stay without them. Those that are equal then
        become one, which says how many they were.
        """
        if not self.active:
            return tuple(found)
        numbers = Counter(map(self._diagnostic, found))
        return tuple(
            replace(each, message=f"{each.message.removesuffix('.')}, {number:,} times.")
            if number > 1
            else each
            for each, number in numbers.items()
        )

    def _diagnostic(self, found: Diagnostic) -> Diagnostic:
        if self.key is None:
            advice = found.advice and self.text(found.advice)
            return replace(found, message=self.text(found.message), advice=advice)
        title = CODES[found.code].title
        return Diagnostic(found.code, f"{title[0].upper()}{title[1:]}.", found.position)

    def address(self, site: str, address: Address, name: Address) -> tuple[Address, Address]:
        """Hide the people in an address, in ids and in keys."""
        parts, named = list(address.parts), list(name.parts)
        for place in address.people:
            shown = self.who(site, parts[place], named[place])
            if shown is not None:
                parts[place] = named[place] = shown
        return Address(address.kind, tuple(parts)), Address(name.kind, tuple(named))

    def state(self, live: LiveState) -> LiveState:
        """Hide people in a live state; those who are withheld are not in it any more."""
        if not self.active:
            return live
        shown = {each.id: self._person(live.site.id, each) for each in live.people}
        people = {old: new for old, new in shown.items() if new is not None}

        def kept(*ids: str) -> bool:
            return all(each in people for each in ids)

        return replace(
            live,
            people=tuple(people.values()),
            memberships=tuple(
                each._replace(person=people[each.person].id)
                for each in live.memberships
                if kept(each.person)
            ),
            relations=tuple(
                each._replace(person=people[each.person].id, learner=people[each.learner].id)
                for each in live.relations
                if kept(each.person, each.learner)
            ),
            holders=frozenset(
                each._replace(person=people[each.person].id)
                for each in live.holders
                if kept(each.person)
            ),
            assignments=Assignments.of(
                each._replace(
                    person=people[each.person].id,
                    target=people[each.target].id
                    if each.kind is TargetKind.LEARNER
                    else each.target,
                )
                for each in live.assignments
                if kept(each.person, *((each.target,) if each.kind is TargetKind.LEARNER else ()))
            ),
        )

    def _person(self, site: str, person: Person) -> Person | None:
        keys = person.sync_key, person.username, person.email
        shown = self.who(site, person.id, *keys)
        if shown is None:
            return person
        if shown == WITHHELD:
            return None
        return replace(person, id=shown, sync_key=shown, username=shown, email=None, name=LEFT_OUT)

    def plan(self, plan: Plan) -> Plan:
        """Hide people in a plan, which is for reading only from then on."""
        if not self.active:
            return plan
        site = plan.site
        self.meet(site, (*plan.actions, *plan.unmanaged))
        shown = {old: self.who(site, old, key) for old, key in plan.people.items()}
        people = {old: now or old for old, now in shown.items()}
        keys = {now or old: now or plan.people[old] for old, now in shown.items()}
        actions = tuple(self.action(site, each) for each in plan.actions)
        # They count learners: one count more than the others tell of is where somebody is at home.
        told = not any(_withholds(each.address) for each in actions)
        return replace(
            plan,
            redacted=True,
            actions=actions,
            schools=plan.schools if told else (),
            unmanaged=tuple(self._unmanaged(site, each) for each in plan.unmanaged),
            upcoming=tuple(self._named(site, each) for each in plan.upcoming),
            accepted=tuple(self._deviation(site, each) for each in plan.accepted),
            moved=tuple(self._moved(site, each) for each in plan.moved),
            warnings=self.diagnostics(plan.warnings),
            policies=tuple(self._policy(site, each) for each in plan.policies),
            verdicts=tuple(self.verdict(site, each) for each in plan.verdicts),
            access=tuple(
                sorted(
                    (
                        replace(
                            each,
                            person=people[each.person],
                            gained=tuple(sorted(people[learner] for learner in each.gained)),
                            lost=tuple(sorted(people[learner] for learner in each.lost)),
                        )
                        for each in plan.access
                    ),
                    key=lambda each: each.person,
                )
            ),
            people=dict(sorted(keys.items())),
        )

    def saved(self, plan: Plan) -> Plan:
        """Return a plan as it may be saved: to apply it, or with a key for reading only.

        Without a key it keeps the ids of those who are withheld, as no run could apply it else.
        """
        return plan if self.key is None else self.plan(plan)

    def meet(self, site: str, items: Iterable[Action | Unmanaged]) -> None:
        """Learn which ids belong to which keys: one of the two may be all that is withheld.

        And who has a learner who is withheld: a holder's school could be that of the learner.
        """
        for item in items:
            address, _ = self.address(site, item.address, item.name)
            if _withholds(address):
                self._unplaced.add(Address.holder(*item.address.parts[:2]))

    def action(self, site: str, action: Action) -> Action:
        """Hide people in an action, of whom all have been met."""
        if not self.active:
            return action
        address, name = self.address(site, action.address, action.name)
        grant = action.grant
        return replace(
            action,
            address=address,
            name=name,
            requires=tuple(self.address(site, each, each)[0] for each in action.requires),
            grant=replace(grant, reason=self.free_text(grant.reason)) if grant else None,
            school=self._school(action, address),
        )

    def verdict(self, site: str, verdict: Verdict) -> Verdict:
        """Hide people in a verdict, whose message names nobody."""
        return replace(
            verdict,
            found=tuple(self._found(site, each) for each in verdict.found),
            digest=None,  # ids could be guessed from it
            override=self.free_text(verdict.override),
        )

    def drift(self, report: DriftReport) -> DriftReport:
        """Hide people in a drift report, and who in the console made what drifted."""
        if not self.active:
            return report
        from reconciler.plan.model import Action  # noqa: PLC0415 - see the imports above

        site = report.plan.site
        self.meet(site, (*(each.item for each in report.drifted), *report.held_back))
        return replace(
            report,
            plan=self.plan(report.plan),
            drifted=tuple(
                replace(
                    each,
                    item=self.action(site, each.item)
                    if isinstance(each.item, Action)
                    else self._unmanaged(site, each.item),
                    event=self._event(site, each.event),
                )
                for each in report.drifted
            ),
            pending=tuple(self.action(site, each) for each in report.pending),
            held_back=tuple(self.action(site, each) for each in report.held_back),
            ending=tuple(self._named(site, each) for each in report.ending),
        )

    def result(self, result: ApplyResult) -> ApplyResult:
        """Hide people in what became of a plan."""
        if not self.active:
            return result
        self.meet(result.site, (each.action for each in result.outcomes))
        return replace(
            result,
            outcomes=tuple(
                replace(
                    each,
                    action=self.action(result.site, each.action),
                    detail=self.text(each.detail),
                )
                for each in result.outcomes
            ),
            note=self.text(result.note),
            verdicts=tuple(self.verdict(result.site, each) for each in result.verdicts),
            warnings=self.diagnostics(result.warnings),
        )

    def review(self, review: Review) -> Review:
        """Hide people in a review."""
        if not self.active:
            return review
        findings = (
            replace(each, found=self._found(review.site, each.found)) for each in review.findings
        )
        return replace(
            review,
            findings=tuple(sorted(findings, key=_place)),
            warnings=self.diagnostics(review.warnings),
        )

    def names(self, site: str, names: Mapping[str, str]) -> dict[str, str]:
        """Hide people in keys that are looked up by id."""
        return {person: self.who(site, person, key) or key for person, key in names.items()}

    def actor(self, site: str, actor: str) -> str:
        """Return what stands for somebody who works with the program or the site."""
        if actor in self.withheld:
            return WITHHELD
        return self.text(actor) if self.key is None else pseudonym(self.key, site, actor_id(actor))

    def owner(self, site: str, owner: str) -> str:
        """Return what stands for who answers for something: a person of the site, or anybody."""
        known = self.text(owner)
        return known if known != owner else self.actor(site, owner)

    def error(self, error: ReconcilerError) -> ReconcilerError:
        """Hide people in an error, which notes whom it names."""
        if not self.active:
            return error
        if isinstance(error, InvalidInput):
            hidden = InvalidInput(self.diagnostics(error.diagnostics))
            hidden.args = error.args  # which count what there is
            hidden.naming_nobody()
            return hidden
        for person, key in error.people:
            self.who(error.site, person, key)
        error.diagnostics = self.diagnostics(error.diagnostics)
        error.args = tuple(
            self.text(each) if isinstance(each, str) else each for each in error.args
        )
        if error.diagnostics and self.key:
            # Its own lines may quote somebody whom no site was asked about yet.
            told = (f"  {each.code}: {each.message}" for each in error.diagnostics)
            error.args = ("\n".join([str(error).partition("\n")[0], *told]),)
        suggests = error.advice is not None and error.advice.startswith(SUGGESTION)
        if error.advice is not None:
            # A suggestion names somebody who is near, and whom nobody has met.
            error.advice = None if suggests and self.key else self.text(error.advice)
        return error

    def _event(self, site: str, event: Event | None) -> Event | None:
        if event is None or event.by_client:
            return event
        return replace(event, actor=self.actor(site, event.actor))

    def _named(self, site: str, item: _Named) -> _Named:
        address, name = self.address(site, item.address, item.name)
        return replace(item, address=address, name=name)

    def _unmanaged(self, site: str, item: Unmanaged) -> Unmanaged:
        hidden = self._named(site, item)
        return replace(hidden, school=self._school(item, hidden.address))

    def _school(self, item: Action | Unmanaged, hidden: Address) -> str | None:
        """Hide a school where it would tell in which one a learner is at home who is withheld."""
        return None if _withholds(hidden) or item.address in self._unplaced else item.school

    def _deviation(self, site: str, item: Deviation) -> Deviation:
        hidden = self._named(site, item)
        owner = self.owner(site, item.owner)
        return replace(hidden, owner=owner, reason=self.free_text(item.reason) or "")

    def _moved(self, site: str, item: Moved) -> Moved:
        to, to_name = self.address(site, item.to, item.to_name)
        return replace(self._named(site, item), to=to, to_name=to_name)

    def _policy(self, site: str, policy: InForce) -> InForce:
        if policy.rule is not PolicyKey.PROTECTED or not isinstance(policy.value, Mapping):
            return policy
        people = tuple(
            sorted(self.who(site, each) or each for each in policy.value.get("people", ()))
        )
        return replace(policy, value={**policy.value, "people": people})

    def _pair(self, site: str, person: str, key: str) -> tuple[str, str]:
        shown = self.who(site, person, key)
        return (shown, shown) if shown else (person, key)

    def _found(self, site: str, found: Found) -> Found:
        from reconciler.policy.model import FoundKind  # noqa: PLC0415 - as above

        match found.kind:
            case FoundKind.PERSON:
                who, key = self._pair(site, found.id, found.key)
                learner = found.learner and self._pair(site, *found.learner)
                return replace(found, id=who, key=key, learner=learner)
            case FoundKind.ADDRESS:
                address, name = self.address(
                    site, Address.parse(found.id), Address.parse(found.key)
                )
                return replace(found, id=str(address), key=str(name))
            case _:
                return found


def _withholds(hidden: Address) -> bool:
    """Whether an address is that of an assignment to a learner who is withheld."""
    return hidden.names_learner and hidden.parts[3] == WITHHELD


def _place(finding: Finding) -> tuple[int, str, str]:
    """Order findings by check, day and what they show, and not by what they hide."""
    from reconciler.review import Check  # noqa: PLC0415 - as above

    day = finding.day.isoformat() if finding.day else ""
    return list(Check).index(finding.check), day, finding.found.key
