"""What tells one job from every other, wherever something is kept or told of its runs."""

import hashlib
from dataclasses import dataclass

_SHORTENED = 8


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs again and again for the same site or fleet.

    Attributes:
        command: what is run: `drift`, or `fleet drift`.
        site: what the site is called where it was asked for; empty for a fleet.
        address: where the site is, or the fleet's file. It may be private, and is kept as a digest.
    """

    command: str
    site: str
    address: str

    @property
    def target(self) -> str:
        """The address as a digest: what has the same name elsewhere is another job."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:_SHORTENED]

    @property
    def parts(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return self.command, self.site, self.target
