"""Spec to graph: Keras spellings end here.

``LOWER`` is the one table; a new layer on existing operations adds one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.diagnostics.wording import shape_as_written as format_declared
from speccompiler.graph.dims import symbol
from speccompiler.graph.ir import Graph, Input, Node, Shape, Weight, weights_of
from speccompiler.graph.shapes import format_shape
from speccompiler.loading.dim_orderings import ordering_of
from speccompiler.loading.inputs import agree, declared_shapes
from speccompiler.loading.training_arguments import ignored
from speccompiler.lowering import channels
from speccompiler.lowering.activations import (
    lower_elu,
    lower_leaky_relu,
    lower_parametric_softplus,
    lower_prelu,
    lower_srelu,
    lower_thresholded_relu,
)
from speccompiler.lowering.beyond_keras import lower_reduce, lower_resize, lower_slice
from speccompiler.lowering.builder import Builder, Semantics, layers_of
from speccompiler.lowering.convolution import (
    lower_convolution1d,
    lower_convolution2d,
    lower_convolution3d,
    lower_dense,
)
from speccompiler.lowering.core import (
    lower_activation,
    lower_flatten,
    lower_identity,
    lower_permute,
    lower_repeat_vector,
    lower_reshape,
)
from speccompiler.lowering.embedding import (
    lower_embedding,
    lower_highway,
    lower_masking,
    lower_maxout_dense,
    lower_time_distributed_dense,
)
from speccompiler.lowering.local_response import lower_lrn2d
from speccompiler.lowering.merging import lower_merge
from speccompiler.lowering.normalization import lower_batch_normalization
from speccompiler.lowering.pooling import lower_global_pooling, lower_pooling
from speccompiler.lowering.refusals import gathered, note_refusals
from speccompiler.lowering.resizing import (
    lower_cropping,
    lower_upsampling,
    lower_zero_padding1d,
    lower_zero_padding2d,
    lower_zero_padding3d,
)
from speccompiler.lowering.separable import lower_locally_connected, lower_separable_convolution2d
from speccompiler.lowering.spatial import swapped
from speccompiler.lowering.time_distributed import lower_time_distributed
from speccompiler.lowering.transposed import lower_deconvolution2d
from speccompiler.schemas.dense import Dense, Highway, MaxoutDense
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.time_distributed import TimeDistributed
from speccompiler.schemas.training import Unknown

__all__ = [
    "LOWER",
    "Lowered",
    "Semantics",
    "declared_inputs",
    "input_dims",
    "layers_of",
    "lower",
]

LOWER: Mapping[str, Callable[..., Node]] = {
    "Convolution1D": lower_convolution1d,
    "Convolution2D": lower_convolution2d,
    "Convolution3D": lower_convolution3d,
    "MaxPooling1D": lower_pooling,
    "MaxPooling2D": lower_pooling,
    "MaxPooling3D": lower_pooling,
    "AveragePooling1D": lower_pooling,
    "AveragePooling2D": lower_pooling,
    "AveragePooling3D": lower_pooling,
    "UpSampling1D": lower_upsampling,
    "UpSampling2D": lower_upsampling,
    "UpSampling3D": lower_upsampling,
    "ZeroPadding1D": lower_zero_padding1d,
    "ZeroPadding2D": lower_zero_padding2d,
    "ZeroPadding3D": lower_zero_padding3d,
    "InputLayer": lower_identity,
    "Activation": lower_activation,
    "Dropout": lower_identity,
    "Flatten": lower_flatten,
    "Reshape": lower_reshape,
    "Dense": lower_dense,
    "Cropping1D": lower_cropping,
    "Cropping2D": lower_cropping,
    "Cropping3D": lower_cropping,
    "GlobalMaxPooling1D": lower_global_pooling,
    "GlobalMaxPooling2D": lower_global_pooling,
    "GlobalMaxPooling3D": lower_global_pooling,
    "GlobalAveragePooling1D": lower_global_pooling,
    "GlobalAveragePooling2D": lower_global_pooling,
    "GlobalAveragePooling3D": lower_global_pooling,
    "Permute": lower_permute,
    "RepeatVector": lower_repeat_vector,
    "SpatialDropout1D": lower_identity,
    "SpatialDropout2D": lower_identity,
    "SpatialDropout3D": lower_identity,
    "GaussianDropout": lower_identity,
    "GaussianNoise": lower_identity,
    "LeakyReLU": lower_leaky_relu,
    "ELU": lower_elu,
    "ThresholdedReLU": lower_thresholded_relu,
    "PReLU": lower_prelu,
    "ParametricSoftplus": lower_parametric_softplus,
    "SReLU": lower_srelu,
    "BatchNormalization": lower_batch_normalization,
    "AtrousConvolution1D": lower_convolution1d,
    "AtrousConvolution2D": lower_convolution2d,
    "Deconvolution2D": lower_deconvolution2d,
    "SeparableConvolution2D": lower_separable_convolution2d,
    "LocallyConnected1D": lower_locally_connected,
    "LocallyConnected2D": lower_locally_connected,
    "Embedding": lower_embedding,
    "Masking": lower_masking,
    "ActivityRegularization": lower_identity,
    "Highway": lower_highway,
    "MaxoutDense": lower_maxout_dense,
    "TimeDistributedDense": lower_time_distributed_dense,
    "TimeDistributed": lambda b, layer, *xs: lower_time_distributed(_lower_layer, b, layer, *xs),
    "Merge": lower_merge,
    "Slice": lower_slice,
    "Reduce": lower_reduce,
    "Resize": lower_resize,
    "LRN2D": lower_lrn2d,
}


@dataclass(frozen=True, slots=True)
class Lowered:
    """The graph (None when a layer does not fit) and what was found on the way."""

    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    unknown: Mapping[tuple[str, str], Unknown] = field(default_factory=dict)
    """Arguments of a Keras file's layers that do not suit the shapes of their tensors."""


