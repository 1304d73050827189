"""The languages of the console. English stands in the templates; the others in `words/*.po`."""

import gettext
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.core import negotiate_locale

from reconciler import catalogues
from reconciler.catalogues import FALLBACK

_FOLDER: Final = Path(__file__).parent / "words"

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(dict(catalogues.languages(_FOLDER)))
"""Per code (BCP 47) what the language calls itself."""

_KIN: Final = MappingProxyType({"no": "nb", "nn": "nb", "da": "nb"})
"""Who reads one of these reads the other more easily than English."""


def catalogue(code: str) -> gettext.NullTranslations:
    """Return the words of a language."""
    return catalogues.catalogue(_FOLDER, code)


def preferred(accepted: str) -> str:
    """Return the language that an `Accept-Language` header asks for first (RFC 9110, 12.5.4)."""
    weighed: list[tuple[float, int, str]] = []
    for at, part in enumerate(accepted.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((-float(weight or 1), at, tag.partition("-")[0].lower()))
        except ValueError:
            continue
    wanted = [_KIN.get(tag, tag) for weight, _, tag in sorted(weighed) if weight]
    return negotiate_locale(wanted, LANGUAGES) or FALLBACK
