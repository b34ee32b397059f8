"""The scan: a block of threads to each sample, which goes over all steps with the state it carries.

Threads stand side by side along the units, so that they read the weights side by side; the state
and what the gates come to lie in shared memory, or in the scratch where that holds too little. A
step is a few stages with barriers between them: the sums of the gates, then what they make.

w: part 0 of the scratch: a sample's mask and initial states, put there first, then its state
b: weights (taps, units, gates * units), then the biases of the state
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from speccompiler.expressions.source import word_source
from speccompiler.frozen import dataclass
from speccompiler.graph import dims
from speccompiler.graph.ir import Node, Recurrent
from speccompiler.kernels.cuda.concat import put
from speccompiler.kernels.cuda.estimates import LAUNCH, MULTIPLY_ADDS
from speccompiler.kernels.cuda.kernel import EMPTY, CudaKernel, Given, Packed
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.planning.candidate import KnownShape, op_of, three

THREADS = 256
"""Threads of a block."""
SHARED_VALUES = 10_000
"""float32 values of shared memory that any GPU has for a block."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan whose lengths are known, and where its values lie.

    ``mask`` is the values of the mask for each step: 0 for none, 1, or one for each place.
    """

    op: Recurrent
    steps: int
    lengths: tuple[int, int, int]
    mask: int

    @property
    def places(self) -> int:
        """Positions that each have a state."""
        return prod(self.lengths)

    @property
    def values(self) -> int:
        """Values of a state."""
        return self.places * self.op.units

    @property
    def given(self) -> int:
        """Values of the mask and the initial states."""
        return self.steps * self.mask + self.op.carried * self.op.states * self.values

    @property
    def arrays(self) -> dict[str, int]:
        """Where each array of a state's size begins."""
        names = {
            "simple": ("h", "s0"),
            "lstm": ("h", "c", "s0", "s1", "s2", "s3", "d", "q"),
            "gru": ("h", "s0", "s1", "s2", "z", "p"),
            "gru_reset_after": ("h", "s0", "s1", "s2", "z"),
        }[self.op.cell]
        shown = ("shown",) if self.shows_zeros else ()
        return {name: i * self.values for i, name in enumerate((*names, *shown))}

    @property
    def shows_zeros(self) -> bool:
        """Whether an output before the first step that counts is neither computed nor a state."""
        return self.mask > 0 and self.op.first_masked == "zeros"

    @property
    def working(self) -> int:
        """Values of all arrays."""
        return len(self.arrays) * self.values

    @property
    def is_shared(self) -> bool:
        """Whether shared memory holds the arrays."""
        return self.working <= SHARED_VALUES

    @property
    def room(self) -> int:
        """Values of the scratch for a sample."""
        return self.given + (0 if self.is_shared else self.working)

    @property
    def rows(self) -> int:
        """Rows of the output."""
        op = self.op
        return (self.steps if op.sequences else 1) + op.states * op.gives_states


def scan(s: Scan) -> Launch:
    """All steps of every sample."""
    op = s.op
    texts = [
        word_source(one, name)
        for one, name in ((op.activation, "activate"), (op.gate_activation, "gate"))
        if not isinstance(one, str)
    ]
    lines = [*_start(s), f"for k in range({s.steps}):"]
    lines += ["    " + line for line in _step(s)]
    lines += _final_states(s)
    head = "def kernel(x, y, w, b, n):"
    text = "\n".join([*texts, head, *("    " + line for line in lines), ""])
    second = 0 if s.room else None
    return Launch("recurrent", text, THREADS, lambda n: n, second=second)


def _each(s: Scan, body: list[str]) -> list[str]:
    """Statements for each of a thread's values of a state: number ``i``, unit ``u``, place ``q``.

    All threads wait for each other behind them.
    """
    units = s.op.units
    head = [f"u = i % {units}", f"q = i // {units}"]
    lines = [f"for i in range(thread, {s.values}, {THREADS}):"]
    return [*lines, *("    " + line for line in (*head, *body)), "cuda.syncthreads()"]


def _at(s: Scan, array: str, index: str = "i") -> str:
    """A value of an array."""
    return f"m[o + {s.arrays[array]} + {index}]"


def _start(s: Scan) -> list[str]:
    memory, origin = f"shared_floats({s.working})", "0"
    if not s.is_shared:
        memory, origin = "w", f"sample * {s.room} + {s.given}"
    lines = ["sample = cuda.blockIdx.x", "thread = cuda.threadIdx.x"]
    lines += [f"m = {memory}", f"o = {origin}"]
    body = []
    first = s.steps * s.mask
    for index, name in enumerate(("h", "c")[: s.op.states]):
        value = "np.float32(0)"
        if s.op.carried:
            value = f"w[sample * {s.room} + {first + index * s.values} + i]"
        body += [f"{_at(s, name)} = {value}"]
    if s.shows_zeros:
        body += [f"{_at(s, 'shown')} = np.float32(0)"]
    return [*lines, *_each(s, body)]


