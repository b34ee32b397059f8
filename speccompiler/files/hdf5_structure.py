"""What a Keras 1.x HDF5 file says of itself.

    whole model   attributes keras_version, model_config (JSON), group model_weights
    weights       attribute layer_names; a group for each, with attribute weight_names
    before 1.0    attribute nb_layers; groups layer_0.., with attribute nb_params and
                  datasets param_0..; of a Graph one such group, graph; copies of such files
                  often lack the attributes

(1.2.2 engine/topology.py:2656-2738, models.py:40-104.) Attributes are read only where they
are text or whole numbers of a sensible size. Links are noted and never followed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import h5py

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.hdf5_contents import Contents, Place
from speccompiler.files.tensor_info import StoredLayer, TensorInfo, invalid

MOST_TEXT = 16 * 1024 * 1024
_MOST_NAMES = 100_000
_ROOT = "model_weights"
_GRAPH = "graph"


def read_contents(
    file: Any,
    tensors: Mapping[str, TensorInfo],
    links: Mapping[str, str],
    places: Mapping[str, Place],
) -> Contents:
    """The contents of an open file whose tensors and links are known; CS101, CS107."""
    layers = None
    for prefix in ("", f"{_ROOT}/"):
        if prefix and not _is_group(file, _ROOT):
            continue
        group = file[_ROOT] if prefix else file
        if "layer_names" in group.attrs:
            layers = _named_layers(group, prefix, tensors, links)
            break
        if "nb_layers" in group.attrs:
            count = _count(group, "nb_layers", prefix)
            layers = _numbered_layers(group, prefix, range(count), tensors, links)
            break
        numbers = _layers_without_count(group, prefix, tensors)
        if numbers:  # copied by hand, without the attributes
            layers = _numbered_layers(group, prefix, numbers, tensors, links)
            break
    if layers is None and _is_group(file, _GRAPH) and "nb_params" in file[_GRAPH].attrs:
        layers = (_numbered_layer(file, "", _GRAPH, tensors, links),)
    return Contents(
        tensors,
        links,
        places,
        layers,
        _text(file, "model_config", ""),
        _of_model(file, "keras_version"),
        _of_model(file, "backend") or _of_model(file, "original_backend"),
    )


def _of_model(file: Any, name: str) -> str | None:
    """An attribute of the file, or of the group of its weights, where copies may have it alone."""
    found = _text(file, name, "")
    if found is None and _is_group(file, _ROOT):
        return _text(file[_ROOT], name, _ROOT)
    return found


def link_problem(path: str, target: str) -> Problem:
    """CS107 for a link that stands where a tensor is looked for."""
    return Problem(
        "CS107",
        f"{quoted(path)} is a {target}; links are not followed",
        "copy the tensors into one file, for example with h5repack or h5py",
    )


def _is_group(group: Any, name: str) -> bool:
    return group.get(name, getclass=True, getlink=True) is h5py.HardLink and isinstance(
        group[name], h5py.Group
    )


def _member(group: Any, prefix: str, name: str, links: Mapping[str, str]) -> tuple[Any, str]:
    """A subgroup and its path; CS107 for a link, CS101 where it is missing.

    A layer's name may hold slashes: HDF5 then has groups in groups.
    """
    path = prefix.rstrip("/")
    for part in name.split("/"):
        path = f"{path}/{part}" if path else part
        if path in links:
            raise link_problem(path, links[path])
        if part in {"", ".", ".."} or not _is_group(group, part):
            raise invalid(f"its list of layers names {quoted(name)}, and there is no such group")
        group = group[part]
    return group, path


def _named_layers(
    group: Any, prefix: str, tensors: Mapping[str, TensorInfo], links: Mapping[str, str]
) -> tuple[StoredLayer, ...]:
    names = _names(group, "layer_names", prefix)
    layers = []
    for name in _distinct(names, "layer"):
        member, path = _member(group, prefix, name, links)
        weights = _distinct(_names(member, "weight_names", path), "tensor")
        found = [(w, _dataset(f"{path}/{w}", tensors, links)) for w in weights]
        layers.append(StoredLayer(name, tuple(found)))
    return tuple(layers)


def _layers_without_count(group: Any, prefix: str, tensors: Mapping[str, TensorInfo]) -> list[int]:
    """The numbers of the groups ``layer_0`` .., in order; none where anything else is there."""
    named = [re.fullmatch(r"layer_(0|[1-9][0-9]{0,5})", name) for name in group]
    own = re.compile(rf"{prefix}layer_[0-9]+/param_[0-9]+")
    mine = [key for key in tensors if key.startswith(prefix)]
    if not named or not mine or not all(named) or not all(map(own.fullmatch, mine)):
        return []
    return sorted(int(found[1]) for found in named if found is not None)


def _numbered_layers(
    group: Any,
    prefix: str,
    numbers: Iterable[int],
    tensors: Mapping[str, TensorInfo],
    links: Mapping[str, str],
) -> tuple[StoredLayer, ...]:
    return tuple(
        _numbered_layer(group, prefix, f"layer_{number}", tensors, links) for number in numbers
    )


def _numbered_layer(
    group: Any,
    prefix: str,
    name: str,
    tensors: Mapping[str, TensorInfo],
    links: Mapping[str, str],
) -> StoredLayer:
    member, path = _member(group, prefix, name, links)
    if "nb_params" in member.attrs:
        weights = [f"param_{p}" for p in range(_count(member, "nb_params", path))]
    else:  # a copy without its attributes
        weights = [name for name in member if re.fullmatch(r"param_[0-9]{1,6}", name)]
        weights.sort(key=lambda name: int(name.removeprefix("param_")))
    return StoredLayer(name, tuple((w, _dataset(f"{path}/{w}", tensors, links)) for w in weights))


def _distinct(names: list[str], what: str) -> list[str]:
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise invalid(f"it lists the {what} {quoted(double)} twice")
    return names


def _dataset(path: str, tensors: Mapping[str, TensorInfo], links: Mapping[str, str]) -> str:
    if path in tensors:
        return path
    for link, target in links.items():
        if path == link or path.startswith(f"{link}/"):
            raise link_problem(link, target)
    raise invalid(f"it lists the tensor {quoted(path)}, and there is no such dataset")


def _attribute(owner: Any, name: str, where: str) -> Any:
    """The values of an attribute of text or whole numbers, or None where there is none."""
    if name not in owner.attrs:
        return None
    described = owner.attrs.get_id(name)
    shown = quoted(f"{where.rstrip('/')}@{name}" if where else name)
    kind, text = described.dtype.kind, h5py.check_string_dtype(described.dtype)
    shape: tuple[int, ...] | None = described.shape
    empty = shape is None or 0 in shape
    if text is None and kind not in "iuS" and not empty:
        raise invalid(f"its attribute {shown} is neither text nor a whole number")
    if shape is not None and math.prod(shape) * described.dtype.itemsize > MOST_TEXT:
        raise invalid(f"its attribute {shown} is larger than {MOST_TEXT // 2**20} MiB")
    return [] if empty else owner.attrs[name]


def _decoded(value: Any, name: str) -> str:
    """Text that h5py gives as bytes or str; Python 2 and 3 and h5py 2 and 3 differ."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise invalid(f"its attribute {quoted(name)} is not UTF-8 text") from error


