"""Where a kernel or a window is applied: strides, dilations, pads, auto_pad, ceil_mode.

Rules: the operators' pages at onnx.ai/onnx/operators, "Conv" and "MaxPool".
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Node, Padding, extent_of
from speccompiler.graph.padding import window_count
from speccompiler.graph.rounding import ceil_div, maximum
from speccompiler.lowering.onnx.scope import Scope

LARGEST = 2**31 - 1
MOST_AXES = 3


@dataclass(frozen=True, slots=True)
class Windows:
    """Of each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Padding
    beyond: Padding
    """What a last window may reach over, with ``ceil_mode``: behind the padding."""

    @property
    def written_dilation(self) -> tuple[int, ...]:
        """As operations have it: empty for none. A kernel of length 1 has no neighbours."""
        apart = tuple(1 if k == 1 else d for k, d in zip(self.kernel, self.dilation, strict=True))
        return apart if any(d != 1 for d in apart) else ()


def sizes(scope: Scope, name: str, rank: int, default: int = 1) -> tuple[int, ...]:
    """An attribute with a positive number for each spatial axis. CS269."""
    found = scope.integers(name, None)
    if found is None:
        return (default,) * rank
    if len(found) != rank or any(not 0 < n <= LARGEST for n in found):
        raise Problem(
            "CS269",
            f"{quoted(name)} is {list(found[:8])}; {rank} positive numbers are needed",
        )
    return found


def windows(
    scope: Scope, kernel: Sequence[int], spatial: Sequence[Dim], *, ceil: bool = False
) -> Windows:
    """The windows along the spatial axes, whose lengths are ``spatial``."""
    rank = len(kernel)
    if rank > MOST_AXES:
        raise scope.refuse(f"an image of {rank} axes is not supported", f"{MOST_AXES} axes are")
    stride, dilation = sizes(scope, "strides", rank), sizes(scope, "dilations", rank)
    extent = extent_of(tuple(kernel), dilation)
    if max(extent, default=1) > LARGEST:
        raise Problem("CS269", "a window is longer than any image")
    mode = scope.word("auto_pad", "NOTSET")
    if mode in {"SAME_UPPER", "SAME_LOWER"}:
        axes = zip(spatial, extent, stride, strict=True)
        padding = tuple(_same(n, k, s, lower=mode == "SAME_LOWER") for n, k, s in axes)
    elif mode in {"NOTSET", "VALID", ""}:
        padding = pads(scope, rank) if mode != "VALID" else ((0, 0),) * rank
    else:
        raise Problem("CS269", f"auto_pad is {quoted(mode)}")
    beyond: Padding = ((0, 0),) * rank
    if ceil:
        axes4 = zip(spatial, extent, stride, padding, strict=True)
        beyond = tuple((0, _rest(n, k, s, *sides)) for n, k, s, sides in axes4)
    return Windows(tuple(kernel), stride, dilation, padding, beyond)


def pads(scope: Scope, rank: int) -> Padding:
    """``pads``: all beginnings, then all ends. CS269."""
    found = scope.integers("pads", None)
    if found is None:
        return ((0, 0),) * rank
    if len(found) != 2 * rank or any(abs(n) > LARGEST for n in found):
        raise Problem("CS269", f"'pads' is {list(found[:8])}; {2 * rank} numbers are needed")
    return tuple(zip(found[:rank], found[rank:], strict=True))


def _same(n: Dim, k: int, s: int, *, lower: bool) -> tuple[Dim, Dim]:
    """ceil(n / s) windows; the odd surplus goes behind, or with ``lower`` in front."""
    total = maximum((ceil_div(n, s) - 1) * s + k - n, 0) if s > 1 else k - 1
    more = ceil_div(total, 2)
    return (more, total - more) if lower else (total - more, more)


def _rest(n: Dim, k: int, s: int, before: Dim, after: Dim) -> Dim:
    """How far the last window reaches over the end, where counts are rounded up.

    A window that would begin in the padding behind is none (onnx 1.16, MaxPool).
    """
    inside = n + before + after
    count = ceil_div(inside - k, s) + 1
    first_behind = n + before
    if isinstance(count, int) and isinstance(first_behind, int):
        count -= (count - 1) * s >= first_behind
    whole = window_count(n, k, s, before, after)
    if count == whole:
        return 0
    return maximum((count - 1) * s + k - inside, 0)


def channels_last(scope: Scope, x: Node) -> Node:
    """``(C, *n)`` as ``(*n, C)``."""
    return scope.transposed(x, (*range(1, len(x.shape)), 0))


def channels_first(scope: Scope, y: Node) -> Node:
    """``(*n, C)`` as ``(C, *n)``."""
    last = len(y.shape) - 1
    return scope.transposed(y, (last, *range(last)))
