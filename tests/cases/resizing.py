"""Cases of up-sampling, padding and cropping."""

from __future__ import annotations

from tests.cases.case import Case, Variant, common


def _resize(layer: str, spatial: tuple[int, ...], *own: Variant) -> Case:
    shape = (*spatial, 2)
    ordering = () if len(spatial) == 1 else (Variant("dim_ordering", "th", "shape"),)
    return Case(layer, {}, shape, (*common(shape), *own, *ordering))


CASES: tuple[Case, ...] = (
    _resize("UpSampling1D", (5,), Variant("length", 3, "shape")),
    _resize(
        "UpSampling2D",
        (3, 4),
        Variant("size", [1, 3], "shape"),
        Variant("interpolation", "bilinear", "output"),
        Variant("interpolation", "bilinear_legacy", "output", {"size": [3, 1]}),
    ),
    _resize("UpSampling3D", (2, 3, 4), Variant("size", [1, 3, 2], "shape")),
    _resize(
        "ZeroPadding1D",
        (5,),
        Variant("padding", 3, "shape"),
        Variant("padding", [0, 2], "output"),
        Variant("padding", {"left_pad": 4}, "shape"),
        Variant("padding", {"right_pad": 2}, "output"),
    ),
    _resize(
        "ZeroPadding2D",
        (3, 4),
        Variant("padding", [0, 2], "shape"),
        Variant("padding", [2, 0, 1, 1], "output"),
        Variant("padding", {"top_pad": 1, "left_pad": 5}, "shape"),
        Variant("padding", {"bottom_pad": 2, "right_pad": 2}, "output"),
    ),
    _resize(
        "ZeroPadding3D",
        (2, 3, 4),
        Variant("padding", [0, 2, 1], "shape"),
        Variant("padding", [[0, 2], [1, 1], [2, 0]], "output"),
    ),
    _resize("Cropping1D", (5,), Variant("cropping", [0, 2], "output")),
    Case(
        "Cropping2D",
        {},
        (5, 4, 2),
        (
            *common((5, 4, 2)),
            Variant("cropping", [[1, 2], [0, 1]], "shape"),
            Variant("dim_ordering", "th", "output", {"cropping": [[1, 0], [0, 1]]}),
        ),
    ),
    Case(
        "Cropping3D",
        {},
        (4, 3, 5, 3),
        (
            *common((4, 3, 5, 3)),
            Variant("cropping", [[0, 2], [1, 0], [2, 2]], "shape"),
            Variant("dim_ordering", "th", "shape"),
        ),
    ),
)  # fmt: skip
