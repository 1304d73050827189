"""Reads an XML file of IMS Enterprise record by record, without trusting it.

No document type, no entity and nothing outside the file is let in. What is not asked for is not
kept, and what has been handed over is forgotten, so that a file may be far larger than the memory.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import IO, Final
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from reconciler.rosters.bundle import READ_ERRORS
from reconciler.rosters.problems import Problem

ROOT: Final = "enterprise"
RECORDS: Final = frozenset({"properties", "person", "group", "membership"})
"""What stands in the root, and is handed over whole but for the members of a membership."""

_PASSED_OVER: Final = "comments"
"""The one other thing that may stand in the root."""

_MEMBER: Final = "member"

_KEPT: Final = frozenset(
    {
        *(_MEMBER, "datasource", "type", "sourcedid", "source", "id", "userid", "name", "fn", "n"),
        *(
            "family",
            "given",
            "email",
            "extension",
            "grouptype",
            "scheme",
            "typevalue",
            "description",
        ),
        *("short", "timeframe", "begin", "end", "relationship", "idtype", "role"),
        *("subrole", "status", "pifu_status", "pifu_id", "pifu_value", "pifu_primaryRelation"),
        "pifu_hasContactPerson",
    }
)
"""The elements that are read; addresses, birthdays, marks and the like never reach the memory."""

_ONCE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "properties": frozenset({"type", "datasource"}),
        "group": frozenset({"timeframe"}),
        "membership": frozenset({"sourcedid"}),
        _MEMBER: frozenset({"sourcedid", "idtype"}),
        "role": frozenset({"status", "subrole", "timeframe"}),
        "timeframe": frozenset({"begin", "end"}),
        "sourcedid": frozenset({"source", "id"}),
    }
)
"""What an element may have only one of, so that nothing has to be chosen."""

_CHUNK: Final = 64 * 1024
_LONGEST: Final = 8 * 1024 * 1024
"""So many bytes may pass without a record or a member coming to its end."""

_DEEPEST: Final = 100


class Element:
    """One element of the file.

    Attributes:
        name: its name without a namespace.
        line: the line on which it begins.
        attributes: their values by their names without a namespace.
        text: its own text without space around it.
        children: the elements in it that are read, in order.
    """

    __slots__ = ("attributes", "children", "line", "name", "parts", "text")

    def __init__(self, name: str, line: int, attributes: dict[str, str]) -> None:
        self.name = name
        self.line = line
        self.attributes = attributes
        self.children: list[Element] = []
        self.parts: list[str] | None = None
        self.text = ""

    def all(self, name: str) -> list["Element"]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]

    def find(self, *names: str) -> "Element | None":
        """Return what the names lead to, from child to child, the first of each; None for none."""
        found = self
        for name in names:
            for child in found.children:
                if child.name == name:
                    found = child
                    break
            else:
                return None
        return found

    def value(self, *names: str) -> str:
        """Return the text of what the names lead to, empty where there is none."""
        found = self.find(*names)
        return found.text if found else ""


class _Refused(Exception):
    """The file is no file of this format, or not one that can be read safely."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Handler(ContentHandler):
    """Builds the elements, and puts those that are complete into `done`.

    Attributes:
        done: the records and members that came to their end.
        wrong: by path, elements that should not be there: the first one's line, and why.
    """

    def __init__(self, parser: DefusedExpatParser) -> None:
        super().__init__()
        self.done: list[Element] = []
        self.wrong: dict[str, tuple[int, str]] = {}
        self._parser = parser
        self._prefix = ""
        self._open: list[Element] = []
        self._depth = 0
        self._passing = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX names it
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Refused("RR301", f"elements lie more than {_DEEPEST} deep in each other")
        prefix = ""
        if ":" in name:
            prefix, _, name = name.rpartition(":")
        if self._depth == 1:
            self._prefix = prefix
            if name != ROOT:
                message = f"the file is no IMS Enterprise 1.1: its outermost element is not {ROOT}"
                raise _Refused("RR302", message)
            return
        line = self._parser.getLineNumber() or 0
        own = prefix == self._prefix
        known = RECORDS if self._depth == 2 else _KEPT
        if self._passing or not own or name not in known:
            if self._depth == 2 and own and name != _PASSED_OVER:
                self.wrong.setdefault(name, (line, "the format has no such record"))
            self._passing += 1
            return
        if self._open and name in _ONCE.get(self._open[-1].name, ()):
            above = self._open[-1]
            if above.find(name):
                self.wrong.setdefault(f"{above.name}/{name}", (line, "there may be only one"))
        # Attributes of other namespaces say nothing here.
        given = {key: value for key, value in attrs.items() if ":" not in key} if attrs else {}
        self._open.append(Element(name, line, given))

    def characters(self, content: str) -> None:
        if self._open and not self._passing:
            element = self._open[-1]
            if element.parts is None:
                element.parts = [content]
            else:
                element.parts.append(content)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 - SAX names it so
        self._depth -= 1
        if self._depth == 0:
            return
        if self._passing:
            self._passing -= 1
            return
        element = self._open.pop()
        if element.parts:
            element.text = "".join(element.parts).strip()
            element.parts = None
        if not self._open or (element.name == _MEMBER and self._open[-1].name == "membership"):
            self.done.append(element)
        else:
            self._open[-1].children.append(element)


def read_records(file: IO[bytes], name: str, problems: list[Problem]) -> Iterator[Element]:
    """Yield the records of a file in order; the members of a membership come before it.

    What keeps the file from being read to its end is added to `problems`, and is the last of it;
    so are elements that should not be there.
    """
    parser = DefusedExpatParser(forbid_dtd=True)
    handler = _Handler(parser)
    parser.setContentHandler(handler)
    waiting = 0
    try:
        parser.feed(b"")  # without it, an empty file would pass
        while chunk := file.read(_CHUNK):
            parser.feed(chunk)
            waiting = 0 if handler.done else waiting + len(chunk)
            yield from handler.done
            handler.done.clear()
            _check_size(waiting)
        parser.close()
    except DefusedXmlException:  # is a ValueError, too
        message = (
            "the XML has a document type (DOCTYPE) or entities, which are not let in: export it "
            "without, or take the DOCTYPE out of the file"
        )
        problems.append(_problem(name, parser, "RR301", message))
    except _Refused as refused:
        problems.append(_problem(name, parser, refused.code, str(refused)))
    except SAXParseException as error:
        message = f"the XML is not well-formed, or cut off ({error.getMessage()})"
        problems.append(Problem(name, error.getLineNumber() or 0, "", None, "RR305", message))
    except (LookupError, ValueError):  # what pyexpat raises of an encoding
        message = "the encoding that the XML declares is not known; export it as UTF-8"
        problems.append(Problem(name, 1, "", None, "RR304", message))
    except READ_ERRORS:
        problems.append(Problem(name, 0, "", None, "RR301", "the file is damaged"))
    problems += (
        Problem(name, line, path, None, "RR313", message)
        for path, (line, message) in handler.wrong.items()
    )


def _check_size(waiting: int) -> None:
    if waiting > _LONGEST:
        raise _Refused("RR301", f"{_LONGEST // 1024**2} MiB pass without the end of a record")


def _problem(name: str, parser: DefusedExpatParser, code: str, message: str) -> Problem:
    return Problem(name, parser.getLineNumber() or 0, "", None, code, message)
