"""Languages as a folder of gettext catalogues: English is in the code, each other one in `CODE.po`.

A new language is a new file: nothing is compiled and nothing is registered.
"""

import gettext
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FALLBACK: Final = "en"


def languages(folder: Path) -> Mapping[str, str]:
    """Return per code (BCP 47) what the language calls itself, English first."""
    from babel.core import Locale  # noqa: PLC0415 - loads slowly, and English needs none of it

    codes = (FALLBACK, *sorted(file.stem for file in folder.glob("*.po")))
    return {code: (Locale.parse(code).display_name or code).capitalize() for code in codes}


def catalogue(folder: Path, code: str) -> gettext.NullTranslations:
    """Return the words of a language."""
    if code == FALLBACK:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - as above
    from babel.messages.pofile import read_po  # noqa: PLC0415 - as above

    compiled = io.BytesIO()
    with (folder / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
