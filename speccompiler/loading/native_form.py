"""The native spelling: ``convspec: 1`` and ``layers: [{type: .., ..}]``.

Each layer is called where it stands, and ``inputs`` names what it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem, Span
from speccompiler.diagnostics.wording import described, shown
from speccompiler.loading.tree_reading import ProblemAt, text
from speccompiler.loading.written_spec import WrittenLayer, WrittenSpec
from speccompiler.schemas.model import EXTENSION_PREFIX
from speccompiler.schemas.registry import LAYERS, aliases
from speccompiler.source.document import Document
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy

LAYERS_HINT = "list them by type, for example layers: [{type: Flatten}]"


def read_native(document: Document, root: Mapping) -> WrittenSpec:
    """The layers of a native spec; what is wrong with one of them is among the findings."""
    found = WrittenSpec(native=True)
    inputs = root.entries.get("inputs")
    apart = {"layers"}
    if inputs is not None and isinstance(inputs.value, Mapping) and inputs.value.entries:
        apart.add("inputs")
        found.layers = [_input(name, entry) for name, entry in inputs.value.entries.items()]
        found.header_inputs = len(found.layers)
    header = {
        k: v
        for k, v in root.entries.items()
        if k not in apart and not k.startswith(EXTENSION_PREFIX)
    }
    found.header = Mapping(header, root.span)
    if "layers" not in root.entries:
        problem = Problem("CS035", "the spec has no 'layers'", LAYERS_HINT)
        found.report(problem, document.file, root.span)
        return found
    layers = root.entries["layers"].value
    if not isinstance(layers, Sequence) or not layers.items:
        problem = Problem("CS035", "'layers' must be a list with at least one layer", LAYERS_HINT)
        found.report(problem, document.file, layers.span)
        return found
    for node in layers.items:
        try:
            found.layers.append(native_layer(node))
        except ProblemAt as placed:
            found.diagnostics.append(_mended(placed.problem, document, node, placed.span))
            found.gaps.add(len(found.layers))
        except Problem as problem:
            found.diagnostics.append(_mended(problem, document, node, node.span))
            found.gaps.add(len(found.layers))
    return found


def _mended(problem: Problem, document: Document, node: TreeNode, span: Span | None) -> Diagnostic:
    """What is wrong with the layer at a node, with its fix."""
    found = problem.at(file=document.file, span=span)
    if found.remedy is None:
        return found
    from speccompiler.source.remedied import remedied

    return remedied(found, document, node)


def _input(name: str, entry: Entry) -> WrittenLayer:
    """The InputLayer that one of the header's inputs is short for."""
    arguments = {
        "name": Entry(entry.key_span, Scalar(name, entry.key_span)),
        "input_shape": Entry(entry.key_span, entry.value),
    }
    return WrittenLayer("InputLayer", entry.key_span, Mapping(arguments, entry.key_span))


def native_layer(node: TreeNode) -> WrittenLayer:
    """One layer of the list. Raises ``Problem`` or ``ProblemAt``: CS021, CS024, CS026."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        from speccompiler.diagnostics.remedies import Remedy, Write

        known = node.value in LAYERS or node.value in aliases()
        raise Problem(
            "CS026",
            f"a layer is a mapping, not the text {described(node.value)}",
            f"write - type: {shown(node.value)}",
            remedy=Remedy(Write({"type": node.value}), safe=known),
        )
    if not isinstance(node, Mapping):
        raise Problem("CS026", "a layer is a mapping with a 'type'", _in_a_list_hint(node))
    if "type" not in node.entries:
        raise Problem("CS021", "the layer needs 'type'", _type_hint(node), remedy=_renamed(node))
    entry = node.entries["type"].value
    kind, reads = text(entry, "type"), None
    if "inputs" in node.entries:
        reads = tuple(_names(node.entries["inputs"].value))
        node = Mapping({k: v for k, v in node.entries.items() if k != "inputs"}, node.span)
    return WrittenLayer(kind, entry.span, node, reads)


def _in_a_list_hint(node: TreeNode) -> str | None:
    """What to write for a list such as ``[Dense, {output_dim: 3}]``."""
    first = node.items[0] if isinstance(node, Sequence) and node.items else None
    known = isinstance(first, Scalar) and isinstance(first.value, str)
    if not isinstance(first, Scalar) or not known or first.value not in {*LAYERS, *aliases()}:
        return None
    return f"write - {{type: {first.value}, ...}}"


def _type_hint(node: Mapping) -> str:
    """What to write for a layer without ``type``: often the type was written as a key."""
    if "class_name" in node.entries:
        return "'class_name' is Keras's word; the native form says 'type'"
    known = [key for key in node.entries if key in LAYERS or key in aliases()]
    (key, entry), *more = node.entries.items() if node.entries else [("", None)]
    if known:
        key, entry = known[0], node.entries[known[0]]
    inside = entry.value if entry is not None else None
    holds = isinstance(inside, Mapping) or (isinstance(inside, Scalar) and inside.value is None)
    if known and isinstance(inside, Scalar) and key == "Activation" and not holds:
        return f"write - {{type: Activation, activation: {shown(str(inside.value))}}}"
    holds = holds or bool(known)
    if not holds or (more and not known):
        return _named_under_another_key(node) or "for example type: Convolution2D"
    empty = isinstance(inside, Mapping) and not inside.entries
    empty = empty or (isinstance(inside, Scalar) and inside.value is None)
    return f"write - {{type: {shown(key)}{', ...' if more or not empty else ''}}}"


def _named_under_another_key(node: Mapping) -> str | None:
    """What to write for ``kind: Dense``, which says the type under another key."""
    key = _key_of_type(node)
    if key is None:
        return None
    value = text(node.entries[key].value, key)
    return f"write type: {value} in the place of {shown(key)}: {value}"


def _key_of_type(node: Mapping) -> str | None:
    for key, entry in node.entries.items():
        value = entry.value.value if isinstance(entry.value, Scalar) else None
        if isinstance(value, str) and key != "name" and (value in LAYERS or value in aliases()):
            return key
    return None


def _renamed(node: Mapping) -> Remedy | None:
    """The key that says the type becomes ``type``."""
    from speccompiler.diagnostics.remedies import Remedy, Rename

    key = _key_of_type(node)
    if key is None or "config" in node.entries:
        return None
    return Remedy(Rename("type"), safe=key == "class_name", path=(key,))


def _names(node: TreeNode) -> list[tuple[str, Span]]:
    """The names in ``inputs: a`` or ``inputs: [a, b]``, and their places."""
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        raise ProblemAt(
            node.span, Problem("CS026", "'inputs' is empty", "name the layers it reads")
        )
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            found = described(item.value) if isinstance(item, Scalar) else "no name"
            problem = Problem(
                "CS024",
                f"'inputs' is {found}, not a layer's name",
                "name the layers or inputs whose values it reads",
            )
            raise ProblemAt(item.span, problem)
    return [(text(item, "inputs"), item.span) for item in items]
