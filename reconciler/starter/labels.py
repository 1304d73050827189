"""What the two roles are usually called, language by language: what `init --labels` offers.

The words for who leads a school are those of the school acts (Norwegian opplæringslova, Swedish
skollagen, Danish folkeskoleloven, Bavarian BayEUG, Finnish perusopetuslaki). Those for who follows
a class are of the acts where these have one (Norwegian, Danish), and of usage elsewhere.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Preset(NamedTuple):
    """The labels of both roles: the entry in the menu, and the relation on a profile card."""

    mentor_tool: str
    mentor: str
    headteacher_tool: str
    headteacher: str


LABELS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "da": Preset("Mine elever", "Klasselærer", "Min skole", "Skoleleder"),
        "de": Preset("Meine Klasse", "Klassenleiter", "Meine Schule", "Schulleiter"),
        "en": Preset("My learners", "Form tutor", "My school", "Headteacher"),
        "fi": Preset("Omat oppilaat", "Luokanvalvoja", "Oma koulu", "Rehtori"),
        "nb": Preset("Mine elever", "Kontaktlærer", "Min skole", "Rektor"),
        "nn": Preset("Elevane mine", "Kontaktlærar", "Skulen min", "Rektor"),
        "sv": Preset("Mina elever", "Mentor", "Min skola", "Rektor"),
    }
)
"""Per language (BCP 47) its labels."""
