"""What is known of a diagnostic code, and how a command ends that finds it."""

from __future__ import annotations

from enum import Enum

from speccompiler.frozen import dataclass


class Kind(Enum):
    """Whose fault a finding is; it decides the exit status of a command."""

    INPUT = "input"
    """Something that the user wrote or gave is wrong: a spec, weights, an array."""
    IO = "io"
    """A file cannot be opened or written, or the machine cannot do what is asked."""
    GPU = "gpu"
    """As ``IO``, of the GPU: no file of the user's is at fault."""
    SETTINGS = "settings"
    """What a project decides on findings is wrong, so that nothing can be said of them."""


@dataclass(frozen=True, slots=True)
class Code:
    """A documented kind of finding."""

    title: str
    why: str
    fix: str
    kind: Kind = Kind.INPUT
