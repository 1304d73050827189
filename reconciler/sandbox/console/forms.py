"""Reading what a form sends, a search among them."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request

from reconciler.sandbox.http import media_type
from reconciler.sandbox.problems import Problem

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 50


LONGEST_SEARCH: Final = 100
"""Characters. Every word is a condition of a query, of which databases take so many."""


def searched(query: Mapping[str, str]) -> str:
    """Return the words that a page is searched for.

    Raises:
        Problem: they are too many.
    """
    words = query.get("q", "")
    if len(words) > LONGEST_SEARCH:
        raise Problem("invalid_parameter", f"a search has at most {LONGEST_SEARCH} characters")
    return words


async def _read(request: Request) -> FormData:
    """Return a form's fields.

    Raises:
        Problem: the body is no such form.
    """
    if media_type(request) != _FORM:
        raise Problem("unsupported_media_type", f"the body must be {_FORM}")
    return await request.form(max_fields=_MOST_FIELDS)


Posted = Annotated[FormData, Depends(_read)]
"""A form that was sent, as an endpoint's parameter."""
