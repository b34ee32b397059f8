"""Files beside a spec that it may name."""

from __future__ import annotations

import os
from typing import Literal

WEIGHTS = (".npy", ".npz", ".safetensors", ".h5", ".hdf5")
MODELS = (".json", ".yaml", ".yml", ".h5", ".hdf5")
MOST = 200
DEPTH = 2


def weight_names(folder: str | None, kind: Literal["weights", "models"]) -> list[str]:
    """The files of a kind in a folder and two levels below, relative to it, the nearest first."""
    if folder is None:
        return []
    suffixes = WEIGHTS if kind == "weights" else MODELS
    found: list[str] = []
    for root, folders, names in os.walk(folder):
        inner = os.path.relpath(root, folder)
        depth = 0 if inner == "." else inner.count(os.sep) + 1
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if depth < DEPTH else []
        prefix = "" if inner == "." else inner.replace(os.sep, "/") + "/"
        found += [
            prefix + name
            for name in sorted(names)
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
        if len(found) >= MOST:
            break
    return sorted(found[:MOST], key=lambda name: (name.count("/"), name))
