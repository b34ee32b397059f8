"""The tensors that a model takes, and the shapes in which a file may store them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace

from speccompiler.files.tensor_info import TensorInfo
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import UnsharedPlaces, Weight
from speccompiler.weights.matching.stored_forms import (
    CudnnBiases,
    CudnnKernels,
    StoredForm,
    unshared_forms,
)

Shape = tuple[int, ...]
TensorName = tuple[str, str]
"""Layer name and tensor name, e.g. ``("conv1", "W")``."""

CONV1D_OLD_AXES = (2, 3, 1, 0)
"""Turns a Convolution1D kernel of Keras up to 1.0.8 into today's layout (np.transpose)."""

_OTHER_ORDERING = {4: ((2, 3, 1, 0), (3, 2, 0, 1)), 5: ((2, 3, 4, 1, 0), (4, 3, 0, 1, 2))}


@dataclass(frozen=True, slots=True)
class WantedTensor:
    """A tensor that the model needs."""

    shape: Shape
    alternatives: tuple[tuple[Shape, tuple[int, ...] | None], ...] = ()
    """Other stored shapes, each with the axes that ``np.transpose`` takes to bring it to
    ``shape``; no axes where the numbers stay as they lie, None where they are repeated."""
    only: bool = False
    """Whether a file holds one of the alternatives, and never ``shape`` itself."""
    forms: tuple[tuple[Shape, StoredForm], ...] = ()
    """Other forms, each with the shape that it is stored in."""

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """All shapes in which a file may hold it."""
        return (self.shape, *(s for s, _ in self.alternatives), *(s for s, _ in self.forms))


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a wanted tensor lies in a file, and how it becomes what is wanted.

    ``transpose`` and ``form`` are None if it is stored so.
    """

    key: str
    transpose: tuple[int, ...] | None = None
    form: StoredForm | None = None


Matches = Mapping[TensorName, StoredTensor]


@dataclass(frozen=True, slots=True)
class WantedTensors:
    """What a model takes from a file, and what of it comes from elsewhere."""

    tensors: Mapping[TensorName, WantedTensor]
    """In the order of the model's layers, and of Keras in each."""
    given: Collection[TensorName] = ()
    """Tensors that come from elsewhere: the file may hold them as well."""
    wrapped: Mapping[str, str] = field(default_factory=dict)
    """Names of layers that others wrap, by the wrapper's name: Keras names tensors after them."""
    in_keras2: Mapping[TensorName, WantedTensor] = field(default_factory=dict)
    """How Keras 2 stores those that it stores in another layout."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """The layers at the paths of a ``.weights.h5`` (``saved_paths``)."""
    writer: str | None = None
    """The later Keras that wrote the model, as "Keras 2.1.6"; None for any other model."""


def wanted_tensor(weight: Weight) -> WantedTensor:
    """The shapes in which Keras stored a weight, whatever layer it belongs to."""
    shape = weight.stored_shape
    match weight.variants:
        case "conv1d":
            return old_conv1d_kernel(shape)
        case "shared":
            return shared_parameter(shape)
        case "split":
            return same_numbers(shape, weight.split)
        case UnsharedPlaces():
            return WantedTensor(shape, forms=unshared_forms(weight.variants, shape))
        case "cudnn":
            biases = 2 * shape[0] if len(shape) == 1 else math.prod(shape)
            return WantedTensor(shape, forms=(((biases,), CudnnBiases(shape)),))
        case _:
            return WantedTensor(shape)


def keras2_tensor(weight: Weight, *, later: bool) -> WantedTensor | None:
    """A kernel that Keras 2 stores in another layout; None for any other weight.

    Keras 2 stores kernels as 'tf' does under every ordering, and those of Convolution1D with
    three axes. Of a model that a ``later`` Keras wrote all other layouts are those of Keras 2.
    """
    if weight.tensor != "W" or weight.split or weight.phases or len(weight.axes) < 4:
        return None
    back = tuple(weight.axes.index(axis) for axis in range(len(weight.axes)))
    moved = tuple(weight.stored_shape[axis] for axis in weight.axes)
    if weight.variants == "conv1d":  # (length, 1, in, out), and without the 1
        return WantedTensor(weight.stored_shape, ((weight.shape, ()),), only=True)
    if later or back == tuple(range(len(back))):
        return None
    return WantedTensor(weight.stored_shape, ((moved, back),), only=True)


def old_conv1d_kernel(shape: Shape) -> WantedTensor:
    """A kernel (filter_length, 1, input_dim, nb_filter), or as another Keras stored it.

    The layout up to 1.0.8 is (nb_filter, input_dim, filter_length, 1). Both fit only where
    filter_length = input_dim = nb_filter = 1, and are the same there. Keras 2 drops the axis of
    length 1.
    """
    length, one, channels, filters = shape
    old = (filters, channels, length, one)
    return WantedTensor(shape, ((old, CONV1D_OLD_AXES), ((length, channels, filters), ())))


def same_numbers(shape: Shape, other: Shape) -> WantedTensor:
    """A tensor that may be stored in another shape, the same numbers in the same order."""
    return WantedTensor(shape, ((other, ()),))


def shared_parameter(shape: Shape) -> WantedTensor:
    """A parameter for every value, or for fewer: an axis that shares it has the length 1."""
    shapes = dict.fromkeys(itertools.product(*((n, 1) for n in shape)))
    return WantedTensor(shape, tuple((stored, None) for stored in shapes if stored != shape))


def fit(wanted: WantedTensor, info: TensorInfo) -> StoredTensor | None:
    """The stored tensor where its shape is one that is wanted, else None."""
    if info.shape == wanted.shape and not wanted.only:
        return StoredTensor(info.name)
    for shape, axes in wanted.alternatives:
        if info.shape == shape:
            return StoredTensor(info.name, axes)
    for shape, form in wanted.forms:
        if info.shape == shape:
            return StoredTensor(info.name, form=form)
    return None


def with_cudnn_kernels(matches: Matches, weights: Mapping[TensorName, Weight]) -> Matches:
    """What was found, the kernels beside a CuDNN layer's bias in the form of that layer.

    Their shapes are those of the plain layer: as in Keras, the bias alone tells them apart.
    """
    found = dict(matches)
    for (layer, tensor), stored in matches.items():
        if not isinstance(stored.form, CudnnBiases):
            continue
        units, columns = weights[layer, f"{tensor[:-1]}U"].stored_shape
        gates = columns // units
        for kind in "WU":
            name = layer, f"{tensor[:-1]}{kind}"
            found[name] = replace(found[name], form=CudnnKernels(gates))
    return found


def joined_name(name: TensorName) -> str:
    """A tensor's name as messages write it: ``conv1/W``."""
    return "/".join(name)


