"""The text of a spec to a ``Document`` that holds the spec or the saved model itself."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import PurePath

from speccompiler.diagnostics.core import Problem
from speccompiler.source.document import Document, DocumentSource, failed
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.parsing import parse_as
from speccompiler.source.positions import split_lines
from speccompiler.source.saved_models import stands_alone

_FLOW_START = r"\s*[\[{]"
_JSON_START = r"\s*[\[{](?:\s*[\[{])*\s*(?:[\"\]}]|\Z)"


def parse_document(text: str, file: str) -> Document:
    """Read a text; ``file`` is shown, and its extension (.json, .yaml, .yml) names the format.

    Without one of these, a text that starts with '{' or '[' is read as JSON, and as a
    YAML flow collection where its syntax is not JSON's.
    """
    text = text.removeprefix("\ufeff")
    # A character takes at least one byte, so the bytes are only counted where it matters.
    if len(text) > MAX_BYTES:
        return failed(file, too_large(len(text)))
    return _unpacked(_parsed(text, file))


def parse_json(text: str, file: str) -> Document:
    """Read a text that is JSON whatever its name."""
    if len(text) > MAX_BYTES:
        return failed(file, too_large(len(text)))
    return _unpacked(parse_as(text, file, "json"))


def read_again(source: DocumentSource) -> Document:
    """The document of a source, read from its text."""
    if source.onnx and source.holder is not None:
        from speccompiler.source.onnx_document import read_onnx_document

        return read_onnx_document(source.holder)
    if source.holder is None:
        return parse_document(source.text, source.file)
    document = parse_json(source.text, source.file)
    return replace(
        document,
        holder=source.holder,
        keras_version=source.keras_version,
        backend=source.backend,
    )


def _parsed(text: str, file: str) -> Document:
    """Read a text in the format that its extension names, or else by how it begins."""
    suffix = PurePath(file).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return parse_as(text, file, "yaml")
    if suffix == ".json":
        return parse_as(text, file, "json")
    if not re.match(_FLOW_START, text):
        return parse_as(text, file, "yaml")
    as_json = parse_as(text, file, "json")
    # YAML would take '// a comment' as text, and give keys that nobody wrote.
    if all(d.code != "CS003" for d in as_json.diagnostics) or _stopped_at_comment(as_json):
        return as_json
    as_yaml = parse_as(text, file, "yaml")
    return as_json if as_yaml.root is None and re.match(_JSON_START, text) else as_yaml


def _stopped_at_comment(document: Document) -> bool:
    """True when reading ended at a comment as JavaScript has them."""
    span = document.diagnostics[-1].span
    if span is None:
        return False
    line = split_lines(document.text)[span.line - 1]
    return line.startswith(("//", "/*"), span.column - 1)


def _unpacked(document: Document) -> Document:
    """The document with the model that it holds as its root: nearly always it is that already."""
    if document.root is not None and stands_alone(document.root, json=document.syntax == "json"):
        return document
    from speccompiler.source.packed_models import unpacked

    return unpacked(document)


def too_large(size: int) -> Problem:
    """CS005 for a text of so many bytes."""
    mebibytes = math.ceil(size / 2**20 * 10) / 10  # 16.0 is not more than 16
    return Problem(
        "CS005",
        f"the text is {mebibytes:.1f} MiB; at most {MAX_BYTES // 2**20} MiB are read",
        "keep arrays in .npy, .npz or .safetensors files",
    )