def _text(owner: Any, name: str, where: str) -> str | None:
    found = _attribute(owner, name, where)
    if found is None:
        return _joined(owner, name, where)
    if not isinstance(found, str | bytes):
        found = found[0] if len(found) == 1 else None
    if not isinstance(found, str | bytes):
        raise invalid(f"its attribute {quoted(name)} is not one text")
    return _decoded(found, name)


def _joined(owner: Any, name: str, where: str) -> str | None:
    """A text that is split into attributes ``name0``, ``name1`` .., as Keras 2 splits long ones."""
    parts: list[str] = []
    while (part := _attribute(owner, f"{name}{len(parts)}", where)) is not None:
        values = [part] if isinstance(part, str | bytes) else list(part)
        if not all(isinstance(value, str | bytes) for value in values):
            raise invalid(f"its attribute {quoted(f'{name}{len(parts)}')} is not text")
        parts.append("".join(_decoded(value, name) for value in values))
        if sum(map(len, parts)) > MOST_TEXT:
            raise invalid(f"its attribute {quoted(name)} is larger than {MOST_TEXT // 2**20} MiB")
    return "".join(parts) if parts else None


def _names(owner: Any, name: str, where: str) -> list[str]:
    found = _attribute(owner, name, where)
    if found is None:
        raise invalid(f"the group {quoted(where)} has no attribute {quoted(name)}")
    values = list(found) if not isinstance(found, str | bytes) else [found]
    if len(values) > _MOST_NAMES or not all(isinstance(v, str | bytes) for v in values):
        raise invalid(f"its attribute {quoted(name)} is not a list of names")
    return [_decoded(value, name) for value in values]


def _count(owner: Any, name: str, where: str) -> int:
    found = _attribute(owner, name, where)
    try:
        number = int(found)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= _MOST_NAMES:
        raise invalid(f"its attribute {quoted(name)} is not a number of layers or tensors")
    return number