def wrong_shape(name: TensorName, wanted: WantedTensor, info: TensorInfo) -> str:
    """For messages: the shape that was stored and those that were expected."""
    repeated = any(axes is None for _, axes in wanted.alternatives)
    # A shape without an axis of length 1 is the same to people.
    same = {s for s, axes in wanted.alternatives if axes == () and len(s) < len(wanted.shape)}
    shapes = [s for s, _ in wanted.alternatives if wanted.only or s not in same]
    others = [] if repeated else shapes
    own = [] if wanted.only else [wanted.shape]
    allowed = " or ".join(map(str, dict.fromkeys([*own, *others])))
    allowed += ", or 1 along the axes that share it" if repeated else ""
    return f"{joined_name(name)} is stored as {info.shape}, expected {allowed}"


_BOTH_BIASES = (
    "this looks like the bias of a CuDNNLSTM or CuDNNGRU: an LSTM takes it, and a GRU that says "
    "reset_after: true, where the whole file is given as weights of the model"
)
_ONE_BIAS = (
    "this looks like the bias of a GRU that computes with reset_after: false, as no CuDNNGRU does: "
    "say that it is such a GRU"
)


def _both_biases(wanted: Shape, stored: Shape) -> bool:
    """Whether a bias for the input and one for the state are stored, side by side or apart."""
    if len(wanted) == 1:
        doubled = 2 * wanted[0]
        return stored == (doubled,) or (wanted[0] % 3 == 0 and stored == (2, wanted[0]))
    return len(wanted) == 2 and wanted[0] == 2 and stored == (2 * wanted[1],)


def _one_bias(wanted: Shape, stored: Shape) -> bool:
    """Whether one bias is stored for the two of a layer that resets its state afterwards."""
    return len(wanted) == 2 and wanted[0] == 2 and wanted[1] % 3 == 0 and stored == wanted[1:]


def ordering_hint(pairs: Iterable[tuple[Shape, Shape]]) -> str:
    """What to do about wrong shapes, given as (wanted, stored): a kernel of the other
    dim_ordering is told from the rest, and so are the biases of recurrent layers.
    """
    pairs = list(pairs)
    for looks, hint in ((_both_biases, _BOTH_BIASES), (_one_bias, _ONE_BIAS)):
        if pairs and all(looks(wanted, stored) for wanted, stored in pairs):
            return hint
    for wanted, stored in pairs:
        for axes in _OTHER_ORDERING.get(len(wanted), ()):
            if stored == tuple(wanted[a] for a in axes):
                return (
                    "this looks like a kernel in the other dim_ordering ('th' against 'tf'): "
                    "check dim_ordering, or transpose the kernel"
                )
    return "check that the file belongs to this model"
