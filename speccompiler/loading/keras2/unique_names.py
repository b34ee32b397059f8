"""The names that layers bear here: each once, though models inside of one another may share them.

Weights are found by the same names, so that both take them in the same order: that of the file,
what a model or a wrapper holds before it.
"""

from __future__ import annotations


def unique(taken: set[str], name: str, container: str = "") -> str:
    """A name that is not ``taken`` yet, and is from now on; ``container`` is the model's around."""
    found, number = name, 1
    if name in taken and container:
        name = found = f"{container}_{name}"
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found
