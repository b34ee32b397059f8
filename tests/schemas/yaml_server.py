"""The yaml-language-server of the editors, asked as an editor asks it: JSON-RPC over pipes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WAIT = 60.0


class YamlServer:
    """A server that checks every YAML file by one schema."""

    def __init__(self, command: Sequence[str], folder: Path, schema: str) -> None:
        self.folder = folder
        self.settings = {
            "schemas": {schema: "*.yaml"},
            "schemaStore": {"enable": False},
            "validate": True,
            "hover": True,
            "completion": True,
        }
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.count = 0
        self.published: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
        }
        root = self.folder.as_uri()
        self.request(
            "initialize", {"processId": None, "rootUri": root, "capabilities": capabilities}
        )
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": {"yaml": self.settings}})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.request("shutdown", None)
            self.notify("exit", None)
        self.process.kill()
        self.process.communicate()

    def errors(self, text: str) -> list[tuple[str, str]]:
        """What the server finds wrong: the text that it marks, and what it says."""
        uri = self.open(text)
        while uri not in self.published:
            self.take()
        lines = text.splitlines()
        found = []
        for one in self.published[uri]:
            start, end = one["range"]["start"], one["range"]["end"]
            last = end["character"] if end["line"] == start["line"] else None
            found.append((lines[start["line"]][start["character"] : last], one["message"]))
        return found

    def hover(self, text: str) -> str:
        """The help at the place of ``|`` in a text."""
        uri, place = self.open_at(text)
        found = self.request("textDocument/hover", {"textDocument": {"uri": uri}, **place})
        value = "" if found is None else found["contents"]["value"]
        return str(value)

    def completions(self, text: str) -> dict[str, Any]:
        """What can be written at the place of ``|`` in a text, by label."""
        uri, place = self.open_at(text)
        found = self.request("textDocument/completion", {"textDocument": {"uri": uri}, **place})
        return {item["label"]: item for item in found["items"]}

    def open_at(self, text: str) -> tuple[str, dict[str, Any]]:
        before, after = text.split("|", 1)
        uri = self.open(before + after)
        line, column = before.count("\n"), len(before.rpartition("\n")[2])
        return uri, {"position": {"line": line, "character": column}}

    def open(self, text: str) -> str:
        self.count += 1
        uri = (self.folder / f"model{self.count}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def request(self, method: str, parameters: Any) -> Any:
        self.count += 1
        number = self.count
        self.send({"id": number, "method": method, "params": parameters})
        while True:
            message = self.take()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def notify(self, method: str, parameters: Any) -> None:
        self.send({"method": method, "params": parameters})

    def take(self) -> dict[str, Any]:
        """The next message; what the server asks is answered, findings are kept."""
        message = self.receive()
        method, parameters = message.get("method"), message.get("params")
        if method == "textDocument/publishDiagnostics":
            self.published[parameters["uri"]] = parameters["diagnostics"]
        elif method == "workspace/configuration":
            asked = [item.get("section") for item in parameters["items"]]
            known = {"yaml": self.settings}
            self.send({"id": message["id"], "result": [known.get(name) for name in asked]})
        elif method is not None and "id" in message:
            self.send({"id": message["id"], "result": None})
        return message

    def receive(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream is not None, "it was opened as a pipe"
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(stream.read(length))
        return message

    def send(self, message: dict[str, Any]) -> None:
        stream = self.process.stdin
        assert stream is not None, "it was opened as a pipe"
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        stream.flush()
