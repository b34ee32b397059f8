"""The server as a process: how it starts and ends, and that nothing stops it in between."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from speccompiler.language_server import answers
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.hover import hover_at
from speccompiler.language_server.inlay_hints import shape_hints
from speccompiler.language_server.names import reads_of
from speccompiler.language_server.quick_fixes import fixes_between, ignores_between
from speccompiler.language_server.rename import NotRenamed, rename
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.language_server.symbols import layer_symbols
from speccompiler.options import LoadOptions
from tests.language_server.conversation import COMMAND

SPEC = """convspec: 1
input_shape: [4]
layers:
  - {type: Dense, output_dim: 3, name: '😀', bias: no}
"""


def message(method: str, number: int | None = None, **params: Any) -> bytes:
    """A message of a client as it is sent."""
    identity = {} if number is None else {"id": number}
    body = json.dumps({"jsonrpc": "2.0", **identity, "method": method, "params": params}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def initialize(**params: Any) -> bytes:
    given = {"processId": None, "rootUri": None, "capabilities": {}, **params}
    return message("initialize", 1, **given) + message("initialized")


def opened(text: str = SPEC, uri: str = "untitled:a.yaml") -> bytes:
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    return message("textDocument/didOpen", textDocument=document)


def on(method: str, number: int, **params: Any) -> bytes:
    """A request about the open file."""
    document = {"uri": "untitled:a.yaml"}
    return message(f"textDocument/{method}", number, textDocument=document, **params)


END = message("shutdown", 99) + message("exit")


def answered(
    sent: bytes, command: list[str] = COMMAND, **more: Any
) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, the messages of the server, which are all that it writes, and its log."""
    done = subprocess.run(command, input=sent, capture_output=True, timeout=60, check=False, **more)
    rest, found = done.stdout, []
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ") for line in head.split(b"\r\n"))
        length = int(fields[b"Content-Length"])
        found.append(json.loads(rest[:length]))
        rest = rest[length:]
    return done.returncode, found, done.stderr.decode()


def result(found: list[dict[str, Any]], number: int) -> Any:
    (one,) = (message for message in found if message.get("id") == number)
    return one.get("result", one.get("error"))


def test_it_ends_well_when_it_is_told_to() -> None:
    status, found, errors = answered(initialize() + END)
    assert (status, errors) == (0, "")
    assert result(found, 1)["serverInfo"]["name"] == "convspec"


@pytest.mark.parametrize("rest", [message("exit"), b""], ids=["exit", "end"])
def test_an_end_without_a_shutdown_is_an_error(rest: bytes) -> None:
    status, found, errors = answered(initialize() + rest)
    assert (status, errors) == (1, "")
    assert result(found, 1)["capabilities"]["hoverProvider"] is True


def test_what_it_can_do() -> None:
    _, found, _ = answered(initialize() + END)
    offered = {
        k for k, v in result(found, 1)["capabilities"].items() if k.endswith("Provider") and v
    }
    assert offered >= {
        "codeActionProvider", "completionProvider", "definitionProvider",
        "documentFormattingProvider", "documentHighlightProvider", "documentSymbolProvider",
        "foldingRangeProvider",
        "hoverProvider", "inlayHintProvider", "referencesProvider", "renameProvider",
        "selectionRangeProvider",
    }  # fmt: skip


def test_the_encoding_of_places_is_agreed_on() -> None:
    general = {"general": {"positionEncodings": ["utf-8", "utf-16"]}}
    sent = initialize(capabilities=general) + opened() + END
    _, found, _ = answered(sent)
    assert result(found, 1)["capabilities"]["positionEncoding"] == "utf-8"
    (published,) = (m["params"] for m in found if m.get("method", "").endswith("Diagnostics"))
    (finding,) = published["diagnostics"]
    line = SPEC.split("\n")[3].encode()
    assert finding["range"]["start"]["character"] == line.index(b"no}")


def test_initialization_options_are_checked() -> None:
    _, found, _ = answered(initialize(initializationOptions={"semantics": "torch"}) + END)
    (said,) = (m["params"] for m in found if m.get("method") == "window/logMessage")
    assert said["message"] == (
        "convspec: 'semantics' is 'torch'; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8"
    )


BROKEN = """
import sys
from speccompiler.cli import main
from speccompiler.language_server import answers, inlay_hints

def broken(*arguments):
    print("a line that a library prints")
    raise RuntimeError("this is the bug")

answers.{name} = broken
sys.exit(main.run(["lsp"]))
"""


def test_a_bug_is_logged_and_the_server_goes_on() -> None:
    position = {"line": 0, "character": 0}
    sent = (
        initialize() + opened() + on("hover", 2, position=position) + on("documentSymbol", 3) + END
    )
    command = [sys.executable, "-c", BROKEN.format(name="hover")]
    status, found, errors = answered(sent, command)
    assert status == 0
    assert errors == "a line that a library prints\n"
    assert result(found, 2)["message"].endswith("this is the bug")
    said = [m["params"]["message"] for m in found if m.get("method") == "window/logMessage"]
    assert len(said) == 1
    assert said[0].startswith("Traceback (most recent call last)")
    assert said[0].endswith("RuntimeError: this is the bug")
    assert [one["name"] for one in result(found, 3)] == ["😀"]


