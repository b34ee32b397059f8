"""What stands at a place: the layer with its shape and cost, the argument, or the type."""

from __future__ import annotations

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.argument_docs import (
    header_text,
    layer_arguments,
    type_markdown,
)
from speccompiler.language_server.findings import shown_findings
from speccompiler.language_server.layer_text import table
from speccompiler.language_server.names import definition_at
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.language_server.tree_paths import Found, covers, found_at, owner_of
from speccompiler.language_server.written_layers import NamedLayer


@dataclass(frozen=True, slots=True)
class HoverText:
    """Markdown, and the part that it is about."""

    markdown: str
    span: Span


def hover_at(file: SpecFile, line: int, column: int) -> HoverText | None:
    """The text for a place, counted from 1; None where there is nothing to say."""
    parts: list[str] = []
    span: Span | None = None
    then = file.then(line)
    root = file.readable.document.root
    if then is not None and root is not None and file.readable.is_spec:
        found = found_at(root, then, column)
        text, where = (None, None) if found is None else _about(file.readable, found)
        span = None if where is None else file.span_now(where)
        parts += [text] if text is not None and span is not None else []
    for diagnostic in shown_findings(file):
        if diagnostic.span is not None and covers(diagnostic.span, line, column):
            parts.append(_explained(diagnostic.code))
            span = span or diagnostic.span
    if not parts or span is None:
        return None
    return HoverText("\n\n---\n\n".join(dict.fromkeys(parts)), span)


def _explained(code: str) -> str:
    from speccompiler.diagnostics.codes import CODES

    entry = CODES[code]
    return f"**{code}: {entry.title}**\n\n{entry.why}\n\n*What to do:* {entry.fix}"


def _about(analysis: Analysis, found: Found) -> tuple[str | None, Span | None]:
    owner = owner_of(found)
    layer = _layer_around(analysis, found)
    if owner is None:
        key = found.steps[0]
        if found.on_key and len(found.steps) == 1:
            return header_text(str(key)), found.span
        referred = definition_at(analysis, found)
        return (None, None) if referred is None else (_layer(analysis, referred), found.span)
    step = owner.steps[0] if owner.steps else None
    if step in {"type", "class_name"}:
        parts = [] if layer is None or len(owner.steps) != 1 else [_layer(analysis, layer)]
        about = type_markdown(owner.type)
        parts += [] if about is None else [about]
        return ("\n\n---\n\n".join(parts) or None), found.span
    referred = None if found.on_key else definition_at(analysis, found)
    if referred is not None:
        return _layer(analysis, referred), found.span
    arguments = layer_arguments(owner.type)
    if step is None or str(step) not in arguments:
        return (None if layer is None else _layer(analysis, layer)), found.span
    argument = arguments[str(step)]
    if len(owner.steps) > 1 and str(owner.steps[1]) in argument.keys:
        argument = argument.keys[str(owner.steps[1])]
    return argument.markdown(), found.span


def _layer_around(analysis: Analysis, found: Found) -> NamedLayer | None:
    """The layer of the list whose mapping a part is in."""
    spans = {id(node.span) for node in found.nodes}
    for layer in analysis.layers:
        if id(layer.written.arguments.span) in spans or id(layer.written.type_span) in spans:
            return layer
    return None


def _layer(analysis: Analysis, layer: NamedLayer) -> str:
    """What is known of a layer: its name, type, shape and cost."""
    kind = "input of the model" if layer.is_header_input else layer.written.type
    head = f"**{layer.name}** ({kind})"
    known = analysis.shape_of(layer)
    if known is None:
        return f"{head}\n\nits shape is not known while there are mistakes in front of it"
    tensors = analysis.tensors.get(known.report.name, [])
    return f"{head}\n\n{table(known.report, tensors)}"
