"""The model in an ONNX file, as a document without a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.files.ordinary_files import NotOrdinary
from speccompiler.files.system_errors import reading_reason
from speccompiler.source.document import Document, failed


def read_onnx_document(path: Path) -> Document:
    """The graph of an ONNX file; ``holder`` is the file. CS001, CS260."""
    # NumPy takes long to import.
    from speccompiler.files.onnx.reading import read_onnx

    try:
        model = read_onnx(path)
    except Problem as problem:
        return _failed(path, problem)
    except NotOrdinary as refused:
        return _failed(path, Problem("CS001", f"the file cannot be read: {refused.reason}"))
    except OSError as error:
        return _failed(path, Problem("CS001", f"the file cannot be read: {reading_reason(error)}"))
    return Document(str(path), "", None, (), holder=path, syntax="onnx", onnx=model)


def _failed(path: Path, problem: Problem) -> Document:
    if problem.code == "CS101":
        again = problem.hint or "export or copy the file again"
        problem = Problem("CS260", f"this is no sound ONNX model: {problem.message}", again)
    return replace(failed(str(path), problem), holder=path, syntax="onnx")
