"""How long an editor waits after a keystroke: ``python -m benchmarks.keystrokes [LAYERS]``.

A server of its own process is sent what an editor sends: one letter more in the middle of a spec,
then the question for the hints that are in sight. Measured is the time from the letter to the
findings, and to the hints, whichever way the letter leaves the spec: right, wrong, or unreadable.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import IO, Any

import psutil

URI = "untitled:network.yaml"
LAYERS = 200
KEYSTROKES = 60
LIMIT_MS = 100.0


def spec(layers: int) -> list[str]:
    """A convolutional network of so many layers, a line each."""
    lines = ["convspec: 1", "dim_ordering: tf", "input_shape: [64, 64, 3]", "layers:"]
    for number in range(layers // 2):
        lines += [
            f"  - {{type: Convolution2D, name: conv{number}, nb_filter: 16, nb_row: 3, nb_col: 3, "
            "border_mode: same, activation: relu}",
            f"  - {{type: BatchNormalization, name: norm{number}, axis: -1}}",
        ]
    return lines


class Editor:
    """Sends messages to a server and waits for its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "speccompiler", "lsp"]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.version = 1

    def send(self, method: str, *, request: bool = False, **params: Any) -> None:
        """One message; a request gets the next number."""
        self.number += request
        identity = {"id": self.number} if request else {}
        body = json.dumps({"jsonrpc": "2.0", "method": method, **identity, "params": params})
        assert self.server.stdin is not None, "the server reads from us"
        data = body.encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.server.stdin.flush()

    def wait(self, method: str | None = None) -> Any:
        """The next message with this method, or the answer to the last request."""
        assert self.server.stdout is not None, "the server writes to us"
        while True:
            found = _read(self.server.stdout)
            if method is not None and found.get("method") == method:
                return found["params"]
            if method is None and found.get("id") == self.number and "method" not in found:
                return found["result"]

    def type(self, line: int, column: int, text: str, over: int = 0) -> tuple[float, float]:
        """Put a text over so many characters: milliseconds to the findings and to the hints."""
        self.version += 1
        document = {"uri": URI, "version": self.version}
        end = {"line": line, "character": column + over}
        span = {"start": {"line": line, "character": column}, "end": end}
        began = time.perf_counter()
        changes = [{"range": span, "text": text}]
        self.send("textDocument/didChange", textDocument=document, contentChanges=changes)
        self.wait("textDocument/publishDiagnostics")
        findings = time.perf_counter()
        seen = {"start": {"line": max(0, line - 20), "character": 0},
                "end": {"line": line + 20, "character": 0}}  # fmt: skip
        self.send("textDocument/inlayHint", request=True, textDocument={"uri": URI}, range=seen)
        hints = self.wait()
        assert hints, "there are layers in sight"
        return (findings - began) * 1e3, (time.perf_counter() - began) * 1e3


def _read(stream: IO[bytes]) -> dict[str, Any]:
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    found: dict[str, Any] = json.loads(stream.read(length))
    return found


def measure(layers: int) -> dict[str, tuple[float, float, float]]:
    """Medians in milliseconds to findings and to hints, by what the keystroke makes of the spec.

    The third figure is the server's own time on a processor, both there and back: what is left
    of a median that others on the machine have made long.
    """
    editor = Editor()
    lines = spec(layers)
    editor.send("initialize", request=True, processId=None, rootUri=None, capabilities={})
    editor.wait()
    editor.send("initialized")
    text = "\n".join(lines) + "\n"
    document = {"uri": URI, "languageId": "yaml", "version": 1, "text": text}
    editor.send("textDocument/didOpen", textDocument=document)
    assert editor.wait("textDocument/publishDiagnostics")["diagnostics"] == [], "the spec is right"
    line = 4 + 2 * (layers // 4)
    number, bracket = lines[line].index("16"), lines[line].index("}")
    named = lines[line].index("nb_row")
    strokes = {
        "right": ((number, "2", 1), (number, "1", 1)),
        "wrong": ((named, "x", 0), (named, "", 1)),
        "unreadable": ((bracket, "", 1), (bracket, "}", 0)),
    }
    found: dict[str, tuple[float, float, float]] = {}
    process = psutil.Process(editor.server.pid)
    for name, (there, back) in strokes.items():
        times = []
        used = process.cpu_times()
        for _ in range(KEYSTROKES // 3):
            times.append(editor.type(line, *there))
            editor.type(line, *back)
        now = process.cpu_times()
        own = (now.user + now.system - used.user - used.system) / (2 * len(times)) * 1e3
        first, second = (statistics.median(each) for each in zip(*times, strict=True))
        found[name] = first, second, own
    editor.send("shutdown", request=True)
    editor.wait()
    editor.send("exit")
    editor.server.wait(10)
    return found


def main() -> int:
    """Print the medians; 1 where one is over the limit for 200 layers."""
    layers = int(sys.argv[1]) if len(sys.argv) > 1 else LAYERS
    found = measure(layers)
    print(f"a letter in a spec of {layers} layers, medians of {KEYSTROKES // 3}:")
    for name, (findings, hints, own) in found.items():
        print(
            f"  {name:<11} findings {findings:6.1f} ms   hints {hints:6.1f} ms   "
            f"server's own time {own:5.1f} ms"
        )
    return int(layers <= LAYERS and max(hints for _, hints, _ in found.values()) > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
