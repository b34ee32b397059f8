"""References of a spec to stored tensors: ``kernel.npy``, ``model.npz#conv1/W``."""

from __future__ import annotations

import re
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.frozen import dataclass
from speccompiler.weights.files.file_formats import ENDINGS

_MOST_SIGNS = 8
"""How many '#' of a reference may stand in the names of folders."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A tensor named by a spec: a file, and the key inside it where one is given."""

    path: Path
    key: str | None


def resolve_reference(text: str, base: Path) -> Reference:
    """Split ``kernel.npy`` or ``model.npz#conv1/W``; the path is relative to ``base``.

    Files and folders may have a ``#`` in their names, and weight files any ending. The key
    begins behind the first ``#`` that follows the name of a file that exists; else behind that
    which follows a known ending; else behind the first. Nothing is opened: ``find`` of the
    opened file checks the key.
    """
    name, key = _split(text, base)
    if key == "":
        raise Problem(
            "CS103",
            f"reference {quoted(text)} ends in '#' and names no tensor",
            "write the tensor's name after '#', or leave '#' out for a file of one tensor",
        )
    return Reference(base / name, key)


def _split(text: str, base: Path) -> tuple[str, str | None]:
    if "#" not in text or _is_file(base / text):
        return text, None
    places = [place for place, sign in enumerate(text) if sign == "#"]
    for place in places[:_MOST_SIGNS]:
        if _is_file(base / text[:place]):
            return text[:place], text[place + 1 :]
    endings = "|".join(re.escape(ending) for ending in ENDINGS)
    parts = re.match(rf"(.*?(?:{endings}))(?:#(.*))?$", text, re.IGNORECASE | re.DOTALL)
    if parts is not None:
        return parts[1], parts[2]
    name, _, key = text.partition("#")
    return name, key


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
