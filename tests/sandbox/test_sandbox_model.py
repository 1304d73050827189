"""API and console are driven at random beside a model of the platform's rules.

After each step what can be seen is compared with it: the collections and their ETags, the revision,
the events, and the site as a person sees it. That also with the client's own rules.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import platform_model as platform
import pytest
import requests
from browsers import Browser
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from platform_model import Answer, Change, Model, join

from reconciler.access.effective import Learners, in_effect
from reconciler.access.menu import explain
from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.directory import Directory
from reconciler.providers.rest.reader import RestReader

CLIENTS = {"main": "reconciler", "other": "other"}
ENTRY = re.compile(r'<li class="entry" data-entry="(\w+)">.*?<bdi>(.*?)</bdi>(.*?)</li>')
LEARNERS_AS = '<section aria-labelledby="learners-{}">(.*?)</section>'
KEY = re.compile(r"<small>k-(\w+)</small>")
MUTABLE = ("profiles", "labels", "holders", "assignments")

clients = st.sampled_from([*CLIENTS])
roles = st.sampled_from(platform.ROLES)
people = st.sampled_from([*platform.PEOPLE, "nobody"])
targets = st.sampled_from([*platform.UNITS, *platform.PEOPLE, "nothing"])
texts = st.sampled_from(["Mine", "Йо 🎓", "<b>&amp;", "x" * 64, "x" * 65, " x", "", None])
fits = st.one_of(
    *(
        st.tuples(st.just(role), st.sampled_from([*platform.PEOPLE]), st.just(kind), target)
        for role, kind, target in (
            ("mentor", "class", st.sampled_from(["c1", "c/2"])),
            ("mentor", "group", st.sampled_from(["g1", "g2"])),
            ("mentor", "learner", st.sampled_from(["l1", "l2", "l3", "l4"])),
            ("headteacher", "school", st.sampled_from(["s1", "s2"])),
            ("headteacher", "organisation", st.sampled_from(["top", "area"])),
        )
    )
)
any_kind = st.sampled_from(["learner", "class", "group", "school", "organisation"])
assignments = fits | st.tuples(roles, people, any_kind, targets)
profile_roles = st.tuples(st.just("profile"), st.sampled_from([*platform.PROFILES, "p9"]), roles)
labels = st.tuples(st.just("label"), roles, st.sampled_from(platform.FIELDS))
present = st.one_of(
    st.none(), st.none(), st.booleans().map(lambda on: {"present": on}), st.just({"value": None})
)
keys = st.none() | st.integers(0, 3).map("key-{}".format)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """A change of anything; most fit, some do not."""
    parts = draw(profile_roles | st.tuples(roles, people) | assignments | assignments | labels)
    if parts[0] == "label":
        expect = draw(st.none() | texts.map(lambda text: {"value": text}) | present)
        return join(*parts), "change", draw(texts), expect
    return join(*parts), draw(st.sampled_from(["add", "add", "remove"])), None, draw(present)


class Platform(RuleBasedStateMachine):
    """The API and the console of one sandbox, beside the model."""

    running: ClassVar[Any]
    reader: ClassVar[RestReader]
    browser: ClassVar[Browser]
    csrf: ClassVar[str]
    numbers: ClassVar[Iterator[int]] = count()

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.numbers)
        self._begin_again()
        self.model = Model(self.running.revision())
        self.etags = {name: self._etag(name) for name in MUTABLE}
        self.compared = 0

    def _begin_again(self) -> None:
        """Take the site back to where the model begins, in the order that the rules ask for."""
        roles, profiles = platform.ROLES, platform.PROFILES
        state = self.reader.fetch()
        self._make("remove", as_text(state.assignments) - platform.ASSIGNMENTS)
        self._make("remove", as_text(state.holders) - platform.HOLDERS)
        every = {("profile", profile, role) for profile in profiles for role in roles}
        enabled = {each for each in every if each[2] in profiles[each[1]]}
        self._make("remove", every - enabled)
        self._make("add", enabled)
        self._make("add", platform.HOLDERS)
        self._make("add", platform.ASSIGNMENTS)
        self._make("change", [("label", role, each) for role in roles for each in platform.FIELDS])
        self._form("/ilp", enabled="on", published_templates="1")

    def _make(self, verb: str, addresses: Iterable[tuple[str, ...]]) -> None:
        if addresses:
            asked = [(None, (join(*each), verb, None, None)) for each in addresses]
            assert all(each["status"] < 300 for each in self._batch("main", [*asked]))

    def _change(self, data: st.DataObject) -> Change:
        """Draw a change: mostly one that takes effect, of each kind as often."""
        if data.draw(st.integers(0, 3)):
            kinds = sorted(self.model.open_changes().items())
            more = [each for each in kinds if each[0].endswith("add")]
            return data.draw(st.sampled_from(data.draw(st.sampled_from(kinds + more))[1]))
        return data.draw(changes())

    @rule(client=clients, key=keys, data=st.data(), condition=st.integers(0, 9))
    def write(self, client: str, key: str | None, data: st.DataObject, condition: int) -> None:
        """One write by PUT, DELETE or PATCH; now and then at another revision than the site's."""
        address, verb, value, _ = self._change(data)
        change = (address, verb, value, None)
        headers = {"Idempotency-Key": self._key(key)} if key else {}
        if condition < 2:
            headers["If-Match"] = f'"{self.model.revision - condition}"'
        path, body = call_of(address, value)
        method = {"add": "PUT", "remove": "DELETE", "change": "PATCH"}[verb]
        found = self.running.call(method, path, client=client, headers=headers, json=body)
        replayed = key and (CLIENTS[client], self._key(key)) in self.model.answered
        if condition == 1 and not replayed:
            assert found.json()["code"] == "precondition_failed"
            return
        answer = self.model.ask(CLIENTS[client], self._key(key), change)
        assert found.status_code == answer.status, (change, found.text)
        if answer.code is not None:
            assert found.json()["code"] == answer.code
        elif verb == "add":
            told = {"changed": answer.changed, "revision": answer.revision}
            assert found.json() == {"address": address, **told}

    @rule(client=clients, chosen=st.lists(keys, min_size=1, max_size=6), data=st.data())
    def batch(self, client: str, chosen: list[str | None], data: st.DataObject) -> None:
        """Several changes, each with a key; some are repeated, and some keys used for another."""
        before = [
            (key, was)
            for (who, key), (was, _) in self.model.answered.items()
            if who == CLIENTS[client]
        ]
        keyed = [
            data.draw(st.sampled_from(before))
            if before and key == "key-0"
            else (self._key(key) or f"once-{next(self.numbers)}", self._change(data))
            for key in chosen
        ]
        results = self._batch(client, keyed)
        for (key, change), result in zip(keyed, results, strict=True):
            answer = self.model.ask(CLIENTS[client], key, change)
            told = Answer(
                result["status"],
                result.get("problem", {}).get("code"),
                result["changed"],
                result["revision"] if "problem" not in result else answer.revision,
            )
            assert told == answer, change

    @rule(data=st.data(), page=st.sampled_from(["/mentor", "/profiles", "/events"]))
    def post(self, data: st.DataObject, page: str) -> None:
        """A form of the console, which has no keys and expects nothing."""
        change = address, verb, value, _ = self._change(data)
        parts = platform.split(address)
        if parts[0] == "label":
            # White space around it is not meant, and nothing is the platform's default.
            value = (value or "").strip() or None
            form = {"role": parts[1], parts[2]: value or ""}
            found = self._form("/labels", page=f"/console{page}", **form)
        else:
            path, names = FORMS[parts[0] if parts[0] == "profile" else len(parts)]
            of = parts[1:] if parts[0] == "profile" else parts
            form = dict(zip(names, of, strict=True))
            found = self._form(f"{path}/{verb}", page=f"/console{page}", **form)
        answer = self.model.make("admin", "console", (address, verb, value, None))
        if answer.code is None:
            assert (found.status_code, found.headers["Location"]) == (303, f"/console{page}"), (
                change
            )
        else:
            assert found.status_code == answer.status, change
            assert 'role="alert"' in found.text

    @rule(enabled=st.booleans(), templates=st.sampled_from(["0", "1", "3", "-1", "many"]))
    def publish(self, enabled: bool, templates: str) -> None:
        """Switch individual learning plans, and count their templates."""
        form = {"enabled": "on"} if enabled else {}
        found = self._form("/ilp", published_templates=templates, **form)
        if not templates.isdigit():
            assert found.status_code == 422
            return
        assert found.status_code == 303
        wanted = (enabled, int(templates))
        self.model.revision += wanted != self.model.ilp
        self.model.ilp = wanted

    @invariant()
    def everything_agrees(self) -> None:
        model = self.model
        if model.revision == self.compared:
            assert self.running.revision() == model.revision
            self._check_etag(MUTABLE[next(self.numbers) % len(MUTABLE)])
            return
        self.compared = model.revision
        state = self.reader.fetch()
        assert state.site.revision == model.revision
        assert (state.site.ilp_enabled, state.site.ilp_published_templates) == model.ilp
        assert {each.id: sorted(each.roles) for each in state.profiles} == model.profiles
        for each in state.labels:
            told = (each.tool_name, each.role_name)
            assert told == tuple(model.labels[each.role, name] for name in platform.FIELDS)
        assert as_text(state.holders) == model.holders
        assert as_text(state.assignments) == model.assignments
        for name in model.touched | {MUTABLE[model.revision % len(MUTABLE)]}:
            self._check_etag(name)
        model.touched.clear()
        self._check_events()
        directory = Directory(state)
        for person in self._looked_at():
            self._check_sight(directory, person)

    def _looked_at(self) -> set[str]:
        """Somebody in turn, and whom the last write was about."""
        everybody = [*platform.PEOPLE]
        last = platform.split(self.model.events[-1][3]) if self.model.events else ()
        return {everybody[self.model.revision % len(everybody)], *last} & {*everybody}

    def _check_etag(self, name: str) -> None:
        etag = self._etag(name, self.etags[name])
        assert (etag != self.etags[name]) == (name in self.model.touched), name
        self.etags[name] = etag

    def _etag(self, name: str, before: str = "") -> str:
        answer = self.running.get(name, headers={"If-None-Match": before} if before else {})
        etag: str = answer.headers["ETag"]
        assert answer.status_code == (304 if etag == before else 200)
        return etag

    def _check_events(self) -> None:
        if self.model.events:
            since = self.model.events[0][4] - 1
            items = self.running.get(f"events?after={since}&limit=1000").json()["items"]
            names = ("actor", "actor_kind", "verb", "address", "revision")
            assert [tuple(each[name] for name in names) for each in items] == self.model.events

    def _check_sight(self, directory: Directory, person: str) -> None:
        model, today = self.model, platform.TODAY
        page = self.browser.get(f"/people/seen?person={quote(person, safe='')}").text
        entry, shown = model.entry(person), model.shown(person)
        found = ENTRY.search(page)
        assert (found and (found[1], unescape(found[2]))) == entry
        ours = [(str(each.entry), each.label) for each in explain(directory, person, today).menu]
        assert ours == ([entry] if entry else [])
        plans = found is not None and "Individual learning plans" in found[3]
        assert plans == (entry is not None and model.ilp[0] and model.ilp[1] > 0)
        under = Learners(directory, today)
        works = in_effect(directory, directory.state)
        for role in platform.ROLES:
            section = re.search(LEARNERS_AS.format(role), page, re.DOTALL)
            assert (section is not None) == (role in shown)
            if section is not None:
                named = set(KEY.findall(section[1]))
                assert named == model.learners(role, person)
                own = [each for each in works if (str(each.role), each.person) == (role, person)]
                assert named == {learner for each in own for learner in under.of(each)}

    def _key(self, key: str | None) -> str | None:
        return f"{key}-{self.number}" if key else None

    def _batch(self, client: str, asked: list[tuple[str | None, Change]]) -> list[dict[str, Any]]:
        items = []
        for number, (key, (address, verb, value, expect)) in enumerate(asked):
            item = {"id": str(number), "idempotency_key": key or f"once-{next(self.numbers)}"}
            item |= {"address": address, "verb": verb}
            item |= {"value": value} if verb == "change" else {}
            items.append(item | ({"expect": expect} if expect else {}))
        answer = self.running.call("POST", "changes", client=client, json={"changes": items})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        assert [each["id"] for each in results] == [item["id"] for item in items]
        return results

    def _form(self, path: str, **form: str) -> requests.Response:
        sent = {"csrf": self.csrf, **form}
        url = self.browser.url + path
        return self.browser.session.post(url, data=sent, timeout=10, allow_redirects=False)


