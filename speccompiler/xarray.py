"""Models over labelled arrays: dimensions by name, and coordinates that stay where they belong.

Needs the extra ``xarray``. Inside this module ``import xarray`` is the library: imports are
absolute. Arrays that Dask holds stay lazy: ``speccompiler.dask.map_array`` computes them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from speccompiler.arrays.optional_packages import needs
from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.graph.ir import Graph
from speccompiler.model import Model, as_model
from speccompiler.tiling.layouts import layouts_of
from speccompiler.weights.content_hashes import model_hash, weights_hash

if TYPE_CHECKING:
    import xarray

Names = tuple[Hashable, ...]


def apply_model(
    model: Model | str | os.PathLike[str],
    x: xarray.DataArray,
    *,
    dims: str | Sequence[Hashable],
    output_dims: str | Sequence[Hashable] | None = None,
    **options: Any,
) -> xarray.DataArray | dict[str, xarray.DataArray]:
    """The model's output for a labelled array. Raises ``SpecError``.

    ``dims`` names the dimensions of one sample, in the order in which the model takes them. All
    others count samples: each combination of their places is one. An output's dimension that
    moves along one of the input has its name, and its coordinates where it has its length and no
    stride; the others are ``channel``, or as ``output_dims`` says. Several outputs, and layers
    that are asked for, come as a mapping by name. One dimension may be given as its name alone.

    ``options`` are those of ``Model.compile``, or of ``map_array`` where Dask holds the array.

    >>> import xarray, speccompiler.xarray
    >>> model = speccompiler.load("examples/specs/lenet.yaml")
    >>> pages = np.zeros((3, 2, 28, 28, 1))
    >>> digits = xarray.DataArray(pages, dims=["page", "place", "y", "x", "c"])
    >>> speccompiler.xarray.apply_model(model, digits, dims=["y", "x", "c"]).sizes
    Frozen({'page': 3, 'place': 2, 'channel': 10})
    """
    model, dims = as_model(model), _several(dims)
    try:
        needs("xarray", "xarray", "labelled arrays need")
        _check(model, x, dims)
    except Problem as problem:
        raise model.refused(problem) from None
    samples = tuple(dim for dim in x.dims if dim not in dims)
    ordered = x.transpose(*samples, *dims)
    counts = ordered.shape[: len(samples)]
    shape = ordered.shape[len(samples) :]
    found = _run(model, ordered.data.reshape((math.prod(counts), *shape)), options)
    graph, _ = model.tapped(shape, tuple(name for name in found if name not in model.output_names))
    attributes = {
        "model": model.name,
        "model_hash": model_hash(model.graph),
        "weights_hash": weights_hash(model.weight_sources.sources),
    }
    made = {}
    for name, y in found.items():
        inner, kept = _names(graph, name, dims)
        if output_dims is not None:
            inner = _given(model, name, inner, _several(output_dims))
            kept = {dim for dim in kept if dim in inner}
        _check_apart(model, name, samples, inner)
        made[name] = _labelled(
            x, y.reshape((*counts, *y.shape[1:])), (*samples, *inner), {*samples, *kept}
        )
        made[name].attrs.update(attributes)
        made[name].name = name
    return next(iter(made.values())) if len(made) == 1 else made


def _several(dims: str | Sequence[Hashable]) -> Names:
    return (dims,) if isinstance(dims, str) else tuple(dims)


def _check(model: Model, x: xarray.DataArray, dims: Names) -> None:
    """CS124 for another number of arrays than one; CS116 for dimensions that are not there."""
    import xarray

    if isinstance(x, xarray.Dataset):
        named = ", ".join(map(repr, x.data_vars)) or "none"
        raise Problem(
            "CS124",
            f"a Dataset is given, and the model takes one DataArray; its variables: {named}",
            "give one of them, dataset[name]; several: dataset.to_dataarray('channel')",
        )
    if not isinstance(x, xarray.DataArray):
        raise Problem(
            "CS124",
            f"an object of type {type(x).__name__} is given, and no DataArray",
            "xarray.DataArray(x, dims=[..]) names dimensions; plan.run takes arrays as they are",
        )
    if len(model.input_names) > 1:
        raise Problem(
            "CS124",
            f"the model has {len(model.input_names)} inputs, and one labelled array is given",
            "give the arrays inside them to plan.run or speccompiler.dask.map_array",
        )
    for dim in dims:
        if dim not in x.dims:
            known = [str(name) for name in x.dims]
            hint = did_you_mean(str(dim), known) or f"dimensions: {', '.join(known)}"
            raise Problem("CS116", f"the array has no dimension '{dim}'", hint)
    wanted = len(model.graph.inputs[0].shape)
    if len(dims) != wanted or len({*dims}) != wanted:
        named = ", ".join(map(str, dims)) or "none"
        raise Problem(
            "CS116",
            f"a sample of the model has {wanted} dimensions, and 'dims' names {named}",
            "name each dimension of a sample once, in the model's order; others count samples",
        )


def _run(model: Model, data: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Every output by name, samples first."""
    if hasattr(data, "dask"):
        from speccompiler.dask import map_array

        y = map_array(model, data, **options)
        if isinstance(y, dict):
            return y
        outputs = y if isinstance(y, list) else [y]
        return dict(zip(model.output_names, outputs, strict=True))
    return model.compile(**{"input_shape": data.shape[1:], **options}).run_all(data)


def _names(graph: Graph, output: str, dims: Names) -> tuple[Names, set[Hashable]]:
    """The dimensions of an output, and those whose coordinates it has too."""
    layouts = layouts_of(graph).layouts
    entry = graph.inputs[0]
    roots = {
        parts[0].root: (dim, length)
        for parts, dim, length in zip(layouts[entry.name], dims, entry.shape, strict=True)
        if parts
    }
    shape = graph.by_name()[output].shape
    names: list[Hashable] = []
    kept: set[Hashable] = set()
    for parts, length in zip(layouts[output], shape, strict=True):
        dim, source = roots.get(parts[0].root if len(parts) == 1 else -1, (None, None))
        if dim is None or dim in names:
            names.append(None)
            continue
        names.append(dim)
        if parts[0].stride == 1 and length == source:
            kept.add(dim)
    others = sum(name is None for name in names)
    unnamed = iter(["channel"] if others == 1 else [f"channel_{n}" for n in range(others)])
    return tuple(next(unnamed) if name is None else name for name in names), kept


def _given(model: Model, output: str, inner: Names, named: Names) -> Names:
    """The caller's names for the dimensions of an output. CS116."""
    if len(named) != len(inner):
        problem = Problem(
            "CS116",
            f"'output_dims' names {len(named)} of the {len(inner)} dimensions that output "
            f"'{output}' has beside the samples",
            f"for example {inner}",
        )
        raise model.refused(problem)
    return named


def _check_apart(model: Model, output: str, samples: Names, inner: Names) -> None:
    """CS116 where two dimensions of an output have one name."""
    names = (*samples, *inner)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        problem = Problem(
            "CS116",
            f"two dimensions of output '{output}' would be '{twice}'",
            f"name those beside the samples with 'output_dims'; now they are {inner}",
        )
        raise model.refused(problem)


def _labelled(x: xarray.DataArray, y: Any, dims: Names, kept: set[Hashable]) -> xarray.DataArray:
    """An output, with the coordinates of the input that lie along ``kept`` alone."""
    import xarray

    coordinates = {name: c for name, c in x.coords.items() if {*c.dims} <= kept}
    return xarray.DataArray(y, dims=dims, coords=coordinates)
