"""Open lengths: bound to the shapes that a caller gives, or asked for (CS052)."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.graph.ir import Node, Shape
from speccompiler.graph.shapes import format_shape
from speccompiler.loading.argument_checks import whole_lengths
from speccompiler.lowering.inputs import declared_inputs
from speccompiler.options import InputShapes
from speccompiler.schemas.model import ModelSpec
from speccompiler.validation.input_checks import by_input, check_shape


def bound_shapes(declared: Mapping[str, Shape], given: InputShapes) -> dict[str, Shape]:
    """The declared shape of every input, with its open lengths bound where ``given`` says them.

    Raises ``Problem``: CS124 (no such input), CS024 and CS025 (no length), CS116 (wrong rank),
    CS117 (wrong length).
    """
    shapes = by_input(given, tuple(declared), "shape")
    return {
        name: _bound_shape(shape, whole_lengths(shapes[name])) if name in shapes else shape
        for name, shape in declared.items()
    }


def _bound_shape(declared: Shape, given: tuple[int | None, ...]) -> Shape:
    check_shape(declared, given)
    return tuple(
        d if isinstance(d, int) or g is None else g for d, g in zip(declared, given, strict=True)
    )


def bound_spec(spec: ModelSpec, given: InputShapes) -> ModelSpec:
    """The spec with the open lengths of its inputs bound; raises as ``bound_shapes`` does."""
    names = (entry.name for entry in spec.inputs)
    shapes = bound_shapes(dict(zip(names, declared_inputs(spec), strict=True)), given)
    inputs = tuple(
        entry.model_copy(
            update={"shape": tuple(d if isinstance(d, int) else None for d in shapes[entry.name])}
        )
        for entry in spec.inputs
    )
    return spec.model_copy(update={"inputs": inputs})


def is_open(node: Node) -> bool:
    """Whether an input has lengths that are not known."""
    return not all(isinstance(length, int) for length in node.shape)


def open_finding(node: Node, *, several: bool) -> Diagnostic:
    """CS052 for an input with open lengths; where there are ``several`` inputs it is named."""
    name, option = (f" '{node.layer}'", f"{node.layer}=") if several else ("", "")
    example = ",".join(str(d) if isinstance(d, int) else "128" for d in node.shape)
    return Diagnostic(
        "CS052",
        f"the input{name} {format_shape(node.shape)} has open lengths",
        hint=f"give its shape, for example --input-shape {option}{example}",
    )
