"""Decoding into types: from many threads at once, and of what is not of the type."""

import subprocess
import sys
from typing import NamedTuple

from reconciler import typed_json

MANY_AT_ONCE = """
import sys, threading
import msgspec
from reconciler import typed_json

sys.setswitchinterval(1e-6)
for _ in range(500):
    class Inner(msgspec.Struct):
        name: "str"
        size: "int"

    class Outer(msgspec.Struct):
        site: "str"
        parts: list[Inner]

    together = threading.Barrier(4)
    found = []

    def decode(kind, raw):
        together.wait()
        found.append(typed_json.decode(raw, kind))

    inner = b'{"name": "a", "size": 1}'
    outer = b'{"site": "b", "parts": [' + inner + b"]}"
    asked = [(Outer, outer), (Inner, inner)] * 2
    threads = [threading.Thread(target=decode, args=args) for args in asked]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 4 and None not in found
"""
"""Types that nobody has decoded into, met by four threads: without care it ends with a SIGSEGV."""


class Pair(NamedTuple):
    name: str
    size: int


def test_threads_that_meet_over_a_new_type_do_not_end_the_process():
    done = subprocess.run(
        [sys.executable, "-c", MANY_AT_ONCE], capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_is_not_of_the_type_is_none():
    assert typed_json.decode(b'["a", 1]', Pair) == Pair("a", 1)
    for raw in (b'["a", "1"]', b'["a"]', b'["a", 1', b'["\xff", 1]', b"[" * 100_000):
        assert typed_json.decode(raw, Pair) is None