SYMBOLS = {1: ("T",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What open lengths are called, by the number of spatial axes."""


def input_dims(shape: tuple[int | None, ...], ordering: str, number: int | None = None) -> Shape:
    """The declared input with a named symbol for each open length.

    ``number`` tells the symbols of one input from those of another.
    """
    rank = len(shape) - 1
    names = SYMBOLS.get(rank, tuple(f"N{i + 1}" for i in range(rank)))
    order = ("C", *names) if ordering == "th" and rank > 1 else (*names, "C")
    return _named(order, shape, number)


def _named(names: Sequence[str], shape: Sequence[int | None], number: int | None) -> Shape:
    suffix = "" if number is None else f"_{number}"
    return tuple(
        symbol(name + suffix) if length is None else length
        for name, length in zip(names, shape, strict=True)
    )


def declared_inputs(spec: ModelSpec) -> tuple[Shape, ...]:
    """Shapes of one sample of each input, with symbols where lengths are open."""
    ordering = _first_ordering(spec)
    several = sum(None in given.shape for given in spec.inputs) > 1
    over_steps = {layer.name for layer in spec.layers if isinstance(layer, TimeDistributed)}
    by_step = {call.name for call in spec.calls if call.layer in over_steps}
    by_step |= {name for call in spec.calls if call.layer in over_steps for name in call.inputs}
    shapes = []
    for number, given in enumerate(spec.inputs, start=1):
        count = number if several else None
        if given.name in by_step and len(given.shape) > 2:
            # Where one step has steps of its own, T are those.
            name = "S" if len(given.shape) == 3 else "T"
            steps = _named((name,), given.shape[:1], count)
            shapes.append((*steps, *input_dims(given.shape[1:], ordering, count)))
        else:
            shapes.append(input_dims(given.shape, ordering, count))
    return tuple(shapes)


def lower(
    spec: ModelSpec,
    semantics: Semantics,
    shapes: Sequence[Shape] | None = None,
    held: Graph | None = None,
) -> Lowered:
    """Lower a validated spec. ``shapes`` binds the inputs of one sample (default: as declared).

    The first layer that does not fit ends it: what follows has no input. ``held`` is the graph
    with lengths still open, by which weights were found: what a layer declares of its input is
    not passed over where its weights would become others.
    """
    builder = Builder(semantics, frozenset(call.name for call in spec.calls))
    builder.unknown = None if spec.native else {}
    calls_of = Counter(call.layer for call in spec.calls)
    builder.shared = frozenset(layer for layer, count in calls_of.items() if count > 1)
    values: dict[str, Node] = {}
    given: dict[str, Node] = {}
    axes: dict[str, channels.Axis] = {}
    said = channels.orderings(spec.layers)
    for entry, shape in zip(spec.inputs, shapes or declared_inputs(spec), strict=True):
        builder.layer = builder.call = entry.name
        try:
            given[entry.name] = builder.add(Input(shape))
        except Problem as problem:
            return Lowered(None, (problem.at(layer=entry.name),))
    layers = {str(layer.name): layer for layer in spec.layers}
    passed: dict[str, Problem] = {}
    stored: dict[tuple[str, str], Weight] = {}
    before = {} if held is None else _weights(held.nodes)
    for call in spec.calls:
        builder.layer, builder.call = call.layer, call.name
        layer = layers[call.layer]
        read = [values[name] for name in call.inputs] or [given[call.name]]
        start = len(builder.nodes)
        try:
            contradiction = _contradiction(layer, read[0])
            if contradiction is not None and spec.native:
                raise contradiction
            if contradiction is not None:
                passed.setdefault(call.layer, contradiction)
            value = builder.finish_layer(_lower_layer(builder, layer, *read))
            _check_shared(stored, builder.nodes[start:])
            if contradiction is not None and _differ(before, builder.nodes[start:]):
                raise contradiction
        except Problem as problem:
            explained = _explain(problem, layer, read[0], semantics)
            diagnostic = explained.at(layer=call.name)
            return Lowered(None, (*gathered(builder.diagnostics), diagnostic))
        values[call.name] = value
        known = [axes[name] for name in call.inputs]
        known = known or [channels.of_input(said, read[0].shape)]
        off = channels.off_the_channels(layer, call.name, known[0], read[0].shape)
        builder.diagnostics += [] if off is None else [off]
        axes[call.name] = channels.after(layer, known, value.shape)
    graph = Graph(tuple(builder.nodes), spec.outputs)
    notes = [ignored(passed, next(iter(passed.values())).argument)] if passed else []
    return Lowered(graph, (*notes, *gathered(builder.diagnostics)), builder.unknown or {})


def _weights(nodes: Iterable[Node]) -> dict[tuple[str, str], Weight]:
    return {(w.layer, w.tensor): w for node in nodes for w in weights_of(node.op)}


def _differ(before: Mapping[tuple[str, str], Weight], nodes: Iterable[Node]) -> bool:
    """Whether a weight has another stored shape than it had."""
    now = _weights(nodes).items()
    return any(key in before and before[key].stored_shape != w.stored_shape for key, w in now)


def _check_shared(stored: dict[tuple[str, str], Weight], nodes: Iterable[Node]) -> None:
    """CS066 where a later call of a layer would need weights of another shape."""
    for weight in (w for node in nodes for w in weights_of(node.op)):
        first = stored.setdefault((weight.layer, weight.tensor), weight)
        if first.stored_shape != weight.stored_shape:
            raise Problem(
                "CS066",
                f"layer '{weight.layer}' is shared: its {weight.tensor} has shape "
                f"{first.stored_shape} by its first call, and {weight.stored_shape} by this one",
                "every call of a layer needs an input with the same number of channels",
            )
        assert first == weight, f"{weight.layer}: calls of a layer read its weights alike"


def _first_ordering(spec: ModelSpec) -> str:
    """The ordering of the first layer that has one, or of the model; it names the open axes."""
    said = (ordering_of(layer) for layer in spec.layers)
    return next((o for o in said if o is not None), spec.dim_ordering or "tf")


def _lower_layer(builder: Builder, layer: Layer, *read: Node) -> Node:
    value = LOWER[layer.class_name](builder, layer, *read)
    note_refusals(builder, layer, read[0].shape)
    return value


def _contradiction(layer: Layer, x: Node) -> Problem | None:
    """CS037 for a layer that declares its input again (as nested models do), and not as it is."""
    known = tuple(d if isinstance(d, int) else None for d in x.shape)
    for argument, shape in declared_shapes(layer).items():
        if not agree(shape, known):
            return Problem(
                "CS037",
                f"'{argument}' says {format_declared(shape)}, but the input has shape "
                f"{format_shape(x.shape)}",
                "drop it: only the first layer needs it",
                argument=argument,
            )
    if (
        isinstance(layer, Dense | Highway | MaxoutDense)
        and layer.input_dim not in {None, known[-1]}
        and known[-1]
    ):
        return Problem(
            "CS037",
            f"'input_dim' says {layer.input_dim}, but the last axis of the input "
            f"{format_shape(x.shape)} is {known[-1]} long",
            "drop it: the shape of the input is known without it",
            argument="input_dim",
        )
    return None


def _explain(problem: Problem, layer: Layer, x: Node, semantics: Semantics) -> Problem:
    """Name the incoming shape, and th/tf confusion where swapping would fit."""
    if problem.code == "CS045":
        hint = _reordered(layer, x, semantics) or problem.hint
        return Problem(problem.code, problem.message, hint, argument=problem.argument)
    if problem.code != "CS044":
        return problem
    message = f"{problem.message}; the layer's input is {format_shape(x.shape)}"
    hint = _reordered(layer, x, semantics)
    if hint is None and getattr(layer, "dim_ordering", None) is None:
        hint = _turned(layer, x, semantics)
    if hint is None:
        hint = problem.hint or "use a smaller window, border_mode 'same', or a larger input"
    return Problem(problem.code, message, hint)


def _reordered(layer: Layer, x: Node, semantics: Semantics) -> str | None:
    """A hint where a layer would fit in the other ordering.

    Without its shape where lengths are open: their names are those of this ordering's axes.
    """
    ordering = getattr(layer, "dim_ordering", None)
    if ordering not in {"th", "tf"}:
        return None
    other = swapped(ordering)
    trial = Builder(semantics, frozenset(), [x])
    try:
        fits = _lower_layer(trial, layer.model_copy(update={"dim_ordering": other}), x)
    except Problem:
        return None
    known = all(isinstance(d, int) for d in fits.shape)
    giving = f" and give {format_shape(fits.shape)}" if known else ""
    return f"dim_ordering is '{ordering}'; with '{other}' it would fit{giving}"


def _turned(layer: Layer, x: Node, semantics: Semantics) -> str | None:
    """A hint where a layer over steps would fit with its input's two axes the other way round."""
    if len(x.shape) != 2 or layer.class_name == "TimeDistributed":
        return None
    turned = Node(x.name, Input(x.shape[::-1]), (), x.shape[::-1], x.layer)
    try:
        fits = _lower_layer(Builder(semantics, frozenset(), [turned]), layer, turned)
    except Problem:
        return None
    sizes = ", ".join("null" if not isinstance(d, int) else str(d) for d in turned.shape)
    way = f"write input_shape: [{sizes}]"
    if not isinstance(x.op, Input) and x.inputs:
        way = "a Permute with dims [2, 1] before it turns them"
    return f"steps come first, then channels: {way}, which would give {format_shape(fits.shape)}"
