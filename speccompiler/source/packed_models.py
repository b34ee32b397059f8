"""A saved model inside another form: opened, so that the document holds the model itself.

    json.dump(model.to_json(), f)         a JSON text in a JSON string, in any number of levels
    f.write(str(model.get_config()))      Python's literals
    json.dump({"model": text, ..}, f)     one entry of a mapping or of a list
    one JSON text a line

Only what Keras wrote is looked for. A native spec is written by hand and stands by itself, and a
document in which no model is found stays as it was read.
"""

from __future__ import annotations

import re
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.source.document import Document, Syntax
from speccompiler.source.inner_text import InnerLines, TextMap, inner_lines
from speccompiler.source.not_models import not_a_model
from speccompiler.source.parsing import parse_as
from speccompiler.source.positions import LineIndex
from speccompiler.source.saved_models import MODEL_CLASSES, is_model, may_hold_model, text_at
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

MOST_LEVELS = 6
"""Texts in texts: each level of JSON doubles the backslashes."""
MOST_LINES = 1000
MOST_TEXTS = 1000
"""Scalars that are read as texts of their own, in one document."""
SHORTEST = 40
"""Characters: {"class_name": "Sequential", "config": [..]}."""

_PYTHON_START = re.compile(r"\s*(?:[\[({]\s*)*(?:[uUbB]?'|[uUbB]\"|OrderedDict\()")
_PRINTED = re.compile(r"\s*(Using [^\n]*)\n(?:Using [^\n]*\n)*")
_LINE_START = re.compile(r"^[ \t]*(?=[\[{\"])", re.MULTILINE)
_REPR = "what Python's str() or repr() wrote"
_PACKED = {"json": "a JSON string", "yaml": "a YAML text", "python": _REPR}
_BYTES = re.compile(r"b?(['\"]?)(.*)\1", re.DOTALL)


@dataclass(slots=True)
class _Tries:
    """How many more scalars of a document may be read as texts of their own."""

    left: int = MOST_TEXTS


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that was read, and the index of its lines."""

    document: Document
    lines: LineIndex
    tries: _Tries

    @property
    def root(self) -> TreeNode | None:
        """What it holds; None where it could not be read."""
        return self.document.root


@dataclass(frozen=True, slots=True)
class _Found:
    """A model that was found inside of a text, and findings about the texts that hold it.

    ``packed`` names the forms around it, the innermost first. ``root`` is None where the text of
    a model was found but could not be read.
    """

    root: TreeNode | None
    packed: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    keras_version: str | None = None

    def inside(self, form: str, diagnostics: tuple[Diagnostic, ...] = ()) -> _Found:
        """The same, packed into one form more; a text in Python's form is named once."""
        twice = form == _REPR and self.packed[-1:] == (_REPR,)
        return replace(
            self,
            packed=self.packed if twice else (*self.packed, form),
            diagnostics=(*diagnostics, *self.diagnostics),
        )


class _Several(Exception):
    """The text holds two models or more, and only one can be read."""

    def __init__(self, node: TreeNode, names: list[str]) -> None:
        super().__init__()
        self.node = node
        self.names = names


def unpacked(document: Document) -> Document:
    """The document with the model that it holds as its root; CS070 says what it stood in.

    CS073 where it holds several.
    """
    if not may_hold_model(document.text) or _is_spec(document.root):
        return _told(document)
    read = _Text(document, LineIndex(document.text), _Tries())
    try:
        found = _found(read)
    except _Several as several:
        problem = Problem(
            "CS073",
            f"this file holds {len(several.names)} models: {', '.join(several.names[:6])}",
            "write the one that is meant into a file of its own",
        )
        finding = problem.at(file=document.file, span=several.node.span)
        return replace(document, root=None, diagnostics=(finding,))
    if found is None:
        return _told(document)
    diagnostics = found.diagnostics
    if found.packed and found.root is not None:
        diagnostics += (
            Diagnostic(
                "CS070",
                f"the model was read out of {', in '.join(found.packed)}",
                Severity.NOTE,
                document.file,
                found.root.span,
                hint="convspec convert writes it as a spec",
            ),
        )
    version = document.keras_version or found.keras_version
    return replace(document, root=found.root, diagnostics=diagnostics, keras_version=version)


def _told(document: Document) -> Document:
    """The document; if it is known to be no model, that is its finding, and not its syntax."""
    if isinstance(document.root, Mapping | Sequence):
        return document
    problem = not_a_model(document.text)
    if problem is None:
        return document
    return replace(document, root=None, diagnostics=(problem.at(file=document.file),))


def _is_spec(root: TreeNode | None) -> bool:
    """Whether the text names what it is: a native spec, or a class that is no model."""
    if not isinstance(root, Mapping):
        return False
    other = "class_name" in root.entries and text_at(root, "class_name") not in MODEL_CLASSES
    return "convspec" in root.entries or other


def _found(read: _Text) -> _Found | None:
    """The model in a text, read in the first form in which it holds one.

    YAML reads most of what Python writes as something else, with texts such as '(None' in it.
    Python's form is therefore tried first, except for a scalar of a file that is named YAML.
    """
    text = read.document.text
    first = _in_root(read) if read.document.syntax == "json" or _is_yaml_scalar(read) else None
    if first is not None:
        return first
    if _PYTHON_START.match(text):
        other = _parsed(read, text, read.lines, "python")
        found = _in_root(other)
        if found is not None and found.root is not None:
            return found.inside(_REPR)
    if read.root is None:
        return _in_root(_one_a_line(read)) or _behind_printed_lines(read)
    return _in_root(read)


