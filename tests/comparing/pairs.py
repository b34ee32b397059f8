"""Two models as texts, compared: what tests of comparisons begin with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from speccompiler.comparing.compare import compare
from speccompiler.comparing.model_diff import Change, Match, ModelDiff
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.source.texts import parse_document

HEAD = "convspec: 1\ndim_ordering: tf\ninput_shape: [28, 28, 1]\n"

CONV1 = "type: Convolution2D, name: conv1, nb_filter: 8, nb_row: 3, nb_col: 3, border_mode: same"
CONV2 = "type: Convolution2D, name: conv2, nb_filter: 16, nb_row: 3, nb_col: 3, activation: relu"
POOL = "type: MaxPooling2D, name: pool"
FLAT = "type: Flatten, name: flat"
DENSE = "type: Dense, name: digit, output_dim: 10"
BASE = (CONV1, POOL, CONV2, FLAT, DENSE)
"""A chain of named layers, as the items of a spec."""


def spec(*layers: str, head: str = HEAD) -> str:
    """A native spec of items in flow style."""
    return head + "layers:\n" + "".join(f"  - {{{layer}}}\n" for layer in layers)


def model(text: str, file: str = "model.yaml", **options: Any) -> Model:
    """The model of a text that has no errors."""
    found, diagnostics = checked(parse_document(text, file), LoadOptions(**options))
    assert found is not None, diagnostics
    return found


def compared(old: str, new: str, *, old_name: str | None = None, **options: Any) -> ModelDiff:
    """The comparison of two texts."""
    one, other = model(old, "old.yaml", **options), model(new, "new.yaml", **options)
    return compare(one, other, old_name=old_name)


def without_names(layer: str) -> str:
    """An item that leaves its name to be made."""
    return ", ".join(part for part in layer.split(", ") if not part.startswith("name: "))


def said(diff: ModelDiff, *, but: Iterable[str] = ("CD4", "CD7")) -> list[str]:
    """Each change as ``CD301 conv1 nb_filter 8 -> 9``, without those of some groups."""
    return [line(change) for change in diff.changes if not change.code.startswith(tuple(but))]


def line(change: Change) -> str:
    """A change in a line."""
    return " ".join(filter(None, (change.code, change.layer, change.message)))


def matches(diff: ModelDiff) -> list[tuple[str, str | None, str | None]]:
    """How layers belong together: the word, the old and the new name, but for what is the same."""
    return [
        (
            str(pair.match),
            None if pair.old is None else pair.old.name,
            None if pair.new is None else pair.new.name,
        )
        for pair in diff.layers
        if pair.match is not Match.SAME
    ]
