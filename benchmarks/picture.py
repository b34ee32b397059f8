"""The results as a picture: networks in every runtime, and the ratio of every layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .results import Results, Row

SERIES = (
    # Okabe and Ito's colours, told apart by all, and by their lightness in grey.
    ("fast", "#000000"),
    ("precise", "#999999"),
    ("onnxruntime", "#0072b2"),
    ("OpenVINO", "#e69f00"),
    ("torch", "#56b4e9"),
)
AHEAD, BEHIND = "#0072b2", "#d55e00"
LONGEST = 5.0
"""Bars are cut here; the number beside them is not."""
STYLE = {
    "svg.fonttype": "none",  # text stays text: for search and for screen readers
    "svg.hashsalt": "benchmarks",  # the same figures give the same file
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def fastest(row: Row, series: str) -> float | None:
    """Milliseconds of a series, the better one of a runtime's two layouts."""
    names = {
        "fast": ("convspec fast",),
        "precise": ("convspec precise",),
        "torch": ("torch", "torch channels last"),
    }.get(series, (series,))
    found = [m.median_ms for name in names if (m := row.of(name)) is not None]
    return min(found, default=None)


def write_picture(results: Results, file: Path) -> None:
    """SVG or PNG, by the file's name. Parts without rows are left out."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    networks = [r for r in results.rows if r.network and r.of(results.ours)]
    layers = [r for r in results.rows if not r.network and r.ratio(results.ours) is not None]
    panels = [
        (draw, rows, 0.28 * lines + 1.1)
        for draw, rows, lines in (
            (_networks, networks, 3.5 * len(networks) + 1),
            (_layers, layers, len(layers)),
        )
        if rows
    ]
    if not panels:
        return
    heights = [height for *_, height in panels]
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(
            len(panels),
            1,
            figsize=(9, sum(heights)),
            height_ratios=heights,
            layout="constrained",
            facecolor="white",
            squeeze=False,
        )
        for (draw, rows, _), place in zip(panels, axes[:, 0], strict=True):
            draw(place, rows, results)
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
        pyplot.close(figure)


def _networks(axes: Any, rows: list[Row], results: Results) -> None:
    """Grouped bars: time of each series, over convspec's."""
    ours = results.default_math
    present = [(name, colour) for name, colour in SERIES if any(fastest(r, name) for r in rows)]
    width = 0.8 / len(present)
    reach = 1.0
    for j, (name, colour) in enumerate(present):
        label = f"convspec {name}" if name in ("fast", "precise") else name
        label += " (default)" if name == ours else ""
        places, lengths, texts = [], [], []
        for i, row in enumerate(rows):
            own, time = row.of(results.ours), fastest(row, name)
            if own is None or time is None:
                continue
            places.append(i + (j - (len(present) - 1) / 2) * width)
            lengths.append(min(time / own.median_ms, LONGEST))
            reach = max(reach, lengths[-1])
            texts.append(_times(time / own.median_ms) + f"  {_milliseconds(time)}")
        bars = axes.barh(places, lengths, width * 0.92, color=colour, label=label)
        for text in axes.bar_label(bars, texts, padding=3, fontsize=8, color="#333333"):
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    axes.set_yticks(range(len(rows)), [row.case for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(1, color="#333333", linewidth=0.8)
    axes.set_xlim(0, reach * 1.18)
    axes.set_xlabel(f"time / time of {results.ours} (shorter is faster)")
    axes.set_title(f"Networks, {results.threads} threads", loc="left", fontweight="bold", pad=26)
    axes.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(present),
        fontsize=9,
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.2,
    )


def _layers(axes: Any, rows: list[Row], results: Results) -> None:
    """One bar each: from 1, where convspec and the best peer are level."""
    ratios = [row.ratio(results.ours) or 0.0 for row in rows]
    lowest = 1 / LONGEST
    shown = [min(max(ratio, lowest), LONGEST) for ratio in ratios]
    colours = [AHEAD if ratio >= 1 else BEHIND for ratio in ratios]
    axes.barh(range(len(rows)), [s - 1 for s in shown], 0.7, left=1, color=colours)
    for i, (ratio, end) in enumerate(zip(ratios, shown, strict=True)):
        right = ratio >= 1
        axes.annotate(
            _times(ratio),
            (end, i),
            xytext=(3 if right else -3, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=8,
            color="#333333",
        )
    axes.set_xscale("log")
    axes.set_xlim(lowest * 0.8, LONGEST * 1.25)
    ticks = [0.2, 0.3, 0.5, 1, 2, 3, 5]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [row.case for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(1, color="#333333", linewidth=1)
    axes.set_xlabel(f"best peer's time / time of {results.ours} (right of 1: convspec is faster)")
    axes.set_title("Single layers", loc="left", fontweight="bold")


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


def _milliseconds(value: float) -> str:
    from .figures import milliseconds

    return f"({milliseconds(value)} ms)"
