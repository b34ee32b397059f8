"""The model that ``model.save()`` of Keras put into an HDF5 file, as a document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.source.document import Document, failed
from speccompiler.source.json_layout import laid_out
from speccompiler.source.texts import parse_json

INSIDE = "#model_config"
"""Follows the name of an HDF5 file in findings about the text of the model in it."""

AGAIN = "write or copy the file again"


def read_hdf5_document(path: Path) -> Document:
    """The text of ``model_config``, laid out in lines; CS080 and CS081 where there is none.

    The document is named ``model.h5#model_config``; ``holder`` is the file, which also holds
    the model's weights.
    """
    from speccompiler.files.hdf5_files import read_hdf5

    try:
        contents = read_hdf5(path)
    except Problem as found:
        if found.code != "CS101":
            return _failed(path, found)
        message = f"this file holds no model that can be read: {found.message}"
        return _failed(path, Problem("CS080", message, found.hint or AGAIN))
    if contents.model_config is None:
        weights = contents.layers is not None or bool(contents.tensors)
        what = "weights but no model" if weights else "no model"
        hint = "give the model's JSON, YAML or spec, and this file with --weights"
        problem = Problem(
            "CS081",
            f"this HDF5 file holds {what}: it has no attribute 'model_config'",
            hint if weights else None,
        )
        return _failed(path, problem)
    document = parse_json(laid_out(contents.model_config), f"{path}{INSIDE}")
    return replace(
        document,
        holder=path,
        keras_version=contents.keras_version,
        backend=contents.backend,
    )


def _failed(path: Path, problem: Problem) -> Document:
    return replace(failed(str(path), problem), holder=path)
