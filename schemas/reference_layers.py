"""The layers' part of ``docs/spec.md``: what they share once, then each with an example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic.fields import FieldInfo

from speccompiler.schemas.arguments import COMMON, own_arguments
from speccompiler.schemas.dense import Dense
from speccompiler.schemas.examples import EXAMPLES, Example, Shape, Shapes
from speccompiler.schemas.fields import ORDERING_TEXT, Layer, LayerOrdering
from speccompiler.schemas.markdown import default_of, first_line, table
from speccompiler.schemas.registry import LAYERS, NATIVE_LAYERS

DOCUMENTED = tuple(LAYERS)[:15]
"""The layers that the mirrored pages document; the registry begins with them."""

_OF_PRODUCTS = tuple(n for n in own_arguments(Dense) if n not in {"output_dim", "input_dim"})
SHARED: Mapping[str, FieldInfo] = {
    **{name: Dense.model_fields[name] for name in _OF_PRODUCTS},
    "dim_ordering": FieldInfo(
        annotation=LayerOrdering,
        default="default",
        description=ORDERING_TEXT,
    ),
}
"""Arguments that mean the same in every layer that takes them."""

SHARED_TITLE = "Arguments that layers share"
_SHARED_LINK = "#arguments-that-layers-share"


BEYOND = """### Layers that Keras 1.x has not

They say as data what people wrote as a Lambda, and what only later releases of Keras have: a file
of Keras 2 or 3 is read into these. In a file of Keras 1.x such a name is a class of its author's
own.
"""


def contents() -> str:
    """Links to every layer."""
    others = [name for name in LAYERS if name not in DOCUMENTED]
    return "\n".join(
        [
            "- [Layers](#layers)",
            f"  - {', '.join(map(_link, DOCUMENTED))}",
            f"  - {', '.join(map(_link, others))}",
        ]
    )


def shared_arguments() -> Iterator[str]:
    """The arguments that are not repeated at each layer."""
    yield f"## {SHARED_TITLE}\n"
    yield "Every layer takes these, and `inputs` ([Graphs](#graphs)):\n"
    yield table({name: Layer.model_fields[name] for name in COMMON})
    yield (
        "Of these, a layer takes those that it names. `W` and `b` are its weights; activations, "
        "regularisers, constraints and initialisers have sections of their own.\n"
    )
    yield table(SHARED)


def layer_sections() -> Iterator[str]:
    """A section for each layer: what it needs, what it may be given, an example."""
    yield "## Layers\n"
    yield (
        "Required arguments come first. Each example is a whole spec, with the shapes of its "
        "input, its output and its weights, as they are stored; `N` is the number of samples.\n"
    )
    first_native = next(name for name in LAYERS if name in NATIVE_LAYERS)
    for name, layer in LAYERS.items():
        if name == first_native:
            yield BEYOND
        yield f"### {name}\n"
        also = f" Also called {' and '.join(f'`{a}`' for a in layer.aliases)}."
        yield f"{first_line(layer)}{also if layer.aliases else ''}\n"
        own, shared = _arguments(layer)
        yield table(own)
        if shared:
            takes = "Also" if own else "It takes"
            yield f"{takes}, as described [above]({_SHARED_LINK}): {_listed(shared)}.\n"
        if name in EXAMPLES:
            yield from _example(name, EXAMPLES[name])


def _arguments(layer: type[Layer]) -> tuple[dict[str, FieldInfo], dict[str, FieldInfo]]:
    """A layer's own arguments, and those that are described as shared ones."""
    fields = {name: layer.model_fields[name] for name in own_arguments(layer)}
    shared = {
        name: field
        for name, field in fields.items()
        if name in SHARED and field.description == SHARED[name].description
    }
    return {n: f for n, f in fields.items() if n not in shared}, shared


def _listed(shared: Mapping[str, FieldInfo]) -> str:
    names = []
    for name, field in shared.items():
        default = default_of(name, field)
        differs = default != default_of(name, SHARED[name])
        names.append(f"`{name}` (default {default})" if differs else f"`{name}`")
    return ", ".join(names)


def _example(name: str, example: Example) -> Iterator[str]:
    yield f"```yaml\n{example.spec(name)}```\n"
    yield _shape_line(example.th)
    if example.tf is not None:
        yield f"With `dim_ordering: tf`: {_shape_line(example.tf)}"


def _shape_line(shapes: Shapes) -> str:
    given = shapes.given.values() if isinstance(shapes.given, Mapping) else [shapes.given]
    line = f"{' and '.join(map(_batch, given))} → {_batch(shapes.output)}"
    if shapes.weights:
        line += "; weights " + ", ".join(f"`{n} {_stored(s)}`" for n, s in shapes.weights.items())
    return f"{line}\n"


def _batch(shape: Shape) -> str:
    return f"`({', '.join(map(str, ('N', *shape)))})`"


def _stored(shape: Iterable[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
