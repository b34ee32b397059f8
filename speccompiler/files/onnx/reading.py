"""An ONNX file to an ``OnnxModel``. Raises CS101, the problem of a damaged file; ``NotOrdinary``.

What a file may hold is bounded: a file of two bytes a node would else become a thousand times
its size in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speccompiler.files.onnx.model import (
    DTYPES,
    Attribute,
    Body,
    External,
    OnnxModel,
    OnnxNode,
    OnnxValue,
    Tensor,
    Unread,
)
from speccompiler.files.ordinary_files import open_ordinary
from speccompiler.files.protobuf import BYTES, Field, Region, Wire, integer, message
from speccompiler.files.tensor_info import invalid

MOST_THINGS = 200_000
"""Nodes, tensors, attributes, names together."""
MOST_NUMBERS = 1_000_000
"""Of one attribute that is a list."""
MOST_PIECES = 1_000_000

_NUMBERS = {4: "floats", 5: "varints", 7: "varints", 10: "doubles", 11: "varints"}
"""The fields of a tensor that hold numbers which are not raw."""
MOST_LEVELS = 4
"""Of bodies inside of bodies."""
_GRAPH_ATTRIBUTES = {
    6: "a graph in a graph in a graph",
    11: "graphs",
    14: "a type",
    15: "types",
    22: "a sparse tensor",
}
_GRAPH_ATTRIBUTES |= {10: "tensors", 23: "sparse tensors"}


def read_onnx(path: Path) -> OnnxModel:
    """The model in a file."""
    with open_ordinary(path) as stream:
        stream.seek(0, 2)
        size = stream.tell()
        return _Reader(Wire(stream, size), path).model(Region(0, size))


class _Reader:
    def __init__(self, wire: Wire, path: Path) -> None:
        self.wire = wire
        self.path = path
        self.things = 0
        self.level = 0

    def count(self) -> None:
        """One more thing that is held."""
        self.things += 1
        if self.things > MOST_THINGS:
            raise invalid(f"it holds more than {MOST_THINGS} nodes, tensors, attributes and names")

    def model(self, region: Region) -> OnnxModel:
        wire = self.wire
        ir_version, graph, trains = 0, None, False
        opsets: dict[str, int] = {}
        functions: set[tuple[str, str]] = set()
        for field in wire.fields(region):
            match field.key:
                case 1:
                    ir_version = integer(field)
                case 7:
                    if graph is not None:
                        raise invalid("it holds two graphs")
                    graph = message(field)
                case 8:
                    self.count()
                    domain, version = self.opset(message(field))
                    opsets["" if domain == "ai.onnx" else domain] = version
                case 20:
                    trains = True
                case 25:
                    self.count()
                    functions.add(self.function(message(field)))
        if graph is None:
            raise invalid("it holds no graph")
        found = self.graph(graph)
        return OnnxModel(
            self.path,
            ir_version,
            opsets,
            functions=frozenset(functions),
            trains=trains,
            **found,
        )

    def opset(self, region: Region) -> tuple[str, int]:
        domain, version = "", 0
        for field in self.wire.fields(region):
            if field.key == 1:
                domain = self.wire.text(field)
            elif field.key == 2:
                version = integer(field)
        return domain, version

    def function(self, region: Region) -> tuple[str, str]:
        name = domain = ""
        for field in self.wire.fields(region):
            if field.key == 1:
                name = self.wire.text(field)
            elif field.key == 10:
                domain = self.wire.text(field)
        return domain, name

    def graph(self, region: Region) -> dict[str, Any]:
        nodes: list[OnnxNode] = []
        tensors: dict[str, Tensor] = {}
        values: dict[int, list[OnnxValue]] = {11: [], 12: []}
        sparse: set[str] = set()
        name = ""
        for field in self.wire.fields(region):
            match field.key:
                case 1:
                    self.count()
                    nodes.append(self.node(message(field), len(nodes)))
                case 2:
                    name = self.wire.text(field)
                case 5:
                    self.count()
                    tensor = self.tensor(message(field))
                    if tensor.name in tensors:
                        raise invalid(f"two initializers are named {tensor.name!r}")
                    tensors[tensor.name] = tensor
                case 11 | 12:
                    self.count()
                    values[field.key].append(self.value(message(field)))
                case 15:
                    self.count()
                    sparse.add(self.sparse_name(message(field)))
        return {
            "name": name,
            "nodes": tuple(nodes),
            "initializers": tensors,
            "inputs": tuple(values[11]),
            "outputs": tuple(values[12]),
            "sparse": frozenset(sparse),
        }

    def body(self, region: Region) -> Body:
        """A graph inside a node."""
        self.level += 1
        found = self.graph(region)
        self.level -= 1
        return Body(
            found["nodes"],
            found["initializers"],
            tuple(value.name for value in found["inputs"]),
            tuple(value.name for value in found["outputs"]),
        )

    def sparse_name(self, region: Region) -> str:
        for field in self.wire.fields(region):
            if field.key == 1:
                return self.tensor(message(field)).name
        return ""

    def node(self, region: Region, number: int) -> OnnxNode:
        wire = self.wire
        inputs: list[str] = []
        outputs: list[str] = []
        texts = {3: "", 4: "", 7: ""}
        attributes: dict[str, Attribute] = {}
        for field in wire.fields(region):
            match field.key:
                case 1 | 2:
                    self.count()
                    (inputs if field.key == 1 else outputs).append(wire.text(field))
                case 3 | 4 | 7:
                    texts[field.key] = wire.text(field)
                case 5:
                    self.count()
                    name, value = self.attribute(message(field))
                    attributes[name] = value
        domain = "" if texts[7] == "ai.onnx" else texts[7]
        bodies = (value for value in attributes.values() if isinstance(value, Body))
        captured = dict.fromkeys(name for body in bodies for name in body.captured)
        return OnnxNode(
            number,
            texts[3],
            texts[4],
            domain,
            tuple(inputs),
            tuple(outputs),
            attributes,
            tuple(captured),
        )

    def attribute(self, region: Region) -> tuple[str, Attribute]:
        """Its name and value; a list of one kind where the file holds several fields of it."""
        wire = self.wire
        name, kind = "", 0
        single: Attribute | None = None
        lists: dict[int, list[Any]] = {7: [], 8: [], 9: []}
        for field in wire.fields(region):
            match field.key:
                case 1:
                    name = wire.text(field)
                case 20:
                    kind = integer(field)
                case 2:
                    single = wire.float32(field)
                case 3:
                    single = integer(field)
                case 4:
                    single = wire.raw(field)
                case 5:
                    single = self.tensor(message(field))
                case 6 if self.level < MOST_LEVELS:
                    single = self.body(message(field))
                case 7:
                    lists[7] += wire.floats(field)
                case 8:
                    lists[8] += wire.integers(field)
                case 9:
                    self.count()
                    lists[9].append(wire.raw(field))
                case 21:
                    single = Unread("an argument of a function")
                case key if key in _GRAPH_ATTRIBUTES:
                    single = Unread(_GRAPH_ATTRIBUTES[key])
            if len(lists[7]) > MOST_NUMBERS or len(lists[8]) > MOST_NUMBERS:
                raise invalid(f"an attribute holds more than {MOST_NUMBERS} numbers")
        # The kind tells an empty list from a number of 0, which is not written.
        listed = {6: 7, 7: 8, 8: 9}.get(kind)
        if listed is None and single is None:
            listed = next((key for key, held in lists.items() if held), None)
        if listed is not None:
            return name, tuple(lists[listed])
        if single is None:
            single = b"" if kind == 3 else 0
        return name, float(single) if kind == 1 and isinstance(single, int) else single

    def value(self, region: Region) -> OnnxValue:
        name, dtype, shape = "", "", None
        for field in self.wire.fields(region):
            if field.key == 1:
                name = self.wire.text(field)
            elif field.key == 2:
                dtype, shape = self.type(message(field))
        return OnnxValue(name, dtype, shape)

    def type(self, region: Region) -> tuple[str, tuple[int | str | None, ...] | None]:
        dtype, shape = "", None
        for field in self.wire.fields(region):
            if field.key != 1:
                continue
            for part in self.wire.fields(message(field)):
                if part.key == 1:
                    dtype = DTYPES.get(integer(part), "undefined")
                elif part.key == 2:
                    shape = tuple(
                        self.length(message(length))
                        for length in self.wire.fields(message(part))
                        if length.key == 1
                    )
        return dtype, shape

    def length(self, region: Region) -> int | str | None:
        self.count()
        found: int | str | None = None
        for field in self.wire.fields(region):
            if field.key == 1:
                found = integer(field)
            elif field.key == 2:
                found = self.wire.text(field) or None
        return found

    def tensor(self, region: Region) -> Tensor:
        """Its header, and where its numbers lie."""
        wire = self.wire
        name, kind, location = "", 0, 0
        external: dict[str, str] = {}
        shape: list[int] = []
        pieces: dict[str, list[Region]] = {}
        for field in wire.fields(region):
            match field.key:
                case 1:
                    shape += wire.integers(field)
                    if len(shape) > 64:
                        raise invalid("a tensor has more than 64 axes")
                case 2:
                    kind = integer(field)
                case 8:
                    name = wire.text(field)
                case 9:
                    pieces["raw"] = [message(field)]
                case 6:
                    pieces.setdefault("strings", []).append(field.region)
                case 13:
                    self.count()
                    word, value = self.entry(message(field))
                    external[word] = value
                case 14:
                    location = integer(field)
                case key if key in _NUMBERS:
                    found = pieces.setdefault(_NUMBERS[key], [])
                    found.append(_numbers(field, key))
                    if len(found) > MOST_PIECES:
                        raise invalid(f"a tensor's numbers lie in more than {MOST_PIECES} pieces")
        if any(length < 0 for length in shape):
            raise invalid(f"tensor {name!r} has a negative length")
        if len(pieces) > 1:
            raise invalid(f"tensor {name!r} holds its numbers twice")
        stored, places = next(iter(pieces.items())) if pieces else ("raw", [])
        return Tensor(
            name,
            DTYPES.get(kind, "undefined"),
            tuple(shape),
            stored,
            tuple(places),
            _external(external) if location == 1 or external else None,
        )

    def entry(self, region: Region) -> tuple[str, str]:
        key = value = ""
        for field in self.wire.fields(region):
            if field.key == 1:
                key = self.wire.text(field)
            elif field.key == 2:
                value = self.wire.text(field)
        return key, value


def _numbers(field: Field, key: int) -> Region:
    """The place of numbers; a single varint's value is in its own bytes, so that it is one too."""
    alone = {4: 5, 10: 1}.get(key, 0)
    if field.wire not in {BYTES, alone}:
        raise invalid(f"a field at byte {field.region.start} has another form than its message's")
    return field.region


def _external(entries: dict[str, str]) -> External:
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries["length"]) if "length" in entries else None
    except ValueError:
        raise invalid("the place of a tensor in another file is no number") from None
    if offset < 0 or (length is not None and length < 0):
        raise invalid("the place of a tensor in another file is negative")
    return External(entries.get("location", ""), offset, length)
