"""What each border mode pads, 'same' above all, and how many windows fit: computed only here.

    valid      nothing                          floor((n - k) / s) + 1 windows
    same       by backend, release and layer    ceil(n / s)
    full       k - 1 on both sides              every window that overlaps the data
    partial    behind alone                     as many as it takes to see every value
    causal     k - 1 in front alone             ceil(n / s)

All are of one spatial axis: ``n`` is its input length, ``k`` the length of the kernel or window,
``s`` the stride; a result is the pair (before, after). Which 'same' a layer takes is decided in
``lowering/border_modes.py``.

Sources: Keras 1.2.2 utils/np_utils.py:99-123 (lengths), backend/tensorflow_backend.py:2609
(TensorFlow's split), backend/theano_backend.py:1373, 1447 (convolution) and 1727 (pooling). Every
rule was checked against the running originals.
"""

from __future__ import annotations

from speccompiler.graph.dims import Dim
from speccompiler.graph.rounding import ceil_div, maximum


def window_count(n: Dim, k: int, s: int, before: Dim, after: Dim) -> Dim:
    """How many windows fit: ``ceil((n + before + after - k + 1) / s)``."""
    return ceil_div(n + before + after - k + 1, s)


def deconvolved(mode: str, n: Dim, k: int, s: int, more: int | None) -> Dim:
    """How long a transposed convolution makes ``n`` values, with a window of ``k`` places.

    ``more`` is the ``output_padding``, which decides alone where it is given (Keras 2.3.1
    utils/conv_utils.py ``deconv_length``).
    """
    beside = {"valid": 0, "same": k // 2, "full": k - 1}[mode]
    if more is not None:
        return (n - 1) * s + k - 2 * beside + more
    if mode == "same":
        return n * s
    return n * s + max(k - s, 0) - 2 * beside


def same_tensorflow(n: Dim, k: int, s: int) -> tuple[Dim, Dim]:
    """'same' of TensorFlow 1.8 and later: the odd surplus goes after the data."""
    if s == 1:
        return (k - 1) // 2, k // 2
    total = maximum((ceil_div(n, s) - 1) * s + k - n, 0)
    return _cropped(n, k, s, ceil_div(total - 1, 2))  # half, rounded down


def same_tensorflow_unclamped(n: Dim, k: int, s: int) -> tuple[Dim, Dim]:
    """'same' of TensorFlow up to 1.6 for convolutions and 3-D pools.

    Where the stride is larger than the window the sum of both sides may be negative: then half of
    that many inputs, rounded towards 0, are skipped in front.
    """
    if s <= k:
        return same_tensorflow(n, k, s)
    total = (ceil_div(n, s) - 1) * s + k - n
    before = maximum(ceil_div(total - 1, 2), 0) - maximum(ceil_div(-total - 1, 2), 0)
    return _cropped(n, k, s, before)


def same_theano_conv(n: Dim, k: int, s: int) -> tuple[Dim, Dim]:
    """'same' of Theano for convolutions: ``k // 2`` in front, cropped to ceil(n / s)."""
    return _cropped(n, k, s, k // 2)


def same_theano_pool(n: Dim, k: int, s: int) -> tuple[Dim, Dim]:
    """'same' of Theano 0.9 for 1-D and 2-D pools: ``k - 2`` in front for odd k > 2, else k - 1."""
    return _cropped(n, k, s, k - 2 if k % 2 == 1 and k > 2 else k - 1)


def same_theano_pool3d(n: Dim, k: int, s: int, mode: str) -> tuple[Dim, Dim]:
    """'same' of Theano 0.9 for 3-D pools: a window of 1 is padded by -1 and skips the first value.

    Keras 1.2.2 backend/theano_backend.py:1800. Where the original fails on that
    (``theano_pool3d_breaks``) the 2-D rule gives the result that was meant.
    """
    if k == 1 and isinstance(n, int) and not theano_pool3d_breaks(n, k, s, mode):
        return _cropped(n, k, s, -1)
    return same_theano_pool(n, k, s)


def theano_pool3d_breaks(n: int, k: int, s: int, mode: str) -> bool:
    """Whether Theano's own 3-D pool gives too few windows, or NaN: measured on Theano 0.9.

    Padded by -1 a window of 1 sees ``n - 2`` values. Too few windows remain unless the stride is
    3 or more; a mean whose last window ends with those values is NaN.
    """
    if k != 1:
        return False
    announced, real = -(-n // s), (n - 3) // s + 1
    return real < announced or (mode == "average" and (announced - 1) * s + 1 == n - 2)


def _cropped(n: Dim, k: int, s: int, before: Dim) -> tuple[Dim, Dim]:
    """The ``after`` that gives exactly ceil(n / s) windows; negative only if it has to be."""
    if s == 1:
        return before, k - 1 - before
    count = ceil_div(n, s)
    after = (count - 1) * s + k - n - before
    if isinstance(after, int) and after < 0 and window_count(n, k, s, before, 0) == count:
        after = 0
    return before, after


def full(k: int) -> tuple[Dim, Dim]:
    """'full': every window that overlaps the data by at least one value."""
    return k - 1, k - 1


def causal(k: int) -> tuple[Dim, Dim]:
    """'causal': the last value that a window sees is its own (Keras 2.3.1 ``temporal_padding``)."""
    return k - 1, 0


def partial(n: Dim, k: int, s: int) -> tuple[Dim, Dim]:
    """'partial': padded behind alone, so that the last window may reach over the end.

    Theano's ``ignore_border=False``: ceil(n / s) windows for a stride as long as the window or
    longer, else as many as it takes to see every value (theano/tensor/signal/downsample.py of
    2015, ``DownsampleFactorMax.out_shape``).
    """
    count = ceil_div(n, s) if s >= k else maximum(ceil_div(n - k, s), 0) + 1
    return 0, maximum((count - 1) * s + k - n, 0)
