"""How somebody who fills in a table calls kinds and roles, in the languages of the platform.

They are Norwegian, Swedish, Danish, German, Finnish and English.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from reconciler.domain.vocabulary import MembershipRole, Role, UnitKind, Word

Known = TypeVar("Known", bound=Word)

_OTHERS: Final[Mapping[Word, tuple[str, ...]]] = MappingProxyType(
    {
        UnitKind.ORGANISATION: ("organization", "organisasjon", "organisaatio"),
        UnitKind.SCHOOL: ("skole", "skule", "skola", "schule", "koulu"),
        UnitKind.CLASS: ("klasse", "klass", "luokka"),
        UnitKind.GROUP: ("gruppe", "grupp", "ryhmä"),
        MembershipRole.LEARNER: ("elev", "schüler", "schülerin", "oppilas"),
        MembershipRole.TEACHER: (
            *("lærer", "lærar", "lärare"),
            *("lehrer", "lehrerin", "lehrkraft", "opettaja"),
        ),
        MembershipRole.ADMINISTRATOR: ("administratör", "ylläpitäjä"),
        Role.HEADTEACHER: (
            "skoleleder",
            "skuleleiar",
            "skolledare",
            "schulleiter",
            "schulleiterin",
        ),
    }
)
"""Per word of the platform the others for it, in lower case."""


def meant(word: str, words: type[Known]) -> Known | None:
    """Return what a word stands for, in any case; None where it is not known.

    Args:
        word: as somebody wrote it.
        words: the ones of which it may be one.
    """
    word = word.casefold()
    return next((each for each in words if word in (each.value, *_OTHERS.get(each, ()))), None)
