"""The source stage: the text of a spec becomes a tree in which every value knows its place."""

from speccompiler.source.document import Document
from speccompiler.source.files import decode_document, read_document
from speccompiler.source.positions import split_lines
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import (
    Entry,
    Mapping,
    Scalar,
    Sequence,
    TreeNode,
    find,
    span_at,
    to_data,
)

__all__ = [
    "Document",
    "Entry",
    "Mapping",
    "Scalar",
    "Sequence",
    "TreeNode",
    "decode_document",
    "find",
    "parse_document",
    "read_document",
    "span_at",
    "split_lines",
    "to_data",
]
