"""The names of the layers in a text that need not be complete."""

from __future__ import annotations

from collections import Counter

from speccompiler.frozen import dataclass
from speccompiler.language_server.loose_tree import Loose, LooseList, LooseMap
from speccompiler.schemas.registry import own_type


@dataclass(frozen=True, slots=True)
class ListedName:
    """A layer's name, its type, and its number in the list; inputs of the header have none."""

    name: str
    type: str
    number: int | None


def listed_names(root: Loose) -> list[ListedName]:
    """The header's inputs and the layers, with Keras's automatic names where they say none."""
    if not isinstance(root, LooseMap):
        return []
    inputs, layers = root.get("inputs"), root.get("layers")
    names = list(inputs.said()) if isinstance(inputs, LooseMap) else []
    found = [ListedName(name, "input", None) for name in names]
    items = layers.items if isinstance(layers, LooseList) else []
    said = [item.said() if isinstance(item, LooseMap) else {} for item in items]
    taken = {one["name"] for one in said if one.get("name")}
    counts: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for number, one in enumerate(said):
        kind = one.get("type", "")
        name = one.get("name")
        if kind == "Shared" and one.get("layer"):
            calls[one["layer"]] += 1
            name = name or f"{one['layer']}@{calls[one['layer']] + 1}"
        if not kind:
            continue
        base = own_type(kind).lower()
        while not name:
            counts[base] += 1
            candidate = f"{base}_{counts[base]}"
            name = None if candidate in taken else candidate
        found.append(ListedName(name, kind, number))
    return found
