"""RNN around cells: one of Keras's cells is its layer, several of them are layers in a row."""

from __future__ import annotations

from speccompiler.diagnostics.wording import shown
from speccompiler.loading.keras0.tree_building import added, scalar
from speccompiler.loading.keras2.reading import Reading
from speccompiler.loading.keras2.values import value_of, without
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Mapping, Sequence, TreeNode

LAYERS_OF = {"SimpleRNNCell": "SimpleRNN", "GRUCell": "GRU", "LSTMCell": "LSTM"}
_OF_CELLS = ("name", "trainable", "dtype")


def cells_of(reading: Reading, config: Mapping) -> list[tuple[str, Mapping]] | None:
    """The recurrent layers that an RNN is, by class and arguments; None for other cells.

    Cells on one another step together, each on what the one below gives: as layers the same
    comes out. CS242 where they go backwards: the first layer would turn the steps around, but not
    the mask that the others read.
    """
    entry = config.entries.get("cell")
    cells = [] if entry is None else _cells(entry.value)
    if not cells or any(text_at(cell, "class_name") not in LAYERS_OF for cell in cells):
        return None
    if len(cells) > 1 and value_of(config, "go_backwards") is True:
        name = shown(text_at(config, "name") or "RNN")
        reading.refuse(
            config.entries["go_backwards"].value.span,
            "CS242",
            f"'{name}' goes backwards through several cells on one another, which is not read",
            "turn the steps around before the layer, and let it go forwards",
        )
    outer = without(config, "cell")
    found = []
    for number, cell in enumerate(cells):
        inner = cell.entries["config"].value if "config" in cell.entries else None
        if not isinstance(inner, Mapping):
            return None
        own = without(inner, *_OF_CELLS)
        arguments = Mapping({**own.entries, **outer.entries}, config.span)
        if number < len(cells) - 1:
            arguments = added(arguments, return_sequences=scalar(True, config.span))
        found.append((LAYERS_OF[text_at(cell, "class_name") or ""], arguments))
    return found


def _cells(node: TreeNode) -> list[Mapping]:
    """The cells of a stack, or one alone; Keras 2 has them in a list too."""
    if text_at(node, "class_name") == "StackedRNNCells" and isinstance(node, Mapping):
        config = node.entries["config"].value if "config" in node.entries else node
        listed = config.entries.get("cells") if isinstance(config, Mapping) else None
        node = node if listed is None else listed.value
    items = node.items if isinstance(node, Sequence) else (node,)
    cells = [item for item in items if isinstance(item, Mapping)]
    return cells if len(cells) == len(items) else []
