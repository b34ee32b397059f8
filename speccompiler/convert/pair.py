"""A converted spec and its weights, written so that neither is used with those of another."""

from __future__ import annotations

from pathlib import Path

from speccompiler.convert.conversion import Converted
from speccompiler.convert.spec_text import relative, spec_text
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files.atomic_output import FileGroup, atomic_file, cannot_create, write_failure
from speccompiler.system.unfinished_files import write_all


def write_pair(converted: Converted, spec_path: Path, weights_path: Path | None) -> int:
    """Write the spec, and its tensors where there is a file for them; how many tensors.

    Both are complete before either gets its name. The spec comes first and holds the digest of
    its tensors: a process that dies in between leaves a spec that refuses the weights beside it.
    Raises ``SpecError`` CS120, CS121.
    """
    count, digest = 0, None
    with FileGroup() as group:
        if weights_path is not None:
            _check_name(weights_path, spec_path)
            written = converted.write_weights(weights_path, group)
            count, digest = written.count, written.sha256
        text = spec_text(
            converted, spec_path=spec_path, weights_path=weights_path, weights_sha256=digest
        )
        try:
            _write(spec_path, text, group)
        except Problem as problem:
            raise SpecError([problem.at(file=str(spec_path))]) from None
    return count


def default_weights_path(spec_path: Path) -> Path:
    """The spec's own path with another ending; bytes that are not UTF-8 become ``%FF``."""
    bytes_escaped = (
        f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in spec_path.stem
    )
    return spec_path.with_name(f"{''.join(bytes_escaped)}.safetensors")


def _check_name(weights_path: Path, spec_path: Path) -> None:
    """CS120 for a path that a spec, which is UTF-8, cannot hold."""
    name = relative(weights_path, spec_path)
    try:
        name.encode()
    except UnicodeEncodeError:
        problem = cannot_create(
            "its name is not UTF-8 text, and so the spec cannot say it",
            "give --weights-output a name, and folders, that are",
        )
        raise SpecError([problem.at(file=str(weights_path))]) from None


def _write(path: Path, text: str, group: FileGroup) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise cannot_create(
            "it would have to name a file whose name is not UTF-8 text",
            "rename the arrays that 'verify' names",
        ) from None
    with atomic_file(path, len(data), group) as stream:
        try:
            write_all(stream, data)
        except OSError as error:
            raise write_failure(error, "a part of the text") from None
