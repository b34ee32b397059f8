"""Which layer of a text that need not be complete the cursor is in."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.language_server.argument_docs import Argument, layer_arguments
from speccompiler.language_server.cursor import Cursor
from speccompiler.language_server.loose_tree import LooseList, LooseMap


class LayerPlace:
    """Which layer the cursor is in, and which argument of it."""

    def __init__(self, cursor: Cursor) -> None:
        self.type: str | None = None
        self.keras = False
        self.inside: tuple[str | int, ...] = cursor.steps
        self.is_layer = False
        for depth in range(len(cursor.around) - 1, -1, -1):
            node, above = cursor.around[depth], cursor.steps[:depth]
            if not isinstance(node, LooseMap):
                continue
            said = node.said()
            listed = bool(above) and ("layers" in above or above[-1] == "layer")
            if "class_name" in said and above:
                self.type, self.keras, self.is_layer = said["class_name"], True, True
            elif listed and isinstance(above[-1], int | str) and _is_layer_place(above):
                self.type, self.is_layer = said.get("type"), True
            else:
                continue
            self.inside = cursor.steps[depth:]
            break
        in_layers = cursor.steps[:-1][-1:] == ("layers",)
        self.lists_layers = in_layers and isinstance(cursor.around[-1], LooseList)

    @property
    def arguments(self) -> Mapping[str, Argument]:
        """What the layer takes."""
        return layer_arguments(self.type) if self.type else {}


def _is_layer_place(above: tuple[str | int, ...]) -> bool:
    """Whether the steps lead to a layer: an item of ``layers``, or a wrapper's ``layer``."""
    return above[-1] == "layer" or (len(above) >= 2 and above[-2] == "layers")
