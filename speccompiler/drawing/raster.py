"""A picture as PNG or PDF, by matplotlib (extra ``pictures``)."""

from __future__ import annotations

import io
import warnings
from typing import Any, Literal

from speccompiler.drawing.primitives import (
    Group,
    Item,
    Line,
    Picture,
    Polygon,
    Rect,
    Text,
    arrow_head,
    curved,
)

POINTS = 0.75
"""Of a CSS pixel: pages and letters are measured in points."""
MOST_PIXELS = 30_000
"""Along one side of a PNG: more is shown by few programs."""
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def pixels(picture: Picture, scale: float) -> tuple[int, int]:
    """Width and height of a PNG."""
    return round(picture.width * scale), round(picture.height * scale)


def raster(picture: Picture, kind: Literal["png", "pdf"], scale: float) -> bytes:
    """The bytes of a file: a pixel of the picture is ``scale`` pixels, or 0.75 points times it."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "font.family": ["DejaVu Sans"],
        "pdf.fonttype": 42,  # letters stay letters
        "path.simplify": False,
        "svg.fonttype": "none",
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # Signs that the font lacks are drawn as boxes; the warning would be of no use.
        warnings.simplefilter("ignore")
        # 96 units an inch; a page of a PDF is as large as is asked for.
        size = (picture.width / 96, picture.height / 96)
        grown = scale if kind == "pdf" else 1.0
        figure = Figure(figsize=(size[0] * grown, size[1] * grown), facecolor=picture.background)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, picture.width)
        axes.set_ylim(picture.height, 0)
        axes.axis("off")
        for item in picture.items:
            _draw(axes, item, POINTS * grown)
        out = io.BytesIO()
        # The same picture is the same file, whenever it is made.
        metadata: dict[str, Any] = {"Title": picture.title}
        metadata |= {"CreationDate": None} if kind == "pdf" else {"Software": None}
        figure.savefig(
            out,
            format=kind,
            dpi=96 * (1.0 if kind == "pdf" else scale),
            facecolor=picture.background,
            metadata=metadata,
        )
    return out.getvalue()


def _draw(axes: Any, item: Item, points: float) -> None:
    """Add an item; ``points`` is the size of a unit."""
    from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
    from matplotlib.path import Path

    if isinstance(item, Group):
        for one in item.items:
            _draw(axes, one, points)
    elif isinstance(item, Rect):
        look: dict[str, Any] = {
            "facecolor": item.fill or "none",
            "edgecolor": item.stroke or "none",
            "linewidth": item.stroke_width * points if item.stroke else 0,
        }
        corner, size = (item.x, item.y), (item.width, item.height)
        if item.radius:
            style = f"round,pad=0,rounding_size={item.radius}"
            axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, mutation_aspect=1, **look))
        else:
            axes.add_patch(Rectangle(corner, *size, **look))
    elif isinstance(item, Polygon):
        axes.add_patch(
            PathPatch(
                Path([*item.points, item.points[0]], closed=True),
                facecolor=item.fill,
                edgecolor=item.stroke or "none",
                linewidth=item.stroke_width * points if item.stroke else 0,
                joinstyle="round",
            )
        )
    elif isinstance(item, Line):
        corners, codes = [item.points[0]], [Path.MOVETO]
        for part in curved(item):
            corners += part[1:]
            codes += [Path.CURVE4] * 3 if len(part) == 4 else [Path.LINETO]
        axes.add_patch(
            PathPatch(
                Path(corners, codes),
                facecolor="none",
                edgecolor=item.stroke,
                linewidth=item.width * points,
                linestyle=(0, (4, 3)) if item.dashed else "solid",
                joinstyle="round",
            )
        )
        head = arrow_head(item)
        if head is not None:
            _draw(axes, head, points)
    else:
        _write(axes, item, points)


def _write(axes: Any, item: Text, points: float) -> None:
    axes.text(
        item.x,
        item.y,
        item.text,
        fontsize=item.size * points,
        color=item.fill,
        ha=_ANCHORS[item.anchor],
        va="baseline",
        fontweight="bold" if item.bold else "normal",
        parse_math=False,
    )