def test_a_bug_in_checking_is_logged_as_well() -> None:
    change = {"contentChanges": [{"text": SPEC}]}
    versioned = {"uri": "untitled:a.yaml", "version": 2}
    sent = (
        initialize()
        + opened()
        + message("textDocument/didChange", textDocument=versioned, **change)
    )
    sent += on("documentSymbol", 3) + END
    command = [sys.executable, "-c", BROKEN.format(name="diagnostics")]
    status, found, _ = answered(sent, command)
    assert status == 0
    said = [m["params"]["message"] for m in found if m.get("method") == "window/logMessage"]
    assert said
    assert all(text.endswith("RuntimeError: this is the bug") for text in said)
    assert [one["name"] for one in result(found, 3)] == ["😀"]


def test_messages_that_make_no_sense_do_not_stop_it() -> None:
    junk = b"Content-Length: 7\r\n\r\n{junk!!"
    unknown = message("convspec/nothing", 5) + message("$/nothing")
    elsewhere = message("textDocument/hover", 6, textDocument={"uri": "file:///not/open.yaml"},
                        position={"line": 3, "character": 1})  # fmt: skip
    closed = message("textDocument/didClose", textDocument={"uri": "file:///not/open.yaml"})
    changed = message("textDocument/didChange", contentChanges=[{"text": "a"}],
                      textDocument={"uri": "file:///not/open.yaml", "version": 1})  # fmt: skip
    sent = initialize() + junk + unknown + elsewhere + closed + changed + opened()
    status, found, _ = answered(sent + on("documentSymbol", 7) + END)
    assert status == 0
    assert result(found, 5)["code"] == -32601
    assert result(found, 6) is None
    assert [one["name"] for one in result(found, 7)] == ["😀"]


def test_without_the_extra_it_says_which(tmp_path: Path) -> None:
    for name in ("pygls", "lsprotocol"):
        (tmp_path / name).mkdir()
        raising = f"raise ModuleNotFoundError('none', name={name!r})"
        (tmp_path / name / "__init__.py").write_text(raising)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(COMMAND, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'Error: convspec lsp needs the extra lsp: pip install "convspec[lsp]"\n'


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor as a shell does")
def test_without_an_editor_it_says_so() -> None:
    command = ["sh", "-c", f'"{sys.executable}" -m speccompiler lsp <&-']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: standard input is closed; an editor starts this command\n"


def test_it_loads_nothing_heavy() -> None:
    code = """
import sys
from speccompiler.language_server.features import make_server
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.completion import completions_at
from speccompiler.language_server.inlay_hints import shape_hints
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.options import LoadOptions

make_server(LoadOptions())
text = open("examples/specs/lenet.yaml").read()
assert shape_hints(SpecFile(Analysis(text, "m.yaml")))
assert completions_at(text + "  - ", len(text) + 4)
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "numba", "llvmlite", "h5py", "safetensors", "matplotlib", "tabulate"}
    assert set(done.stdout.split()) & heavy == set()


SPECS = sorted(Path("examples/specs").glob("*.[yj]*"))


def test_no_text_stops_a_feature() -> None:
    """Examples with pieces taken out and signs put in: every feature answers something."""
    choose = random.Random(5)
    texts = [(p.name, p.read_text()[:2500]) for p in SPECS]
    pieces = [
        *"{}[],:\"'\n\t😀",
        ": ",
        "- ",
        "  ",
        "&a ",
        "*a",
        "null",
        "1e400",
        "[]",
        "{}",
        "<<: ",
    ]
    pieces += ["name: ", "inputs: [c1, 3]", "type: 3"]
    before: dict[str, Analysis] = {}
    seen = 0
    for _ in range(250):
        name, text = choose.choice(texts)
        at = choose.randrange(len(text))
        cut = choose.randrange(0, 30)
        broken = text[:at] + choose.choice(pieces) + text[at + cut :]
        analysis = Analysis(broken, name, LoadOptions())
        file = SpecFile(analysis, "utf-16", before.get(name))
        if analysis.readable:
            before[name] = analysis
        shape_hints(file)
        layer_symbols(file)
        answers.diagnostics(file)
        lines = broken.count("\n") + 1
        fixes_between(file, 1, lines)
        ignores_between(file, 1, lines)
        for layer in file.readable.layers:
            reads_of(file.readable, layer)
        for _ in range(4):
            line, column = choose.randrange(1, lines + 2), choose.randrange(1, 90)
            hover_at(file, line, column)
            with suppress(NotRenamed):
                seen += len(rename(analysis, line, column, "new"))
    assert seen


def test_files_beside_a_spec_are_watched_where_an_editor_can(tmp_path: Path) -> None:
    workspace = {
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "inlayHint": {"refreshSupport": True},
    }
    uri = (tmp_path / "model.yaml").as_uri()
    (tmp_path / "w.npz").write_bytes(b"no weights")
    sent = initialize(capabilities={"workspace": workspace})
    sent += opened(SPEC.replace("bias: no", "bias: false, weights: [w.npy]"), uri)
    sent += message("workspace/didChangeWatchedFiles", changes=[]) + END
    _, found, _ = answered(sent)
    (registered,) = (m for m in found if m.get("method") == "client/registerCapability")
    (registration,) = registered["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    assert registration["registerOptions"]["watchers"] == [
        {"globPattern": "**/{*.{npy,npz,safetensors,h5,hdf5,json,yaml,yml},"
                        "convspec.toml,pyproject.toml}"}
    ]  # fmt: skip
    published = [m["params"] for m in found if m.get("method", "").endswith("publishDiagnostics")]
    assert [one["diagnostics"][0]["code"] for one in published] == ["CS100", "CS100"]
    assert [m["method"] for m in found if "refresh" in m.get("method", "")] == [
        "workspace/inlayHint/refresh"
    ]
