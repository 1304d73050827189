"""A part of a plan as text for who takes or leaves it, in the words of the plan's own text."""

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.text import Text

from reconciler.domain.address import Address
from reconciler.plain import count
from reconciler.plan.model import Action
from reconciler.plan.parts import About, Offer, Part
from reconciler.reports.printing import indented, one_line
from reconciler.reports.summary import Lists
from reconciler.reports.text import actions_text

_TITLES: Mapping[About, str] = {
    About.SETTINGS: "settings",
    About.ELSEWHERE: "in no school",
    About.DISABLED: "roles that go off profiles",
}


def offer_text(
    offer: Offer, shown: Mapping[Address, Action], *, full: bool = False
) -> Iterator[RenderableType]:
    """Render what is to be decided of a part.

    Args:
        offer: the part, and what goes with it.
        shown: per address its action, as it may be shown.
        full: whether a list is told that is too long to be read.
    """
    lists = Lists(full=full)
    yield Text()
    yield one_line(f"{offer.number} of {offer.total}: {_title(offer.part, shown)}", "bold reverse")
    yield from actions_text([shown[each.address] for each in offer.own], lists)
    if offer.decided:
        yield Text()
        already = count(offer.decided, "change is", "changes are")
        them = "it" if offer.decided == 1 else "them"
        yield indented(f"{already} taken already, as others must wait for {them}.", "dim")
    for words, others in (
        ("Taken along, as it must come first:", offer.along),
        ("Left, as it must wait for what was left:", offer.held),
    ):
        if others:
            yield from (Text(), one_line(words, "yellow"))
            yield from actions_text([shown[each.address] for each in others], lists)
    hint = lists.hint()
    if hint:
        yield from (Text(), one_line(hint, "yellow"))


def _title(part: Part, shown: Mapping[Address, Action]) -> str:
    """Name what a part is about; a person as their actions may name them."""
    if part.about is About.PERSON:
        return shown[part.actions[0].address].name.parts[1]
    return _TITLES.get(part.about, part.name)
