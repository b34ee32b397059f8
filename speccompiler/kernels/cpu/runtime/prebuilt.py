"""Machine code of the library of kernels, as a wheel brings it: one file a level.

The file is a line with the SHA-256 of the index, a line of JSON that is the index, and the object
code of all kernels, one after the other. The index has, by symbol, where the code of a kernel
lies, its SHA-256, and the functions of the C library that it calls. A run reads the index and
the few kernels that it needs.

The file also tells which sources of ours it was made from. Where all of them have their size and
none was written after the file, they are not read again to find out whether the code still holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from speccompiler.frozen import dataclass
from speccompiler.kernels.cpu.runtime.object_code import ObjectCode
from speccompiler.system.code_digest import code_digest, source_files
from speccompiler.system.processor import Level

FORMAT = b"convspec library 1 "
PACKAGE = Path(__file__).parents[3]
"""The folder of ``speccompiler``, beside whose modules the files are installed."""
FOLDER = Path(__file__).parents[1] / "prebuilt"
INSTALLING = 60.0
"""Seconds within which an installer writes all files."""


@dataclass(frozen=True, slots=True)
class PrebuiltLibrary:
    """The index of one file. ``vocabulary`` is the digest of the sources it was made from."""

    path: Path
    vocabulary: str
    start: int
    """Where the first object code lies."""
    kernels: Mapping[str, tuple[int, int, str, str]]
    """By symbol: offset, size, SHA-256, and the names of C functions."""

    def find(self, symbol: str) -> ObjectCode | None:
        """The code of a kernel; None where there is none, or what lies there is damaged."""
        found = self.kernels.get(symbol)
        if found is None:
            return None
        offset, size, digest, needs = found
        try:
            with open(self.path, "rb") as file:
                file.seek(self.start + offset)
                code = file.read(size)
        except OSError:
            return None
        if hashlib.sha256(code).hexdigest() != digest:
            return None
        return ObjectCode(code, tuple(needs.split()))


def file_name(level: Level) -> str:
    """What the file of a level is called."""
    return f"{level.name}.kernels"


def write_library(
    path: Path, level: Level, modules: tuple[str, ...], kernels: Mapping[str, ObjectCode]
) -> None:
    """Write the kernels, by symbol, that were made by ``modules`` and what these import."""
    codes, index, offset = [], {}, 0
    for symbol, made in sorted(kernels.items()):
        digest = hashlib.sha256(made.code).hexdigest()
        index[symbol] = offset, len(made.code), digest, " ".join(made.needs)
        codes.append(made.code)
        offset += len(made.code)
    files = source_files(modules).values()
    sizes = {os.path.relpath(file, PACKAGE): os.stat(file).st_size for file in files}
    content = {
        "level": level.key,
        "vocabulary": code_digest(*modules),
        "sources": {name.replace(os.sep, "/"): size for name, size in sorted(sizes.items())},
        "kernels": index,
    }
    text = json.dumps(content, separators=(",", ":")).encode() + b"\n"
    first = FORMAT + hashlib.sha256(text).hexdigest().encode() + b"\n"
    path.write_bytes(b"".join([first, text, *codes]))


def read_library(path: Path, level: Level, modules: tuple[str, ...]) -> PrebuiltLibrary | None:
    """The library in a file; None where it is missing, damaged, or not of this level and code."""
    try:
        with open(path, "rb") as file:
            written = os.fstat(file.fileno()).st_mtime
            first, text = file.readline(200), file.readline()
    except OSError:
        return None
    if first != FORMAT + hashlib.sha256(text).hexdigest().encode() + b"\n":
        return None
    content = json.loads(text)
    if content["level"] != level.key:
        return None
    vocabulary = content["vocabulary"]
    if not _untouched(content["sources"], written) and code_digest(*modules) != vocabulary:
        return None
    return PrebuiltLibrary(path, vocabulary, len(first) + len(text), content["kernels"])


def _untouched(sources: Mapping[str, int], written: float) -> bool:
    """Whether all sources are as long as they were, and none is newer than the file."""
    try:
        for name, size in sources.items():
            status = os.stat(os.path.join(PACKAGE, name))
            if status.st_size != size or status.st_mtime > written + INSTALLING:
                return False
    except OSError:
        return False
    return True
