"""How alike two layers are: what pairs layers that neither a name nor all arguments pair."""

from __future__ import annotations

from functools import cache

from speccompiler.comparing.layer_arguments import arguments, same_type
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.kernel_layer import ProductLayer

TYPE, ARGUMENTS, PLACE, NAME = 0.3, 0.35, 0.35, 0.05
"""What each is worth; a generated name tells little."""
LEAST = 0.66
"""Layers that are less alike are one that went and one that came."""
KIN = 0.5
"""What layers of one family are worth, beside those of one type."""
_ACTIVATIONS = frozenset({"activation_layer", "advanced_activations"})


@cache
def family(kind: type[Layer]) -> str:
    """Equal for types that may stand for each other: two convolutions, two pools."""
    if issubclass(kind, ProductLayer):
        return f"products over {kind.rank} axes"
    module = kind.__module__.rpartition(".")[2]
    if module in _ACTIVATIONS:
        return "activations"
    return f"{module} over {kind.rank} axes"


def likeness(old: Layer, new: Layer) -> float:
    """What type and arguments are worth together; 0 where nothing speaks for a pair."""
    if not same_type(old, new):
        kin = family(type(old.inner)) == family(type(new.inner))
        return TYPE * KIN + ARGUMENTS * _share(old, new) if kin else 0.0
    return TYPE + ARGUMENTS * _share(old, new)


def _share(old: Layer, new: Layer) -> float:
    """The share of the arguments that both have and that are equal."""
    one, other = arguments(old), arguments(new)
    equal = len([name for name, value in one.items() if name in other and other[name] == value])
    return equal / max(len(one), len(other))
