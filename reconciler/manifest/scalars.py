"""What a scalar without quotes means: the core schema of YAML 1.2 (design, section 3).

`no`, `on` and `1_000` are text there; `0412` is the integer 412.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.manifest.placed import PlainDate

WORDS: Final[Mapping[str, bool | None]] = MappingProxyType(
    dict.fromkeys(("", "~", "null", "Null", "NULL"), None)
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
)
"""The words with a meaning of their own."""

NUMBER_STARTS: Final = frozenset("+-.0123456789")
"""What every number and every date begins with."""

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o(?P<octal>[0-7]+)\Z|0x(?P<hexadecimal>[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_DATE = re.compile(
    r"""[0-9]{4}-[0-9]{2}-[0-9]{2}\Z
      | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}""",
    re.VERBOSE,
)
_MOST_DIGITS: Final = 1000
"""Python refuses to print integers of some more; such a number is only good for a diagnostic."""


def resolve(text: str) -> str | int | float | bool | None:
    """Return what a plain scalar means in the 1.2 core schema; dates come back as `PlainDate`."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    number = _number(text)
    if number is not None:
        return number
    return PlainDate(text) if _DATE.match(text) else text


def _number(text: str) -> int | float | None:
    """Read a number of the core schema, or return None."""
    if len(text) > _MOST_DIGITS and (_INTEGER.match(text) or _BASED.match(text)):
        return math.inf
    if _INTEGER.match(text):
        return int(text)
    if based := _BASED.match(text):
        return int(based["octal"], 8) if based["octal"] else int(based["hexadecimal"], 16)
    if _FLOAT.match(text):
        return float(text)
    if _SPECIAL.match(text):
        return float(text.replace(".", ""))
    return None
