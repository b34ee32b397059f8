"""Releases of Keras: which is older, and how messages name the one that wrote a file."""

from __future__ import annotations

import re

from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ShownRelease:
    """The release by whose rules a file is read, and why; ``sure`` if no older one wrote it."""

    version: str
    why: str
    sure: bool


def writer(keras_version: str | None) -> str:
    """The release, or that none was written into the file."""
    return f"Keras {keras_version}" if keras_version else "this Keras (before 1.0.4)"


def before(version: str | None, release: tuple[int, ...]) -> bool:
    """Whether a file's version is older than a release; a text that is no version is not."""
    if version is None:
        return True
    parts = version.split(".")[: len(release)]
    return all(p.isascii() and p.isdigit() for p in parts) and tuple(map(int, parts)) < release


def release_to_say(version: str | None) -> str | None:
    """What a native spec has to say of a file's version: nothing of Keras 1.x, which it follows.

    Numbers and ``-tf`` are kept; what else is behind them ("rc1", ".dev2024") decides nothing.
    """
    found = re.match(r"[1-9](\.[0-9]{1,5}){1,3}", version or "")
    if version is None or found is None or before(version, (2,)):
        return None
    return found[0] + ("-tf" if version.endswith("-tf") else "")


def tensorflows(version: str | None) -> bool:
    """Whether TensorFlow's own Keras, or Keras 3 after it, is of this version.

    Multi-backend Keras ended with 2.3.1; TensorFlow's releases up to 2.3 end in ``-tf``.
    """
    return version is not None and (version.endswith("-tf") or not before(version, (2, 4)))