def _step(s: Scan) -> list[str]:
    """What the gates come to, and the next state."""
    op = s.op
    time = f"t = {s.steps - 1} - k" if op.reverse else "t = k"
    if op.cell == "simple":
        new, value = _value(s, "activate", "s0")
        return [time, *_each(s, _sums(s, "h", (0,))), *_each(s, [*new, *_kept(s, value)])]
    if op.cell == "lstm":
        return [time, *_each(s, _sums(s, "h", (0, 1, 2, 3))), *_lstm(s)]
    return [time, *_gru(s)]


def _lstm(s: Scan) -> list[str]:
    lines = []
    for index, kind in ((0, "gate"), (1, "gate"), (2, "activate"), (3, "gate")):
        made, value = _value(s, kind, f"s{index}")
        lines += [*made, f"g{index} = {value}"]
    lines += [f"{_at(s, 'd')} = g1 * {_at(s, 'c')} + g0 * g2", f"{_at(s, 'q')} = g3"]
    made, value = _value(s, "activate", "d")
    kept = _kept(s, f"{_at(s, 'q')} * value", c=_at(s, "d"))
    return [*_each(s, lines), *_each(s, [*made, f"value = {value}", *kept])]


def _gru(s: Scan) -> list[str]:
    after = s.op.cell == "gru_reset_after"
    lines = _each(s, _sums(s, "h", (0, 1, 2) if after else (0, 1)))
    body = []
    for index, name in ((0, "z"), (1, "r")):
        made, value = _value(s, "gate", f"s{index}")
        body += [*made, f"{name} = {value}"]
    body += [f"{_at(s, 'z')} = z"]
    if after:
        body += [_place(s), f"{_at(s, 's2')} = x[at + {2 * s.op.units}] + r * {_at(s, 's2')}"]
        lines += _each(s, body)
    else:
        lines += _each(s, [*body, f"{_at(s, 'p')} = r * {_at(s, 'h')}"])
        lines += _each(s, _sums(s, "p", (2,)))
    made, value = _value(s, "activate", "s2")
    body = [*made, f"value = {value}", f"z = {_at(s, 'z')}"]
    new = f"z * {_at(s, 'h')} + (np.float32(1) - z) * value"
    return [*lines, *_each(s, [*body, *_kept(s, new)])]


def _place(s: Scan) -> str:
    """Where the first gate of a value lies in the input."""
    width = s.op.gates * s.op.units
    return f"at = ((sample * {s.steps} + t) * {s.places} + q) * {width} + u"


def _sums(s: Scan, state: str, gates: Sequence[int]) -> list[str]:
    """The sums of some gates: what the input gives, and what the state adds."""
    op, units, width = s.op, s.op.units, s.op.gates * s.op.units
    kernel, before = three(op.kernel, 1), three([dims.known(b) for b, _ in op.padding], 0)
    terms = prod(kernel) * units
    lines = [_place(s)]
    for g in gates:
        # The reset gate multiplies what the state gives, before the input comes to it.
        apart = op.cell == "gru_reset_after" and g == 2
        parts = [] if apart else [f"x[at + {g * units}]"]
        if op.state_bias is not None and (g < 2 or apart):
            parts += [f"b[{terms * width + g * units} + u]"]
        lines += [f"a{g} = {' + '.join(parts) or 'np.float32(0)'}"]
        lines += [f"r{g} = np.float32(0)"] if is_long(terms) else []
    inner = [f"value = {_at(s, state, 'base + e')}", f"at = (tap + e) * {width} + u"]
    for g in gates:
        weight = f"b[at + {g * units}]"
        if is_long(terms):
            inner += carried(f"a{g}", f"r{g}", f"value * {weight}")
        else:
            inner += [f"a{g} = fma(value, {weight}, a{g})"]
    inner = [f"for e in range({units}):", *("    " + line for line in inner)]
    if op.kernel:
        lines += _windows(s, kernel, before, inner)
    else:
        lines += [f"base = q * {units}", "tap = 0", *inner]
    for g in gates:
        lines += [rounded(f"a{g}", f"r{g}")] if is_long(terms) else []
        lines += [f"{_at(s, f's{g}')} = a{g}"]
    return lines


