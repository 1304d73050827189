"""The languages of the console. English stands in the templates; the others in `words/*.po`."""

import gettext
import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.core import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FALLBACK: Final = "en"
_FOLDER: Final = Path(__file__).parent / "words"

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        code: (Locale.parse(code).display_name or code).capitalize()
        for code in (FALLBACK, *sorted(file.stem for file in _FOLDER.glob("*.po")))
    }
)
"""Per code (BCP 47) what the language calls itself."""

_KIN: Final = MappingProxyType({"no": "nb", "nn": "nb", "da": "nb"})
"""Who reads one of these reads the other more easily than English."""


def catalogue(code: str) -> gettext.NullTranslations:
    """Return the words of a language."""
    if code == FALLBACK:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (_FOLDER / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


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
