"""The model in a ``.keras`` archive, as a document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.files.keras_archives import CONFIG, read_keras_archive
from speccompiler.files.npz_format import ArchiveError
from speccompiler.files.ordinary_files import NotOrdinary
from speccompiler.source.document import Document, failed
from speccompiler.source.json_layout import laid_out
from speccompiler.source.texts import parse_json


def read_keras_document(path: Path) -> Document:
    """The text of ``config.json``, laid out in lines; CS245 where there is none.

    The document is named ``model.keras#config.json``; ``holder`` is the archive.
    """
    try:
        archive = read_keras_archive(path)
    except (ArchiveError, NotOrdinary) as wrong:
        reason = wrong.reason if isinstance(wrong, NotOrdinary) else str(wrong)
        problem = Problem(
            "CS245", f"this .keras archive cannot be read: {reason}", "save or copy it again"
        )
        return replace(failed(str(path), problem), holder=path)
    document = parse_json(laid_out(archive.config), f"{path}#{CONFIG}")
    return replace(document, holder=path, keras_version=archive.keras_version)
