"""The dim_ordering of layers that do not say one.

Keras 1.x never writes dim_ordering for UpSampling, ZeroPadding and Cropping
(1.2.2 layers/convolutional.py:1359, 1429, 1601, 1667). The layers that do carry
one decide for them when they agree; otherwise convspec asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.schemas.fields import Layer, argument

Ordering = Literal["th", "tf"]


def ordering_of(layer: Layer) -> str | None:
    """What a layer says: ``th``, ``tf`` or ``default``; None where it makes no difference to it."""
    if not layer.inner.uses_ordering:
        return None
    value = argument(layer.inner, "dim_ordering")
    return str(value) if value is not None else None


def resolve_orderings(
    layers: Sequence[Layer], decided: Ordering | None
) -> tuple[tuple[Layer, ...], list[Diagnostic]]:
    """The layers with every ``default`` replaced; ``decided`` is what the model or caller says."""
    open_layers = [layer for layer in layers if ordering_of(layer) == "default"]
    if not open_layers:
        return tuple(layers), []
    diagnostics: list[Diagnostic] = []
    if decided is None:
        said = {o for layer in layers if (o := ordering_of(layer)) in {"th", "tf"}}
        if len(said) != 1:
            return tuple(layers), list(_ask(open_layers, conflicting=len(said) == 2))
        decided = "th" if "th" in said else "tf"
        names = ", ".join(f"'{layer.name}'" for layer in open_layers)
        diagnostics.append(
            Diagnostic(
                "CS042",
                f"dim_ordering of {names} is taken as '{decided}', as all other layers say; "
                "the file does not hold it",
                Severity.NOTE,
                layer=open_layers[0].name,
                hint="--dim-ordering decides otherwise",
            )
        )
    still_open = set(map(id, open_layers))
    resolved = tuple(
        layer.wrapping(layer.inner.model_copy(update={"dim_ordering": decided}))
        if id(layer) in still_open
        else layer
        for layer in layers
    )
    return resolved, diagnostics


def _ask(layers: Iterable[Layer], *, conflicting: bool) -> Iterable[Diagnostic]:
    why = "the other layers disagree" if conflicting else "no other layer says one"
    for layer in layers:
        problem = Problem(
            "CS041",
            f"the file does not say this layer's dim_ordering, and {why}",
            "pass --dim-ordering th or --dim-ordering tf",
        )
        yield problem.at(layer=layer.name)
