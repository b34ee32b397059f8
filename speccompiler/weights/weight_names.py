"""Match the names in a weight file to a model's tensors, and report everything at once.

A tensor ``W`` of layer ``conv1`` may be called ``conv1/W``, ``conv1.W``, ``conv1_W``,
``conv1/conv1_W``, the last two also with TensorFlow's ``:0``. Keras's whole-model HDF5 files
put ``model_weights/`` before the names, and the group of an enclosing model for nested ones;
their ``optimizer_weights`` are passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo, quoted

Shape = tuple[int, ...]
TensorName = tuple[str, str]
"""Layer name and tensor name, e.g. ``("conv1", "W")``."""

CONV1D_OLD_AXES = (2, 3, 1, 0)
"""Turns a Convolution1D kernel of Keras up to 1.0.8 into today's layout (np.transpose)."""

_OTHER_ORDERING = {4: ((2, 3, 1, 0), (3, 2, 0, 1)), 5: ((2, 3, 4, 1, 0), (4, 3, 0, 1, 2))}
_KEYS_SHOWN = 100
_FIRST_KEYS = 6
_ROOT = "model_weights/"
_OPTIMIZER = "optimizer_weights/"


@dataclass(frozen=True, slots=True)
class WantedTensor:
    """A tensor the model needs. ``alternatives``: other stored shapes, each with the axes that
    ``np.transpose`` takes to bring it to ``shape``, None for one that is repeated, and no axes
    where the numbers stay as they lie. ``only``: nothing but the alternatives is stored."""

    shape: Shape
    alternatives: tuple[tuple[Shape, tuple[int, ...] | None], ...] = ()
    only: bool = False


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a wanted tensor lies in a file; ``transpose`` is None if stored as wanted."""

    key: str
    transpose: tuple[int, ...] | None = None


def old_conv1d_kernel(shape: Shape) -> WantedTensor:
    """A kernel (filter_length, 1, input_dim, nb_filter), or as Keras up to 1.0.8 stored it.

    The old layout is (nb_filter, input_dim, filter_length, 1). Both fit only where
    filter_length = input_dim = nb_filter = 1, and are the same there.
    """
    length, one, channels, filters = shape
    return WantedTensor(shape, (((filters, channels, length, one), CONV1D_OLD_AXES),))


def as_it_lies(shape: Shape, other: Shape) -> WantedTensor:
    """A tensor that may be stored in another shape, the same numbers in the same order."""
    return WantedTensor(shape, ((other, ()),))


def shared_parameter(shape: Shape) -> WantedTensor:
    """A parameter for every value, or for fewer: an axis that shares it has the length 1."""
    shapes = dict.fromkeys(itertools.product(*((n, 1) for n in shape)))
    return WantedTensor(shape, tuple((stored, None) for stored in shapes if stored != shape))


def match_weights(
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
    *,
    unnamed: bool = False,
    given: Collection[TensorName] = (),
    wrapped: Mapping[str, str] | None = None,
    what: str = "weight file",
) -> dict[TensorName, StoredTensor]:
    """Find every wanted tensor in a file, by name and shape.

    ``given`` come from elsewhere: a file may hold them as well, and they are passed over.
    ``wrapped`` are inner layers' names, by the layer that applies them: Keras's files have those.
    ``what`` is what messages call the file. ``unnamed`` (a .npy file): its one tensor is the
    model's one tensor, whatever its name.
    Raises CS105 listing all missing, unused and doubly given tensors, else CS106 listing all
    wrong shapes.
    """
    if unnamed and len(tensors) == len(wanted) == 1:
        candidates = {name: list(tensors) for name in wanted}
        unused: list[str] = []
    else:
        candidates, unused = _by_name([*wanted, *given], tensors, wrapped or {})
        for name in given:
            candidates.pop(name, None)
    missing = [name for name in wanted if name not in candidates]
    doubled = {name: keys for name, keys in candidates.items() if len(keys) > 1}
    found: dict[TensorName, StoredTensor] = {}
    wrong: list[TensorName] = []
    for name in wanted:
        if name in missing or name in doubled:
            continue
        (key,) = candidates[name]
        stored = fit(wanted[name], tensors[key])
        if stored is None:
            wrong.append(name)
        else:
            found[name] = stored
    wrong_text = [wrong_shape(name, wanted[name], tensors[candidates[name][0]]) for name in wrong]
    if missing or unused or doubled:
        problem = _names_problem(what, wanted, tensors, missing, unused, doubled, wrong_text)
        if unnamed and len(wanted) > 1:
            hint = f"a .npy file holds one array, the model takes {len(wanted)}: save an .npz"
            problem = Problem(problem.code, problem.message, hint)
        raise problem
    if wrong:
        pairs = [(wanted[name].shape, tensors[candidates[name][0]].shape) for name in wrong]
        raise Problem("CS106", f"wrong shapes: {'; '.join(wrong_text)}", ordering_hint(pairs))
    return found


def _by_name(
    wanted: Iterable[TensorName], tensors: Iterable[str], wrapped: Mapping[str, str]
) -> tuple[dict[TensorName, list[str]], list[str]]:
    """File keys by the tensor they name, and the keys that name none."""
    full: dict[str, TensorName] = {}
    last: dict[str, TensorName] = {}
    for layer, tensor in wanted:
        name = (layer, tensor)
        joined = f"{layer}_{tensor}"
        for form in (f"{layer}/{tensor}", f"{layer}.{tensor}"):
            full[form] = name
        for form in (joined, f"{joined}:0"):
            full[form] = full[f"{layer}/{form}"] = last[form] = name
        inner = f"{wrapped.get(layer, layer)}_{tensor}"
        for form in (inner, f"{inner}:0"):
            full.setdefault(f"{layer}/{form}", name)
            full.setdefault(form, name)
            last.setdefault(form, name)
    candidates: dict[TensorName, list[str]] = {}
    unused: list[str] = []
    keys = list(tensors)
    whole_model = any(key.startswith(_ROOT) for key in keys)
    for key in keys:
        if whole_model and key.startswith(_OPTIMIZER):
            continue
        bare = key.removeprefix(_ROOT)
        owner = full.get(bare) or last.get(bare.rpartition("/")[2])
        if owner is None:
            unused.append(key)
        else:
            candidates.setdefault(owner, []).append(key)
    return candidates, unused


def fit(wanted: WantedTensor, info: TensorInfo) -> StoredTensor | None:
    """The stored tensor where its shape is one that is wanted, else None."""
    if info.shape == wanted.shape and not wanted.only:
        return StoredTensor(info.name)
    for shape, axes in wanted.alternatives:
        if info.shape == shape:
            return StoredTensor(info.name, axes)
    return None


def _names_problem(
    what: str,
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
    missing: list[TensorName],
    unused: list[str],
    doubled: Mapping[TensorName, list[str]],
    wrong_text: list[str],
) -> Problem:
    """CS105 with every finding about names, and the wrong shapes seen on the way."""
    foreign = bool(unused) and len(missing) == len(wanted)
    parts = []
    if missing:
        texts = (f"{_shown(name)} {wanted[name].shape}" for name in missing)
        parts.append(f"missing from the {what}: " + ", ".join(texts))
    if unused:
        limit = _FIRST_KEYS if foreign else _KEYS_SHOWN
        texts = (f"{quoted(key)} {tensors[key].shape}" for key in unused[:limit])
        more = f" and {len(unused) - limit} more" if len(unused) > limit else ""
        parts.append(f"in the {what} but not used: " + ", ".join(texts) + more)
    for name, keys in doubled.items():
        parts.append(f"{_shown(name)} is given {len(keys)} times: {', '.join(map(quoted, keys))}")
    if wrong_text:
        parts.append(f"wrong shapes: {'; '.join(wrong_text)}")
    layer, tensor = next(iter(wanted), ("conv1", "W"))
    if foreign:
        hint = (
            "the file names its tensors in another way; "
            f"rename them like '{layer}/{tensor}' or '{layer}_{tensor}'"
        )
    elif not tensors:
        hint = f"the {what} holds no tensors"
    elif not missing and not unused:
        hint = "keep one of them, in a file of its own"
    else:
        hint = "the names come from the layers' names: check that the file belongs to this model"
    return Problem("CS105", "; ".join(parts), hint)


def wrong_shape(name: TensorName, wanted: WantedTensor, info: TensorInfo) -> str:
    """What was stored and what was expected."""
    repeated = any(axes is None for _, axes in wanted.alternatives)
    others = [] if repeated else [s for s, _ in wanted.alternatives]
    own = [] if wanted.only else [wanted.shape]
    allowed = " or ".join(map(str, dict.fromkeys([*own, *others])))
    allowed += ", or 1 along the axes that share it" if repeated else ""
    return f"{_shown(name)} is stored as {info.shape}, expected {allowed}"


def ordering_hint(pairs: Iterable[tuple[Shape, Shape]]) -> str:
    """What to do about wrong shapes: tell kernels of the other dim_ordering from the rest."""
    for wanted, stored in pairs:
        for axes in _OTHER_ORDERING.get(len(wanted), ()):
            if stored == tuple(wanted[a] for a in axes):
                return (
                    "this looks like a kernel in the other dim_ordering ('th' against 'tf'): "
                    "check dim_ordering, or transpose the kernel"
                )
    return "check that the file belongs to this model"


def _shown(name: TensorName) -> str:
    return f"{name[0]}/{name[1]}"
