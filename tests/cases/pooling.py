"""Cases of the pools."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common, forward_only


def _pool(layer: str, spatial: tuple[int, ...]) -> Case:
    rank = len(spatial)
    shape = (*spatial, 2)
    if rank == 1:
        own = (Variant("pool_length", 3, "shape"), Variant("stride", 1, "shape"))
    else:
        own = (
            Variant("pool_size", [3, 1, 2][:rank], "shape"),
            Variant("strides", [1, 2, 1][:rank], "shape"),
            Variant("dim_ordering", "th", "shape"),
        )
    borders = (Variant("border_mode", mode, "shape") for mode in ("same", "partial"))
    return Case(layer, {}, shape, (*common(shape), *own, *borders))


def _global_pool(layer: str, rank: int) -> Case:
    shape = (5, 4, 3, 2)[4 - rank - 1 :]
    shared = [v for v in common(shape) if v.changes != "shape"]
    declared = [
        Variant("input_shape", [*shape[:-1], shape[-1] + 1], "shape"),
        Variant("batch_input_shape", [None, *shape[:-1], shape[-1] + 1], "shape"),
    ]
    ordering = () if rank == 1 else (Variant("dim_ordering", "th", "shape"),)
    keeping = Variant("keepdims", True, "shape")
    return Case(layer, {}, shape, (*shared, *declared, keeping, *ordering))


CASES: tuple[Case, ...] = (
    _pool("MaxPooling1D", (7,)),
    _pool("MaxPooling2D", (5, 6)),
    _pool("MaxPooling3D", (5, 4, 3)),
    _pool("AveragePooling1D", (7,)),
    _pool("AveragePooling2D", (5, 6)),
    _pool("AveragePooling3D", (5, 4, 3)),
    *(_global_pool(f"Global{kind}Pooling{rank}D", rank)
      for kind in ("Max", "Average") for rank in (1, 2, 3)),
    *(Case(layer, {"p": 0.5}, shape,
           (*common(shape), *forward_only(Variant("p", -0.5, "CS025"), *more)))
      for layer, shape, more in (
          ("SpatialDropout1D", (4, 3), ()),
          ("SpatialDropout2D", (4, 3, 2), (Variant("dim_ordering", "last", "CS023"),)),
          ("SpatialDropout3D", (4, 3, 2, 2), (Variant("dim_ordering", "last", "CS023"),)),
          ("GaussianDropout", (4, 3), ()),
      )),
)  # fmt: skip