def _windows(s: Scan, kernel: Sequence[int], before: Sequence[int], inner: list[str]) -> list[str]:
    """The same for every place of a window that lies in the state."""
    (depth, height, width), units = s.lengths, s.op.units
    return [
        f"px = q % {width} - {before[2]}",
        f"py = q // {width} % {height} - {before[1]}",
        f"pz = q // {width * height} - {before[0]}",
        f"for kz in range({kernel[0]}):",
        f"    for ky in range({kernel[1]}):",
        f"        for kx in range({kernel[2]}):",
        "            if (",
        f"                0 <= pz + kz < {depth} and 0 <= py + ky < {height}",
        f"                and 0 <= px + kx < {width}",
        "            ):",
        f"                base = ((pz + kz) * {height} + py + ky) * {width} + px + kx",
        f"                base *= {units}",
        f"                tap = ((kz * {kernel[1]} + ky) * {kernel[2]} + kx) * {units}",
        *("                " + line for line in inner),
    ]


def _value(s: Scan, kind: str, array: str) -> tuple[list[str], str]:
    """Statements, and then what an activation makes of a value of an array."""
    named = s.op.activation if kind == "activate" else s.op.gate_activation
    if named != "softmax":
        return [], f"{kind}({_at(s, array)})"
    other = _at(s, array, f"q * {s.op.units} + e")
    name = f"{kind}_{array}"
    lines = [
        f"top = {_at(s, array, f'q * {s.op.units}')}",
        f"for e in range({s.op.units}):",
        f"    value = {other}",
        "    top = value if value > top or value != value else top",
        "total = np.float32(0)",
        f"for e in range({s.op.units}):",
        f"    total += exp({other} - top)",
        f"{name} = exp({_at(s, array)} - top) / total",
    ]
    return lines, name


def _kept(s: Scan, h: str, c: str = "") -> list[str]:
    """Take the new state over, where the step is not masked, and write the output."""
    op, taken = s.op, [f"{_at(s, 'h')} = h"]
    if c:
        taken += [f"{_at(s, 'c')} = {c}"]
    if s.shows_zeros:
        taken += [f"{_at(s, 'shown')} = h"]
    lines = [f"h = {h}"]
    if s.mask:
        at = f"sample * {s.room} + t * {s.mask}" + (" + q" if s.mask > 1 else "")
        taken = [f"if w[{at}] != np.float32(0):", *("    " + line for line in taken)]
    output = _at(s, "shown") if s.shows_zeros else _at(s, "h")
    row = "k" if op.sequences else "0"
    write = f"y[(sample * {s.rows} + {row}) * {s.values} + i] = {output}"
    if not op.sequences:
        write = f"if k == {s.steps - 1}: {write}"
    return [*lines, *taken, write]


def _final_states(s: Scan) -> list[str]:
    if not s.op.gives_states:
        return []
    first = s.steps if s.op.sequences else 1
    return _each(
        s,
        [
            f"y[(sample * {s.rows} + {first + index}) * {s.values} + i] = {_at(s, name)}"
            for index, name in enumerate(("h", "c")[: s.op.states])
        ],
    )


def _scan_of(node: Node, shapes: Sequence[KnownShape]) -> Scan:
    op = node.op
    assert isinstance(op, Recurrent), f"{node.name} is no scan"
    steps, *lengths, _ = shapes[0]
    mask = prod(shapes[1][1:]) if op.masked else 0
    return Scan(op, steps, three(lengths, 1), mask)


def _work(node: Node, shapes: Sequence[KnownShape]) -> Work:
    s = _scan_of(node, shapes)
    starts, at = [], 0
    for index, shape in enumerate(shapes[1:], start=1):
        length = prod(shape)
        launch = put(index, 1, at, length, s.room)
        starts.append(Launch(launch.name, launch.text, launch.threads, launch.blocks,
                             launch.reads, 0))  # fmt: skip
        at += length
    return Work((*starts, scan(s)), (s.room,) if s.room else ())


def _largest(node: Node, shape: KnownShape) -> Scan:
    """With a mask for each place, if there is one."""
    op = op_of(node)
    masks = [shape[:-1]] if op.masked else []
    return _scan_of(node, [shape, *masks])


def _nanoseconds(node: Node, shape: KnownShape) -> float:
    s = _largest(node, shape)
    # One multiprocessor of some hundred does a sample.
    products: int = s.steps * s.places * prod(op_of(node).weight.shape)
    return LAUNCH + 1000.0 * s.steps + 100 * products / MULTIPLY_ADDS


def _pack(node: Node, shape: KnownShape, given: Given) -> Packed:
    rows = [np.asarray(one, np.float32).reshape(-1) for one in given]
    return EMPTY, np.concatenate(rows)


RECURRENT = CudaKernel(
    "recurrent",
    (Recurrent,),
    lambda node, shape: _work(node, [shape]),
    nanoseconds=_nanoseconds,
    scratch=lambda node, shape: _largest(node, shape).room,
    pack=_pack,
    joint=_work,
)
