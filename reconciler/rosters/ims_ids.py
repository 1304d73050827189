"""The ids of one kind of record in an IMS Enterprise file, and what refers to them.

An id is what people and units are matched by, so that two of the same kind may not share one, even
where different sources gave it.
"""

from collections.abc import Sequence

from reconciler.rosters.ims_values import Ref, Values
from reconciler.rosters.ims_xml import Element


class Ids:
    """The ids that have been met.

    Args:
        values: reads them, and is told what is wrong with them.
        noun: what has them, which is also the name of its element.
    """

    def __init__(self, values: Values, noun: str) -> None:
        self._values = values
        self._noun = noun
        self._met: dict[str, tuple[str, int]] = {}
        self._unclear: dict[str, str] = {}
        self._former: set[Ref] = set()
        self._gone: set[Ref] = set()

    def __len__(self) -> int:
        return len(self._met)

    def take(self, element: Element, datasource: str) -> Ref | None:
        """Read a record's id and note it; None where it has none, or it is deleted.

        Of several that are current, it is the one that the file's own source gave.
        """
        noun, values = self._noun, self._values
        now, before = values.own_refs(element, noun)
        if values.is_deleted(element, noun):
            self._gone.update(now)
            return None
        self._former.update(before)
        if len(now) > 1:
            now = self._own(element, now, datasource)
        if not now:
            return None
        ref = now[0]
        known = self._met.get(ref.id)
        if known is not None:
            source, line = known
            other = "" if source == ref.source else ", given by another source"
            message = f"row {line} has the same id{other}:"
            values.problem(element.line, f"{noun}/sourcedid/id", "RR309", message, ref.id)
            return None
        self._met[ref.id] = ref.source, element.line
        return ref

    def _own(self, element: Element, now: Sequence[Ref], datasource: str) -> list[Ref]:
        own = [ref for ref in now if ref.source == datasource]
        if len(own) != 1:
            message = "which of several ids is the current one is not said"
            column = f"{self._noun}/sourcedid/@sourcedidtype"
            self._values.problem(element.line, column, "RR308", message)
            own = []
            for ref in now:  # so that what refers to one of them brings no second problem
                self._unclear.setdefault(ref.id, ref.source)
        return own

    def refer(self, line: int, path: str, ref: Ref) -> bool:
        """Note a reference that leads nowhere; say whether it leads somewhere."""
        source, _ = self._met.get(ref.id, (self._unclear.get(ref.id, ""), 0))
        if source == ref.source:
            return True
        if ref in self._gone:
            message = f"the {self._noun} is marked as deleted (recstatus 3):"
        elif ref in self._former:
            message = f"the {self._noun} has another id now:"
        elif source:
            message = f"another source gave the {self._noun} of this id:"
        else:
            message = f"there is no such {self._noun}:"
        self._values.problem(line, f"{path}/sourcedid", "RR310", message, ref.id)
        return False
