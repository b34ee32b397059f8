"""No kernel reads or writes a value outside its arrays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.places import ROOT

GUARDED = """
import ctypes, itertools, mmap, sys
from math import prod
sys.path.insert(0, {root!r})
import numpy as np
from tests.cases import build
from speccompiler.kernels.cpu import convolution
from speccompiler.kernels.cpu.kernel import no_values
from speccompiler.kernels.cpu.runtime.run_memory import RunMemory, address
from speccompiler.kernels.cpu.winograd import WinogradKernel
from speccompiler.kernels.cpu.runtime.object_code import Arguments

libc = ctypes.CDLL(None, use_errno=True)
PAGE, kept = mmap.PAGESIZE, []

def fenced(values, end):
    \"\"\"A copy that starts or ends where a page begins that nobody may touch.\"\"\"
    pages = -(-values.nbytes // PAGE) or 1
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    kept.append(memory)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for fence in (base, base + (pages + 1) * PAGE):
        assert libc.mprotect(ctypes.c_void_p(fence), PAGE, 0) == 0
    offset = PAGE + (pages * PAGE - values.nbytes if end else 0)
    array = np.frombuffer(memory, np.float32, values.size, offset)
    array[:] = values
    return array

def array(start, size):
    if size == 0:
        return no_values()
    return np.ctypeslib.as_array((ctypes.c_float * size).from_address(start))

def run_fenced(bound, work):
    step, kernel, (given,) = bound.step, work.kernel, work.arguments
    need = step.candidate.scratch(step.node, step.source_shape)
    n, lo, hi = given.samples, work.tasks.start, work.tasks.stop
    y = array(given.y, n * prod(step.target_shape))
    sizes = [n * prod(shape) for shape in step.source_shapes]
    if step.held is not None:
        sizes.append(n * step.candidate.held(step.node, step.source_shape))
    starts = [given.x]
    if len(sizes) > 1:
        starts = np.ctypeslib.as_array((ctypes.c_int64 * len(sizes)).from_address(given.w))
    reads = [array(int(start), size) for start, size in zip(starts, sizes, strict=True)]
    arrays = [reads[0], y, bound.packing.w, bound.packing.b, *reads[1:]]
    for end in (False, True):
        copies = [fenced(values, end) for values in arrays]
        scratch = fenced(array(given.scratch, need), end)
        x, out, w, b, *others = (address(copy) for copy in copies)
        if others:
            table = np.array([x, *others], np.int64)
            w = address(table)
        beside = given.g, address(scratch), given.f
        at = ctypes.addressof(fences := Arguments(n, x, out, w, b, *beside))
        assert kernel.function(kernel.unread, kernel.unread, lo, hi, at) == 0
        y[:] = copies[1]
    if step.held is not None:
        # Later rounds read it; a round that is done twice would carry states on twice.
        reads[-1][:] = copies[-1]

class Fenced:
    runs = 0

    def __init__(self, steps, pieces, works):
        parts = [(step, part) for step, numbers in zip(steps, pieces, strict=True)
                 for part in numbers]
        self.pairs = [(step, work) for step, (lo, hi) in parts for work in works[lo:hi]]

    def run(self, parts):
        for bound, work in self.pairs:
            run_fenced(bound, work)
            Fenced.runs += 1

def bind(memory, steps, n, bind=RunMemory.bind):
    bind(memory, steps, n)
    memory.job = Fenced(steps, memory.steps, memory.job.steps)

RunMemory.bind = bind
rng = np.random.default_rng(0)
some = [(1, 1, 1, "valid"), (5, 3, 1, "same"), (5, 3, 2, "full"), (65, 1, 2, "same"),
        (65, 3, 1, "full"), (65, 3, 2, "valid")]
every = itertools.product((1, 5, 65), (1, 3), (1, 2), ("valid", "same", "full"))
layers = [
    [dict(type="Convolution1D", nb_filter=f, filter_length=k, subsample_length=s,
          border_mode=mode, activation="relu")]
    for f, k, s, mode in (every if {whole} else some)
]
layers += [
    [dict(type="Reshape", target_shape=[-1, 1, 1]),
     dict(type="Convolution2D", nb_filter=33, nb_row=k, nb_col=k, subsample=[s, s],
          border_mode="same")]
    for k in (1, 3) for s in (1, 2)
]
layers += [[dict(type="MaxPooling1D", pool_length=3, stride=2, border_mode="same")]]
layers += [[dict(type="ZeroPadding1D", padding=2), dict(type="AveragePooling1D", stride=1)]]
layers += [[dict(type=t)] for t in ("UpSampling1D", "ZeroPadding1D")]
layers += [[dict(type="Activation", activation=a)] for a in ("relu", "softmax")]
layers += [[dict(type="Dense", output_dim=7, activation="relu")]]
merges = [dict(mode=m) for m in ("sum", "mul", "ave", "max", "concat", "dot", "cos")]
merges += [dict(mode=m, dot_axes=1, concat_axis=1) for m in ("concat", "dot", "cos")]
layers += [
    [dict(type="Activation", activation="sigmoid", name="one"),
     dict(type="Activation", activation="relu", name="two"),
     dict(type="Merge", inputs=["one", "two"], **merge)]
    for merge in merges
]
layers += [
    [dict(type="Convolution1D", nb_filter=f, filter_length=1, name="one"),
     dict(type="Merge", inputs=["one", "two", "one"], mode="concat"),
     dict(type="Activation", activation="relu", name="two", inputs="one")]
    for f in (1, 15, 16, 17)
]
def check(chain, length, channels, n, hole=False):
    model = build(chain, [length, channels])
    x = rng.standard_normal((n, length, channels)).astype(np.float32)
    if hole:
        x[0, ::9] = np.nan
    judge = model.compile("reference").run(x)
    y = model.compile("cpu", threads=1).run(x)
    assert np.array_equal(np.isnan(y), np.isnan(judge)), chain
    y, judge = np.nan_to_num(y), np.nan_to_num(judge)
    assert np.abs(y - judge).max() <= 1e-5 * max(1, np.abs(judge).max()), chain

for chain, small in itertools.product(layers, (0, convolution.SMALL)):
    convolution.SMALL = small
    for length, channels, n in [(3, 1, 1), (7, 3, 3), (33, 17, 2)]:
        if {whole} or channels == 17 or "Convolution" not in chain[-1]["type"]:
            check(chain, length, channels, n)
assert Fenced.runs >= 3 * len(layers)
before = Fenced.runs
rows, columns = dict(type="Reshape", target_shape=[-1, 1, 1]), dict(
    type="TimeDistributed", layer=dict(type="Reshape", target_shape=[1, 1, -1]))
others = [
    [dict(type="AtrousConvolution1D", nb_filter=5, filter_length=3, atrous_rate=2,
          subsample_length=s, border_mode="same")]
    for s in (1, 2)
]
others += [
    [rows, dict(type="AtrousConvolution2D", nb_filter=33, nb_row=3, nb_col=3,
                atrous_rate=[2, 3], border_mode="same")],
    [rows, dict(type="SeparableConvolution2D", nb_filter=5, nb_row=3, nb_col=1,
                depth_multiplier=2, border_mode="same")],
    *([rows, dict(type="UpSampling2D", size=[2, 2], interpolation=way)]
      for way in ("nearest", "bilinear")),
    [columns, dict(type="TimeDistributed", layer=dict(
        type="SeparableConvolution2D", nb_filter=5, nb_row=1, nb_col=3, border_mode="same"))],
    *([dict(type="DepthwiseConvolution1D", filter_length=k, atrous_rate=d, subsample_length=s,
            border_mode="same", activation=a)]
      for k, d, s, a in ((3, 1, 1, "relu6"), (3, 1, 2, "tanh"), (5, 2, 1, "relu"),
                         (2, 3, 2, "relu"), (7, 1, 1, "linear"))),
    [dict(type="Convolution1D", nb_filter=c, filter_length=3, groups=g, border_mode="same",
          atrous_rate=2) for c, g in ((51, 1), (34, 17), (34, 2))],
    [dict(type="LocallyConnected1D", nb_filter=5, filter_length=3)],
    [dict(type="LocallyConnected1D", nb_filter=33, filter_length=2, subsample_length=2)],
    [dict(type="Activation", activation=dict(expr="abs(x)")), dict(type="Flatten"),
     dict(type="Embedding", input_dim=9, output_dim=5)],
    *([dict(type=t)] for t in ("PReLU", "Masking", "BatchNormalization", "GlobalMaxPooling1D",
                               "GlobalAveragePooling1D")),
    *([dict(type="BatchNormalization", mode=m)] for m in (1, 2)),
    [dict(type="PReLU", shared_axes=[1])],
    *([dict(type="Slice", axis=[1, 2], **part)] for part in (
        dict(start=1), dict(step=-1), dict(stop=-1, step=2), dict(start=-1, stop=0, step=-3))),
    *([rows, dict(type="Resize", size=size, interpolation=way, align_corners=aligned)]
      for size in ([3, 1], [9, 5]) for way in ("nearest", "bilinear") for aligned in (False, True)),
    *([dict(type="Reduce", axis=axis)] for axis in (1, 2, [1, 2])),
]
others += [[dict(type=t, output_dim=5, return_sequences=s)]
           for t in ("SimpleRNN", "GRU", "LSTM") for s in (False, True)]
others += [[dict(type="Masking"), dict(type="LSTM", output_dim=17, go_backwards=True)]]
others += [[dict(type="Reshape", target_shape=[-1, 1, 1, channels]),
            dict(type="ConvLSTM2D", nb_filter=5, nb_row=1, nb_col=3, border_mode="same")]
           for channels in (3, 17)]
convolution.SMALL = 0
for chain in others:
    for length, channels, n in [(7, 3, 3), (33, 17, 2)][not {whole}:]:
        check(chain, length, channels, n)
# Positions that are read where they lie, and windows that slide down strips.
image = dict(type="Reshape", target_shape=[5, 7, -1])
for channels in (16, 24, 32):
    check([dict(type="Convolution1D", nb_filter=33, filter_length=1)], 35, channels, 4)
    for s in (1, 2):
        check([image, dict(type="DepthwiseConvolution2D", nb_row=3, nb_col=3, subsample=[s, s],
                           border_mode="same", activation="relu")], 35, channels, 2)
convolution.SMALL = 1 << 30
check(others[2], 7, 3, 3)
assert Fenced.runs > before + len(others)
before = Fenced.runs
long = [
    [dict(type="Convolution1D", nb_filter=17, filter_length=4500)],
    [dict(type="AveragePooling1D", pool_length=300, stride=2, border_mode="same")],
    [dict(type="LocallyConnected1D", nb_filter=3, filter_length=4500)],
    [dict(type="Flatten"), dict(type="Dense", output_dim=17)],
]
for small in (0, 1 << 30):
    convolution.SMALL = small
    for chain in long:
        check(chain, 4520, 1, 2)
convolution.SMALL = 0
WinogradKernel.nanoseconds = lambda self, node, shape: 0.0
for chain in (
    [dict(type="Convolution1D", nb_filter=33, filter_length=3, border_mode="same")],
    [dict(type="Convolution1D", nb_filter=17, filter_length=5), dict(type="MaxPooling1D")],
):
    check(chain, 67, 17, 2, hole=True)
assert Fenced.runs == before + 2 * len(long) + 2
print("done")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_kernels_stay_inside_their_arrays(whole):
    """Kernels check no index: one value too far would show only sometimes, and elsewhere."""
    script = GUARDED.format(root=str(ROOT), whole=whole)
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