def _behind_printed_lines(read: _Text) -> _Found | None:
    """What a program printed: ``python save.py > model.json`` begins 'Using Theano backend.'."""
    printed = _PRINTED.match(read.document.text)
    if printed is None:
        return None
    part = read.document.text[printed.end() :]
    lines = _part(part, read.lines, printed.end())
    for syntax in _syntaxes(part):
        found = _in_root(_parsed(read, part, lines, syntax))
        if found is not None and found.root is not None:
            return found.inside(f"what a program printed, behind '{shown(printed[1])}'")
    return None


def _part(part: str, lines: LineIndex, start: int) -> LineIndex:
    places = TextMap(start)
    places.add(0, start)
    return InnerLines(part, lines, places)


def _is_yaml_scalar(read: _Text) -> bool:
    return isinstance(read.root, Scalar) and read.document.file.lower().endswith((".yaml", ".yml"))


def _in_root(read: _Text | None) -> _Found | None:
    found = None if read is None or read.root is None else _model_in(read, read.root, MOST_LEVELS)
    if read is None or found is None:
        return None
    return replace(found, diagnostics=(*read.document.diagnostics, *found.diagnostics))


def _parsed(outer: _Text, text: str, lines: LineIndex, syntax: Syntax) -> _Text:
    return _Text(parse_as(text, outer.document.file, syntax, lines), lines, outer.tries)


def _one_a_line(read: _Text) -> _Text | None:
    """JSON lines as the list of their values; None for any other text."""
    document = read.document
    starts = [found.end() for found in _LINE_START.finditer(document.text)]
    if not 1 < len(starts) <= MOST_LINES:
        return None
    items: list[TreeNode] = []
    for start, end in zip(starts, [*starts[1:], len(document.text)], strict=True):
        part = document.text[start:end].rstrip()
        one = _parsed(read, part, _part(part, read.lines, start), "json")
        if one.root is None:
            return None
        items.append(one.root)
    root = Sequence(tuple(items), items[0].span)
    return replace(read, document=replace(document, root=root, diagnostics=(), syntax="json"))


def _model_in(read: _Text, node: TreeNode, levels: int) -> _Found | None:
    """The one model that a node is or holds; raises ``_Several``."""
    if is_model(node):
        return _with_config(read, node, levels)
    if levels == 0:
        return None
    if isinstance(node, Scalar):
        return _in_text(read, node, levels - 1)
    return _in_collection(read, node, levels - 1)


def _in_collection(read: _Text, node: Mapping | Sequence, levels: int) -> _Found | None:
    """The model in one of the values; others may be a weight file's name and the like."""
    if isinstance(node, Mapping):
        values = [(f"'{shown(key)}'", entry.value) for key, entry in node.entries.items()]
        form = "the entry {} of a mapping"
    else:
        values = [(str(number), item) for number, item in enumerate(node.items, 1)]
        form = "item {} of a list"
    held = [(name, found) for name, v in values if (found := _model_in(read, v, levels))]
    if len(held) > 1:
        raise _Several(node, [name for name, _ in held])
    if not held:
        return None
    (name, found), beside = held[0], text_at(node, "keras_version")
    if found.keras_version is None and beside is not None and (bare := _BYTES.fullmatch(beside)):
        found = replace(found, keras_version=bare[2])
    return found.inside(form.format(name))


def _in_text(read: _Text, node: Scalar, levels: int) -> _Found | None:
    """The model whose text a scalar holds."""
    text = node.value
    if not isinstance(text, str) or len(text) < SHORTEST or not may_hold_model(text):
        return None
    if read.tries.left == 0:
        return None
    read.tries.left -= 1
    syntax = read.document.syntax
    lines = inner_lines(read.document.text, read.lines, node.span, text, syntax)
    broken: _Found | None = None
    for inner_syntax in _syntaxes(text):
        inner = _parsed(read, text, lines, inner_syntax)
        found = None if inner.root is None else _model_in(inner, inner.root, levels)
        if found is not None:
            found = found.inside(_REPR) if inner_syntax == "python" else found
            return found.inside(_PACKED[syntax], inner.document.diagnostics)
        if inner.root is None and broken is None and text.lstrip()[:1] in {"{", "["}:
            broken = _Found(None, (), inner.document.diagnostics)
    return broken


def _syntaxes(text: str) -> tuple[Syntax, ...]:
    """The forms that a text may have, by how it begins."""
    start = text.lstrip()[:1]
    if start in {"{", "[", '"'}:
        return ("json", "python", "yaml") if _PYTHON_START.match(text) else ("json", "yaml")
    return ("python", "yaml") if _PYTHON_START.match(text) else ("yaml",)


def _with_config(read: _Text, node: TreeNode, levels: int) -> _Found:
    """A model whose ``config`` may itself be a text."""
    entry = node.entries.get("config") if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or entry is None or not isinstance(entry.value, Scalar):
        return _Found(node)
    found = None if levels == 0 else _in_text(read, entry.value, levels - 1)
    if found is None or found.root is None:
        return found or _Found(node)
    if isinstance(found.root, Mapping) and "class_name" in found.root.entries:
        return found
    config = Entry(entry.key_span, found.root)
    return replace(found, root=Mapping({**node.entries, "config": config}, node.span))
