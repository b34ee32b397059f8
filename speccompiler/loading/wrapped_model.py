"""A spec that wraps a model of another file: ``convspec: 1`` and ``model: old.h5``.

The document that is loaded is the model's; the wrapper stays beside it, and what it says of
the whole model overrules what the model says.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from speccompiler.diagnostics.core import Diagnostic, Problem, has_errors
from speccompiler.diagnostics.wording import shown
from speccompiler.schemas.model import ModelHeader
from speccompiler.source.document import Document
from speccompiler.source.files import read_document
from speccompiler.source.tree import Mapping, TreeNode, span_at, to_data

if TYPE_CHECKING:
    from speccompiler.schemas.wrapped_model import WrapperHeader

_OWN = {"convspec", "model", "replace"}


def unwrapped(document: Document) -> Document:
    """The document of the model that a wrapper names; any other document as it is.

    What is wrong with the wrapper, or with the model's file, is among the findings: CS079.
    """
    root = document.root
    if not isinstance(root, Mapping) or "convspec" not in root.entries:
        return document
    if "model" not in root.entries and "replace" not in root.entries:
        return document
    found = [*document.diagnostics, *_wrong(document, root)]
    if has_errors(found):
        return replace(document, root=None, diagnostics=tuple(found))
    header = _header(root)
    inner = read_document(Path(document.file).parent / header.model)
    entry = root.entries["model"].value
    if inner.root is None and any(d.code == "CS001" for d in inner.diagnostics):
        found += [
            replace(
                d,
                file=document.file,
                span=entry.span,
                message=f"the model '{shown(header.model)}': {d.message}",
            )
            for d in inner.diagnostics
        ]
        return replace(document, root=None, diagnostics=tuple(found))
    if isinstance(inner.root, Mapping) and "model" in inner.root.entries:
        problem = Problem(
            "CS079",
            f"'{shown(header.model)}' wraps a model itself",
            "name the file that holds the layers",
        )
        found.append(problem.at(file=document.file, span=entry.span))
        return replace(document, root=None, diagnostics=tuple(found))
    return replace(inner, diagnostics=(*found, *inner.diagnostics), wrapper=document)


def _wrong(document: Document, root: Mapping) -> list[Diagnostic]:
    """The findings about the wrapper itself."""
    from speccompiler.schemas.wrapped_model import WrapperHeader

    entries = root.entries
    if "model" not in entries:
        problem = Problem(
            "CS079",
            "'replace' is for a spec that names a model, and this one has no 'model'",
            "write what the layer computes in its place, or name the file: model: old.h5",
        )
        return [problem.at(file=document.file, span=entries["replace"].key_span)]
    found = [
        Problem(
            "CS079",
            f"'{key}' is for a spec that lists its layers; this one names a model",
            "the model says it; leave it out",
        ).at(file=document.file, span=entries[key].key_span)
        for key in ("layers", *WrapperHeader.not_said)
        if key in entries
    ]
    if found:
        return found
    try:
        _header(root)
    except ValidationError as error:
        from speccompiler.loading.schema_errors.problems import schema_problems

        for path, at_key, problem in schema_problems(error, WrapperHeader, "the spec"):
            span = span_at(root, path, key=at_key)
            found.append(problem.at(file=document.file, span=span))
    return found


def _header(root: Mapping) -> WrapperHeader:
    from speccompiler.schemas.wrapped_model import WrapperHeader

    return WrapperHeader.model_validate(to_data(root))


def answers_of(document: Document) -> dict[str, tuple[Document, TreeNode]]:
    """What a wrapper's ``replace`` says, by the layers' names, and where it stands."""
    wrapper = document.wrapper
    if wrapper is None or not isinstance(wrapper.root, Mapping):
        return {}
    entry = wrapper.root.entries.get("replace")
    if entry is None or not isinstance(entry.value, Mapping):
        return {}
    return {name: (wrapper, item.value) for name, item in entry.value.entries.items()}


def overruled(document: Document, header: ModelHeader | None) -> ModelHeader | None:
    """The model's header with what its wrapper says, files relative to the model's folder."""
    wrapper = document.wrapper
    if wrapper is None or header is None or not isinstance(wrapper.root, Mapping):
        return header
    said = _header(wrapper.root)
    here, there = (os.path.dirname(file) or "." for file in (wrapper.file, document.file))
    update: dict[str, Any] = {
        name: value
        for name in ModelHeader.model_fields
        if name not in _OWN and (value := getattr(said, name)) is not None
    }
    if os.path.normpath(here) != os.path.normpath(there):
        apart = os.path.relpath(here, there)
        for name in update.keys() & {"weights", "verify"}:
            update[name] = _moved(update[name], apart)
    return header.model_copy(update=update)


def _moved(value: Any, apart: str) -> Any:
    """A value of the header with the files in it named as seen from another folder."""
    if isinstance(value, str):
        return os.path.normpath(os.path.join(apart, value))
    if isinstance(value, dict):
        return {key: _moved(entry, apart) for key, entry in value.items()}
    if hasattr(value, "model_copy"):
        fields = {name: _moved(getattr(value, name), apart) for name in type(value).model_fields}
        return value.model_copy(update=fields)
    return value


def place_of(document: Document, key: str) -> Document:
    """The document that says a key of the header: the wrapper, or the model's own."""
    wrapper = document.wrapper
    said = wrapper is not None and isinstance(wrapper.root, Mapping) and key in wrapper.root.entries
    return wrapper if wrapper is not None and said else document