FORMS: dict[object, tuple[str, tuple[str, ...]]] = {
    "profile": ("/profiles", ("profile", "role")),
    2: ("/holders", ("role", "person")),
    4: ("/assignments", ("role", "person", "kind", "target")),
}


def as_text(values: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {tuple(map(str, each)) for each in values}


def call_of(address: str, value: str | None) -> tuple[str, dict[str, Any] | None]:
    """The path that a single write of an address has, and its body."""
    parts = address.split("/")
    if parts[0] == "profile":
        return f"profiles/{parts[1]}/roles/{parts[2]}", None
    if parts[0] == "label":
        return f"labels/{parts[1]}", {parts[2]: value}
    return f"{'holders' if len(parts) == 2 else 'assignments'}/{address}", None


@pytest.fixture
def machine(start: Callable[..., Any], tmp_path: Path) -> Iterator[type[Platform]]:
    running = start("--seed", str(platform.seed(tmp_path)))
    connection = Connection(running.url, running.ready["token_url"], token=Secret(running.token()))
    with RestReader(connection) as reader:
        browser = Browser(running)
        given = {"running": running, "reader": reader, "browser": browser, "csrf": browser.csrf()}
        yield type("Driven", (Platform,), given)


def drive(machine: type[Platform], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # To make a failure smaller takes minutes here; its steps are printed as they were.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_api_and_console_keep_the_platform_s_rules(machine: type[Platform]):
    drive(machine, 10, 20)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_api_and_console_keep_the_platform_s_rules_for_long(machine: type[Platform]):
    drive(machine, 500, 50)
