"""Files of git revisions as ordinary files, so that everything that reads files reads these.

A spec is copied with the files that it names, in the same places to each other. What is said
of a copy is put into the user's words at the end: ``HEAD~1:models/a.yaml``.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode

Lookup = Callable[[str], bytes | None]
"""The bytes of a place, or None where there is no such file."""


class RevisionCopies:
    """Copies in a folder that the caller removes, each under what the user calls its revision."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefixes: list[str] = []

    def path(self, prefix: str, place: str) -> Path:
        """Where the copy of ``place`` is, or would be; ``prefix`` is such as ``HEAD~1:``."""
        if prefix not in self._prefixes:
            self._prefixes.append(prefix)
        return self._folder / str(self._prefixes.index(prefix)) / place

    def put(self, prefix: str, place: str, data: bytes) -> Path:
        """Copy one file."""
        path = self.path(prefix, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def put_named(
        self, prefix: str, place: str, root: TreeNode | None, lookup: Lookup, *, weights: bool
    ) -> None:
        """Copy the files that a spec names, as far as they are there."""
        for name in names_of_files(root, weights=weights):
            there = posixpath.normpath(posixpath.join(posixpath.dirname(place), name))
            if there.startswith(("..", "/")) or self.path(prefix, there).exists():
                continue
            data = lookup(there)
            if data is not None:
                self.put(prefix, there, data)

    def said(self, text: str) -> str:
        """A text with the copies' paths as the user knows them."""
        if str(self._folder) in text:
            for number, prefix in enumerate(self._prefixes):
                text = text.replace(os.path.join(self._folder, str(number), ""), prefix)
        return text

    def located(self, found: Diagnostic) -> Diagnostic:
        """A finding that names no copy."""
        return replace(
            found,
            message=self.said(found.message),
            file=None if found.file is None else self.said(found.file),
            hint=None if found.hint is None else self.said(found.hint),
        )


def names_of_files(root: TreeNode | None, *, weights: bool) -> Iterator[str]:
    """The files that a spec names: the model that it wraps, and where asked for its weights."""
    if not isinstance(root, Mapping):
        return
    model = root.entries.get("model")
    if model is not None:
        yield from _texts(model.value)
    if weights:
        for text in _below(root, "weights"):
            yield text
            # Where the name of the file ends, only the file can tell.
            yield from (text[:at] for at, sign in enumerate(text) if sign == "#")


def _below(node: TreeNode, key: str) -> Iterator[str]:
    """Texts under a key, wherever it stands."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _below(item, key)
    elif isinstance(node, Mapping):
        for name, entry in node.entries.items():
            yield from _texts(entry.value) if name == key else _below(entry.value, key)


def _texts(node: TreeNode) -> Iterator[str]:
    if isinstance(node, Scalar):
        if isinstance(node.value, str) and node.value:
            yield node.value
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _texts(item)
