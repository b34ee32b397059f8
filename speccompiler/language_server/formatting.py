"""The text as ``convspec fmt`` lays it out."""

from __future__ import annotations

from speccompiler.language_server.spec_file import SpecFile


def laid_out(file: SpecFile) -> str | None:
    """The text laid out; None for one that cannot be read, and for what Keras wrote."""
    from speccompiler.editing.formatting import formatted, is_native

    document = file.current.document
    if document.root is None or document.diagnostics or not is_native(document):
        return None
    return formatted(document)
