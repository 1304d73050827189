"""An editor, as the YAML language server sees one: it opens a file, and asks about places in it.

The server is the one that editors run; `tools/setup` installs it beside the packages.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(sys.prefix, "editor/node_modules/yaml-language-server/bin/yaml-language-server")
ANSWER_SECONDS = 60
SETTINGS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},  # a catalogue elsewhere
    }
}


class Editor:
    """One file at a time is open in it, in a folder."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process = process
        self._number = 0
        self._bytes = b""
        self._uri = ""
        self.found: dict[str, list[dict[str, Any]]] = {}
        hover = {"contentFormat": ["markdown", "plaintext"]}
        self._ask(
            "initialize",
            processId=os.getpid(),
            rootUri=folder.as_uri(),
            capabilities={
                "textDocument": {"hover": hover, "completion": {}, "publishDiagnostics": {}},
                "workspace": {"configuration": True},
            },
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=SETTINGS)

    def open(self, path: Path) -> None:
        """Open a file; what is found in it is in `found` once something else was asked."""
        self._uri = path.as_uri()
        self._lines = path.read_text(encoding="utf-8").splitlines()
        document = {"uri": self._uri, "languageId": "yaml", "version": 1, "text": path.read_text()}
        self._tell("textDocument/didOpen", textDocument=document)

    def hover(self, line: int, column: int) -> str:
        """What is shown of a place, counted from 0; an empty text for nothing."""
        shown = self._at("hover", line, column)
        return shown["contents"]["value"] if shown else ""

    def completes(self, line: int, column: int) -> set[str]:
        """What may be typed at a place."""
        return {each["label"] for each in self._at("completion", line, column)["items"]}

    def mistakes(self) -> list[str]:
        """Wait for what the server says of the open file, and return its messages."""
        end = time.monotonic() + ANSWER_SECONDS
        while self._uri not in self.found and time.monotonic() < end:
            self._receive()
        return [each["message"] for each in self.found[self._uri]]

    def _at(self, what: str, line: int, column: int) -> Any:
        place = {"line": line, "character": column}
        return self._ask(f"textDocument/{what}", textDocument={"uri": self._uri}, position=place)

    def _ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        mine = self._number
        self._send({"id": mine, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == mine and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """Take the next message; what the server asks is answered."""
        head = self._until(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(self._bytes) < length:
            self._read()
        body, self._bytes = self._bytes[:length], self._bytes[length:]
        message: dict[str, Any] = json.loads(body)
        match message.get("method"):
            case "textDocument/publishDiagnostics":
                told = message["params"]
                self.found[told["uri"]] = told["diagnostics"]
            case "workspace/configuration":
                asked = message["params"]["items"]
                result = [SETTINGS.get(each.get("section")) for each in asked]
                self._send({"id": message["id"], "result": result})
            case str() if "id" in message:
                self._send({"id": message["id"], "result": None})
        return message

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._bytes:
            self._read()
        head, _, self._bytes = self._bytes.partition(mark)
        return head

    def _read(self) -> None:
        assert self._process.stdout
        assert select.select([self._process.stdout], [], [], ANSWER_SECONDS)[0], "no answer"
        more = os.read(self._process.stdout.fileno(), 65536)
        assert more, "the language server has ended"
        self._bytes += more


@contextmanager
def editor(folder: Path) -> Iterator[Editor]:
    """Run the language server for as long as the block lasts; without one, the test is skipped."""
    node = shutil.which("node")
    if node is None or not SERVER.exists():
        pytest.skip("the YAML language server is not installed")
    process = subprocess.Popen(
        [node, str(SERVER), "--stdio"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Editor(process, folder)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()
