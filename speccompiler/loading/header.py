"""What a spec says of the whole model, checked by its schema."""

from __future__ import annotations

from pydantic import ValidationError

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.loading.written_spec import WrittenSpec
from speccompiler.schemas.model import ModelHeader, SemanticsFields
from speccompiler.schemas.profiles import Profile
from speccompiler.source.document import Document
from speccompiler.source.tree import Mapping, span_at, to_data


def read_header(
    document: Document, written: WrittenSpec
) -> tuple[ModelHeader | None, list[Diagnostic]]:
    """The header, or None with what is wrong; Keras's files have none, and get an empty one."""
    if not written.native:
        return ModelHeader(convspec=1), []
    node = written.header
    if node is None:
        return None, []
    try:
        header = ModelHeader.model_validate(to_data(node))
    except ValidationError as error:
        # Few specs have mistakes, and only these need the words for them.
        from speccompiler.loading.schema_errors.problems import schema_problems
        from speccompiler.source.remedied import remedied

        return None, [
            remedied(
                problem.at(file=document.file, span=span_at(node, path, key=at_key)),
                document,
                document.root if isinstance(document.root, Mapping) else node,
                path,
            )
            for path, at_key, problem in schema_problems(error, ModelHeader, "the spec")
        ]
    if header.weights_sha256 is None or header.weights is not None:
        return header, []
    problem = Problem(
        "CS026",
        "'weights_sha256' is the digest of the tensors in 'weights', which is not given",
        "name the file: weights: FILE",
    )
    span = span_at(node, ("weights_sha256",))
    return header, [problem.at(file=document.file, span=span)]


def semantics_of(
    header: ModelHeader, written: WrittenSpec, override: Profile | None
) -> SemanticsFields | None:
    """What the caller, the header or the file's age says; None where none of them says it."""
    if override is not None:
        return SemanticsFields.model_construct(profile=override)
    if isinstance(header.semantics, SemanticsFields):
        return header.semantics
    said = header.semantics or written.semantics or ("tensorflow" if written.native else None)
    return None if said is None else SemanticsFields.model_construct(profile=said)


def document_name(document: Document) -> str:
    """The name of a model that says none: that of its file, without folder and endings."""
    stem = document.file.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0]
    # A file's name may be bytes that are no text; a model's is text.
    return stem.encode("utf-8", "backslashreplace").decode().strip("<>") or "model"
