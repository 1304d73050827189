"""Resolves a manifest's references against a site: every key to one id, or a diagnostic."""

from collections.abc import Mapping

from reconciler.diagnostics import Diagnostic, Position
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import TargetKind
from reconciler.manifest.model import Item
from reconciler.manifest.naming import Reference
from reconciler.suggest import did_you_mean


class References:
    """Turns references into ids; what cannot be resolved is added to `found`."""

    def __init__(self, directory: Directory, keys: Keys) -> None:
        self.found: list[Diagnostic] = []
        self._directory = directory
        self._keys = keys
        self._suggestions_left = 20  # looking for near misses costs a pass over every key

    def report(
        self, code: str, message: str, position: Position, advice: str | None = None
    ) -> None:
        """Add a diagnostic."""
        self.found.append(Diagnostic(code, message, position, advice))

    def site(self, wanted: Reference, what: str = "manifest") -> None:
        """Report a file that is meant for another site."""
        site = self._directory.state.site
        if site.id != wanted.key:
            self.report(
                "RR201",
                f"the {what} is for the site {wanted.key}, but this is {site.id}.",
                wanted.position,
                f"Check the environment, or the {what}'s site.",
            )

    def only_elsewhere(self) -> tuple[Diagnostic, ...]:
        """Return what was found; what another site lacks is no mistake, so then only that."""
        elsewhere = [each for each in self.found if each.code == "RR201"]
        return tuple(elsewhere or self.found)

    def address(self, reference: Reference) -> Address | None:
        """Turn an address that people read into the one in ids; None where nothing has it."""
        named = Address.parse(reference.key)
        match named.kind, named.parts:
            case AddressKind.LABEL, _:
                return named
            case AddressKind.PROFILE, (profile, role):
                found = self._keys.find_profiles(profile)
                return Address.profile(found[0], role) if len(found) == 1 else None
            case AddressKind.HOLDER, (role, person):
                people = self._keys.find_named_people(person)
                return Address.holder(role, people[0]) if len(people) == 1 else None
            case _, (role, person, kind, target):
                people = self._keys.find_named_people(person)
                learner = kind == TargetKind.LEARNER
                find = self._keys.find_named_people if learner else self._keys.find_units
                targets = find(target)
                if len(people) == len(targets) == 1:
                    return Address.assignment(role, people[0], kind, targets[0])
        return None

    def target(self, item: Item, *, quiet: bool) -> str | None:
        """Resolve an item's target; `quiet` for what is over: those it named may have left."""
        if item.kind is TargetKind.LEARNER:
            return self.person(item.target, quiet=quiet)
        unit = self.unit(item.target, quiet=quiet)
        if unit is None:
            return None
        kind = self._directory.units[unit].kind
        if kind.value != item.kind.value:
            if not quiet:
                self.report(
                    "RR206",
                    f"{item.target.key} is of the kind {kind}, not {item.kind}.",
                    item.target.position,
                    _KIND_ADVICE[kind.value],
                )
            return None
        return unit

    def person(self, reference: Reference, *, quiet: bool = False) -> str | None:
        """Resolve a person; unless `quiet`, report one that is unknown or ambiguous."""
        one = self._keys.one_person.get(reference.key)
        if one is not None:
            return one
        ids = self._keys.find_people(reference.key)
        noun = f"person with the {self._keys.people_by} {reference.key}"
        known = self._keys.people_by_key
        return self._only(ids, reference, "RR202", noun, None if quiet else known)

    def unit(self, reference: Reference, *, quiet: bool = False) -> str | None:
        """Resolve a unit; unless `quiet`, report one that is unknown or ambiguous."""
        ids = self._keys.find_units(reference.key)
        noun = f"unit with the {self._keys.units_by} {reference.key}"
        known = self._keys.units_by_key
        return self._only(ids, reference, "RR203", noun, None if quiet else known)

    def profile(self, reference: Reference) -> str | None:
        """Resolve a profile by id or name; report one that is unknown or ambiguous."""
        ids = self._keys.find_profiles(reference.key)
        noun = f"profile called {reference.key}"
        return self._only(ids, reference, "RR204", noun, self._keys.profiles_by_name)

    def _only(
        self,
        ids: list[str],
        reference: Reference,
        code: str,
        noun: str,
        known: Mapping[str, list[str]] | None,
    ) -> str | None:
        """Return the one id of a key, or None and a diagnostic (no `known`, no diagnostic)."""
        if len(ids) == 1:
            return ids[0]
        if known is None:
            return None
        if ids:
            self.report(
                "RR205",
                f"{len(ids)} on the site match the {noun}.",
                reference.position,
                "Name them by id, or give them keys of their own.",
            )
        else:
            advice = self._near(reference, known) or _ADVICE[code]
            self.report(code, f"the site has no {noun}.", reference.position, advice)
        return None

    def _near(self, reference: Reference, known: Mapping[str, list[str]]) -> str | None:
        if not self._suggestions_left:
            return None
        self._suggestions_left -= 1
        return did_you_mean(reference.key, known)


_ADVICE = {
    "RR202": "Check the key, and what settings.people says keys of people are.",
    "RR203": "Check the key, and what settings.units says keys of units are.",
    "RR204": "Check its name on the site; renaming a profile changes it.",
}

_KIND_ADVICE = {
    "class": "List it under classes of a mentor.",
    "group": "List it under groups of a mentor.",
    "school": "A school belongs under schools of a headteacher; a mentor takes its classes.",
    "organisation": "An organisation belongs under organisations of a headteacher.",
}
