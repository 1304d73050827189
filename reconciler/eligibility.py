"""Whether those who are to hold a role can use it: an active account, the role on their profile.

Pure. What is wrong with many people for one reason, at one place, is told once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from reconciler.cause import Cause
from reconciler.diagnostics import Position
from reconciler.directory import Directory
from reconciler.domain.address import Address
from reconciler.domain.assignments import Holder
from reconciler.domain.vocabulary import Role
from reconciler.manifest.naming import Reference
from reconciler.plain import count, first_of
from reconciler.references import References
from reconciler.state import Profile

_NAMED: Final = 12


class _Lack(NamedTuple):
    """What somebody lacks, and where they were declared or found."""

    code: str
    position: Position
    role: Role
    profile: Profile
    learner: bool


class Eligibility:
    """Checks holders one by one, and tells what they lack once all have been seen.

    Args:
        directory: the site.
        refs: what is found is reported there.
        profiles: per listed role the profiles that are to have it, as the manifest says.
        accepted: addresses of deviations that stay as they are.
        whole_site: whether the manifest speaks for the whole site, and so for its profiles.
    """

    def __init__(
        self,
        directory: Directory,
        refs: References,
        profiles: Mapping[Role, tuple[frozenset[str], Cause]],
        accepted: Collection[Address],
        *,
        whole_site: bool,
    ) -> None:
        self._directory = directory
        self._refs = refs
        self._profiles = profiles
        self._accepted = accepted
        self._whole_site = whole_site
        self._lacking: defaultdict[_Lack, list[str]] = defaultdict(list)

    def check(self, holder: Holder, reference: Reference) -> None:
        """Look at one who is to hold a role; the reference is by which key, and where."""
        person = self._directory.people[holder.person]
        profile = self._directory.profiles[person.profile]
        enabled = self._is_enabled(holder.role, profile)
        if enabled and person.active:
            return
        learner = holder.person in self._directory.learner_memberships

        def lacks(code: str) -> None:
            lack = _Lack(code, reference.position, holder.role, profile, learner)
            self._lacking[lack].append(reference.key)

        if not person.active:
            lacks("RR212")
        if not enabled:
            lacks("RR211" if holder in self._directory.state.holders else "RR210")

    def _is_enabled(self, role: Role, profile: Profile) -> bool:
        live = role in profile.roles
        if role not in self._profiles:
            return live
        if profile.id in self._profiles[role][0]:
            return True
        return live and Address.profile(profile.id, role) in self._accepted

    def tell(self) -> None:
        """Report what was found."""
        for lack, keys in self._lacking.items():
            only = keys[0] if len(keys) == 1 else None
            who = only or count(len(keys), "person", "people")
            named = "" if only else f": {first_of(sorted(keys), _NAMED)}"
            message = f"{_message(lack, who)}{named}."
            self._refs.report(lack.code, message, lack.position, self._advice(lack, only))

    def _advice(self, lack: _Lack, only: str | None) -> str:
        if lack.code == "RR212":
            return "The assignments are kept, but nobody can use them until it is active again."
        meant = f"Check that {f'{only} is the person' if only else 'they are the people'} meant"
        if lack.learner:
            # Nobody is to be led to give every learner the role by adding their profile.
            return f"{meant}, and by which key: on the site, {only or 'each'} is a learner."
        where = "" if self._whole_site else " of the manifest for the whole site"
        under = f"roles.{lack.role}.profiles{where}"
        return f"{meant}; if so, {lack.profile.name} must stand under {under}."


def _message(lack: _Lack, who: str) -> str:
    if lack.code == "RR212":
        return f"the account of {who} is inactive"
    effect = ", so their assignments have no effect" if lack.code == "RR211" else ""
    lacking = f"{lack.profile.name}, does not have the {lack.role} role"
    return f"the profile of {who}, {lacking}{effect}"
