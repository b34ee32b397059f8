"""TensorFlow's SavedModel, a folder that holds a program: known by its files, never read."""

from __future__ import annotations

from pathlib import Path

from speccompiler.diagnostics.core import Problem

FILE = "saved_model.pb"
_MESSAGE = "this is a SavedModel of TensorFlow's: a program, which is never executed"
_HINT = (
    "load it where TensorFlow is, and save it as model.h5 or model.keras: "
    "tf.keras.models.load_model(FOLDER).save('model.h5')"
)


def is_saved_model(path: Path) -> bool:
    """Whether a path is such a folder, or the program in it."""
    try:
        return path.name == FILE or (path / FILE).is_file()
    except (OSError, ValueError):  # no name of a file
        return False


def saved_model() -> Problem:
    """CS002 with the way to a file that is read."""
    return Problem("CS002", _MESSAGE, _HINT)
