"""A spec's text as a ``Document``: its tree, and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.frozen import dataclass
from speccompiler.source.findings import Findings
from speccompiler.source.tree import TreeNode

if TYPE_CHECKING:
    from speccompiler.files.onnx.model import OnnxModel

Syntax = Literal["json", "yaml", "python", "onnx"]


@dataclass(frozen=True, slots=True)
class Document:
    """A text, the tree that it was read into, and what is wrong with it."""

    file: str
    """The name to show."""
    text: str
    """Without a byte order mark: the spans of ``root`` and ``diagnostics`` are places in it."""
    root: TreeNode | None
    """None where the text could not be read as a whole.

    Where a key is there twice (CS004) the tree holds the first; all other findings leave no tree.
    """
    diagnostics: tuple[Diagnostic, ...]
    holder: Path | None = None
    """The HDF5 file that the text is a part of, or the ONNX file: what holds the weights too."""
    keras_version: str | None = None
    """What wrote the model, as its HDF5 file says, or what it was packed into."""
    backend: str | None = None
    """What Keras computed on, as the file around the text says."""
    wrapper: Document | None = None
    """The spec that names this document as its model."""
    syntax: Syntax = "json"
    """What the text was read as; "onnx" where there is none."""
    onnx: OnnxModel | None = None
    """The model of an ONNX file, which has no text and no tree."""

    @property
    def shown_file(self) -> str:
        """The file that a person knows, without the place inside it."""
        if self.wrapper is not None:
            return self.wrapper.shown_file
        return self.file if self.holder is None else str(self.holder)

    @property
    def read_files(self) -> tuple[str, ...]:
        """Every file that was read for it."""
        own = self.file if self.holder is None else str(self.holder)
        return (own,) if self.wrapper is None else (own, *self.wrapper.read_files)

    def source(self) -> DocumentSource:
        """What the document can be read from again, in another process too."""
        if self.wrapper is not None:
            return self.wrapper.source()
        return DocumentSource(
            os.path.abspath(self.file) if os.path.exists(self.file) else self.file,
            self.text,
            None if self.holder is None else self.holder.absolute(),
            self.keras_version,
            self.backend,
            self.syntax == "onnx",
        )


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """The text of a document, and what goes with it; small enough to be sent around."""

    file: str
    text: str
    holder: Path | None
    keras_version: str | None
    backend: str | None = None
    onnx: bool = False
    """Whether ``holder`` is an ONNX file."""


def failed(file: str, problem: Problem, text: str = "", at: int | None = None) -> Document:
    """A document that could not be read, because of ``text[at]`` where that is known."""
    span = None if at is None else Findings(file, text).lines.caret(at, at + 1)
    return Document(file, text, None, (problem.at(file=file, span=span),))
