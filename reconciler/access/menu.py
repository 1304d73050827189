"""What a person's menu shows, and why (design, section 2, "Menu rule").

A person sees a role's entry when the role is enabled on their profile, they have been added, and
something is linked to them: for a mentor at least one learner, for a headteacher at least one
school or organisation. Who has both sees one entry only, Supervisor, under the headteacher's tool
name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reconciler.access.effective import Learners
from reconciler.directory import Directory
from reconciler.domain.vocabulary import DEFAULT_LABELS, LabelField, Role
from reconciler.state import Assignment, Holder


class Entry(StrEnum):
    """The entries that the menu rule can show."""

    MENTOR = "mentor"
    HEADTEACHER = "headteacher"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry, and the text that the site shows for it."""

    entry: Entry
    label: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition behind the menu: met or not, and if not, what to do."""

    code: str
    met: bool
    text: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A person's menu and every condition behind it."""

    person: str
    menu: tuple[MenuEntry, ...]
    conditions: tuple[Condition, ...]


def explain(directory: Directory, person: str, day: date) -> Explanation:
    """Explain the menu of a person (by id) on a day."""
    learners = Learners(directory, day)
    per_role = {role: _role_conditions(directory, learners, role, person) for role in Role}
    active = _condition(
        "account.active",
        "the account is active",
        "Activate the account in the student information system or the admin pages.",
        met=directory.people[person].active,
    )
    shown = [role for role, conditions in per_role.items() if active.met and _all_met(conditions)]
    conditions = [active]
    for found in per_role.values():
        conditions.extend(found)
    conditions.extend(_ilp_conditions(directory))
    return Explanation(person, _menu(directory, shown), tuple(conditions))


def _menu(directory: Directory, shown: list[Role]) -> tuple[MenuEntry, ...]:
    if not shown:
        return ()
    if len(shown) == len(Role):
        return (MenuEntry(Entry.SUPERVISOR, tool_name(directory, Role.HEADTEACHER)),)
    return (MenuEntry(Entry(shown[0].value), tool_name(directory, shown[0])),)


def tool_name(directory: Directory, role: Role) -> str:
    """Return the menu text of a role: the site's own, else the platform's default."""
    for labels in directory.state.labels:
        if labels.role is role:
            return labels.value(LabelField.TOOL_NAME) or DEFAULT_LABELS[role]
    return DEFAULT_LABELS[role]


def _role_conditions(
    directory: Directory, learners: Learners, role: Role, person: str
) -> list[Condition]:
    profile = directory.profiles[directory.people[person].profile].name
    own = [
        found
        for found in directory.state.assignments
        if found.role is role and found.person == person
    ]
    code, text, remedy, linked = _LINKED[role]
    return [
        _condition(
            f"{role}.profile",
            f"the {role} role is enabled on the profile {profile}",
            f"Check that this is the person meant; if so, {profile} must stand under "
            f"roles.{role}.profiles in the manifest, or be given the role in the admin pages. "
            f"That concerns everybody with the profile {profile}.",
            met=directory.has_role(role, person),
        ),
        _condition(
            f"{role}.added",
            f"the person has been added as {role}",
            f"Add an entry for the person under {role}s in the manifest, "
            f"or add them on the {role} page.",
            met=Holder(role, person) in directory.state.holders,
        ),
        _condition(f"{role}.{code}", text, remedy, met=linked(learners, own)),
    ]


_Linked = Callable[[Learners, Iterable[Assignment]], bool]

_LINKED: dict[Role, tuple[str, str, str, _Linked]] = {
    Role.MENTOR: (
        "learners",
        "at least one learner is linked to the person",
        "Assign a class or group with learners, or learners, in the person's entry.",
        lambda learners, own: any(learners.of(found) for found in own),
    ),
    Role.HEADTEACHER: (
        "units",
        "at least one school or organisation is assigned to the person",
        "Assign a school or an organisation in the person's entry.",
        lambda _learners, own: any(True for _ in own),
    ),
}


def _ilp_conditions(directory: Directory) -> list[Condition]:
    site = directory.state.site
    return [
        _condition(
            "ilp.enabled",
            "individual learning plans (ILPs) are switched on for the site",
            "Ask the platform's administrator to switch ILPs on; the menu entry does not need it.",
            met=site.ilp_enabled,
        ),
        _condition(
            "ilp.template",
            "at least one ILP template is published",
            "Publish an ILP template in the admin pages; the menu entry does not need it.",
            met=site.ilp_published_templates > 0,
        ),
    ]


def _condition(code: str, text: str, remedy: str, *, met: bool) -> Condition:
    return Condition(code, met, text, None if met else remedy)


def _all_met(conditions: Iterable[Condition]) -> bool:
    return all(condition.met for condition in conditions)
