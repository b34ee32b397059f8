"""A compiled model that is run tile by tile: the same bits as the whole, in less memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Protocol

import numpy as np

from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.caller_arrays import as_array, as_declared
from speccompiler.arrays.npy_input import from_array
from speccompiler.diagnostics.core import Problem, about
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph
from speccompiler.kernels.executor import Array, Executor
from speccompiler.options import CompileOptions
from speccompiler.passes import optimize
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.memory_limits import memory_text
from speccompiler.planning.plan import Plan
from speccompiler.system.fork_lock import ForkLock
from speccompiler.targets import Target, find_target
from speccompiler.tiling.tile import Tile
from speccompiler.tiling.tile_cost import TileCost
from speccompiler.tiling.tile_sizes import TileSizes
from speccompiler.tiling.tiled_plan import Planner, TiledPlan, tiled_plan
from speccompiler.validation.input_checks import check_array, check_numbers, check_samples
from speccompiler.validation.validated import ValidatedModel


class Compiled(Protocol):
    """What is needed of a model that is compiled as a whole."""

    @property
    def model(self) -> ValidatedModel: ...
    @property
    def options(self) -> CompileOptions: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def executor(self) -> Executor: ...
    @property
    def threads(self) -> int: ...
    @property
    def output_names(self) -> tuple[str, ...]: ...
    @property
    def looked_up(self) -> Mapping[str, tuple[str, int]]: ...
    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]: ...


@dataclass(frozen=True, slots=True)
class TiledModel:
    """A ``TileRunner``: a compiled model and its plan in tiles. Safe to call from any thread."""

    compiled: Compiled
    tiled: TiledPlan
    _executors: dict[tuple[int, ...], Executor] = field(default_factory=dict)
    _lock: ForkLock = field(default_factory=ForkLock)

    @property
    def grid(self) -> tuple[int, ...]:
        """How many tiles lie along each axis that is cut."""
        return self.tiled.tiling.grid

    @property
    def tiles(self) -> Sequence[Tile]:
        """Every tile; each is made when it is asked for."""
        return self.tiled.tiling.tiles

    @property
    def steps(self) -> Sequence[tuple[int, ...]]:
        """For each output, how far apart the tiles' boxes begin along each axis of a sample."""
        return self.tiled.tiling.steps

    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]:
        """For each output and each axis of ``grid``, the axis of a sample that it cuts."""
        return self.tiled.tiling.output_axes

    @property
    def batch_size(self) -> int:
        """Samples at a time."""
        return self.tiled.batch_size

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""
        return self.compiled.output_names

    @property
    def cost(self) -> TileCost:
        """What the tiles cost beside the whole."""
        return self.tiled.cost

    @property
    def note(self) -> str | None:
        """What was made of the sizes that were asked for."""
        return self.tiled.note

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""
        return self.compiled.output_shapes(samples)

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Compute one tile for a batch: boxes of each input in, boxes of each output filled.

        Arrays are C-contiguous float32; an output that has nothing in this tile is an empty one.
        """
        filled = [y for y in outputs if y.size]
        if not filled:
            return
        entries, looked_up = self.compiled.model.spec.inputs, self.compiled.looked_up
        converted = [as_declared(b, e.dtype) for b, e in zip(batches, entries, strict=True)]
        for batch, entry in zip(converted, entries, strict=True):
            if entry.name in looked_up:
                check_numbers(batch, *looked_up[entry.name])
        self._executor(self.tiled.tiling.kind(tile)).run_batch(converted, filled)

    def _executor(self, kind: tuple[int, ...]) -> Executor:
        found = self._executors.get(kind)
        if found is None:
            with self._lock.now:
                found = self._executors.get(kind)
                if found is None:
                    one = self.tiled.plans[kind]
                    found = self.compiled.executor.for_plan(one.graph, one.plan, self.batch_size)
                    self._executors[kind] = found
        return found

    def run(self, given: Sequence[Any], out: Any = None, count: int | None = None) -> list[Any]:
        """The first ``count`` outputs, or all, of inputs whose arrays have a shape and slices.

        ``out`` is what parts are written to: a list, or the one array where ``count`` is 1; None
        makes arrays. No more than a tile's box of a batch is read at a time. Raises ``SpecError``.
        """
        names = self.compiled.model.input_names
        called = ["the array"] if len(names) == 1 else [f"input '{name}'" for name in names]
        for array, name, node in zip(given, called, self.compiled.plan.graph.inputs, strict=True):
            with about(name):
                check_array(node.shape, _shape(array))
        with about(called[0]):
            check_samples({n: a.shape[0] for n, a in zip(names, given, strict=True)})
            samples = given[0].shape[0]
            written = _outputs(self.output_shapes(samples)[:count], out)
            if out is not None:
                given = _apart(given, written)
        for first in range(0, samples, self.batch_size):
            self._run_samples(
                given, called, written, (first, min(first + self.batch_size, samples))
            )
        return written

    def _run_samples(
        self,
        given: Sequence[Any],
        called: Sequence[str],
        out: Sequence[Any],
        samples: tuple[int, int],
    ) -> None:
        """Every tile of some samples."""
        buffers: dict[tuple[int, ...], Array] = {}
        for number, tile in enumerate(self.tiles):
            batches = []
            for array, name, box in zip(given, called, tile.inputs, strict=True):
                with about(name):
                    batches.append(_read(array, (samples, *box), name))
            made = [
                _buffer(buffers, output, (samples, *box)) for output, box in enumerate(tile.outputs)
            ]
            with about(called[0]):
                self.run_tile(number, batches, made)
            for array, box, values in zip(out, tile.outputs, made, strict=False):
                if values.size:
                    array[slices((samples, *box))] = values


def _shape(array: Any) -> tuple[int, ...]:
    """CS113 for what has no shape."""
    shape = getattr(array, "shape", None)
    if not isinstance(shape, tuple):
        raise Problem(
            "CS113",
            f"a {type(array).__name__} has no shape and no slices",
            "give an array: of NumPy, Zarr, h5py, Dask or a memmap",
        )
    return shape


def _outputs(shapes: Sequence[tuple[int, ...]], out: Any) -> list[Any]:
    """What is written to: arrays that are given, or new ones. CS117, CS130."""
    if out is not None:
        given = [out] if len(shapes) == 1 and not isinstance(out, list | tuple) else [*out]
        if len(given) != len(shapes):
            message = f"'out' must be a list of {len(shapes)} arrays"
            raise Problem("CS117", message, "give one for each output, in their order")
        for array, shape in zip(given, shapes, strict=True):
            if _shape(array) != shape:
                raise Problem("CS117", f"'out' must have the shape {shape}, not {array.shape}")
            _check_written(array)
        return given
    try:
        return [np.empty(shape, np.float32) for shape in shapes]
    except MemoryError:
        size = 4 * sum(int(np.prod(shape, dtype=object)) for shape in shapes)
        raise Problem(
            "CS130",
            f"the outputs take {memory_text(size)} of memory",
            "give an array on disk as 'out', such as a Zarr array or a memmap",
        ) from None


def _check_written(array: Any) -> None:
    """CS117 for what cannot be written to, or would round what is."""
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        raise Problem("CS117", "'out' cannot be written to", "it is a read-only array; copy it")
    dtype = getattr(array, "dtype", None)
    if isinstance(dtype, np.dtype) and not np.can_cast(np.float32, dtype):
        hint = "the results are float32; make 'out' of float32 or float64"
        raise Problem("CS117", f"'out' holds {dtype}, which would change the results", hint)


def _apart(given: Sequence[Any], out: Sequence[Any]) -> Sequence[Any]:
    """The inputs, copied where they lie in the outputs' memory: tiles read what others wrote."""
    apart = []
    for x in given:
        if isinstance(x, np.ndarray):
            shared = any(isinstance(y, np.ndarray) and np.may_share_memory(x, y) for y in out)
            apart.append(x.copy() if shared else x)
            continue
        if any(x is y for y in out):
            message = "'out' is the array that is read, and tiles read what others have written"
            raise Problem("CS117", message, "give another array as 'out'")
        apart.append(x)
    return apart


def _buffer(buffers: dict[tuple[int, ...], Array], output: int, box: Box) -> Array:
    """Room for a box of an output, which the next tile of its shape uses again."""
    shape = shape_of(box)
    if (output, *shape) not in buffers:
        buffers[output, *shape] = np.empty(shape, np.float32)
    return buffers[output, *shape]


def _read(array: Any, box: Box, name: str) -> Array:
    """A box of anything that can be sliced, as C-contiguous float32. CS113, CS114, CS115."""
    source = from_array(as_array(array[slices(box)]), name)
    (batch,) = source.batches(max(1, source.samples))
    return batch


def planner_of(target: Target, options: CompileOptions, threads: int) -> Planner:
    """How a target plans tiles, with what it was asked for."""

    def plan(graph: Graph, batch: int | None, kernels: KernelTable) -> tuple[Plan, int]:
        asked = replace(options, batch_size=batch, threads=threads)
        # What the reference runs is not optimized; its plan only says what goes in and out.
        planned = graph if target.has_steps else optimize(graph)
        found, batch_size, _ = target.plan(planned, asked, kernels)
        return found, batch_size

    def memory(graph: Graph, plan: Plan, batch: int) -> int:
        return target.memory(graph, plan, batch, threads)

    return Planner(plan, memory, target.kernels(), as_lowered=not target.has_steps)


def tiled_model(compiled: Compiled, lowered: Graph, sizes: TileSizes) -> TiledModel:
    """A compiled model in tiles. Raises ``Problem``; see ``tiled_plan``."""
    options = compiled.options
    target = find_target(options.target)
    assert target is not None, "it was compiled for one"
    planner = planner_of(target, options, compiled.threads)
    made = tiled_plan(
        compiled.plan.graph, lowered, compiled.plan, planner, sizes, options.batch_size
    )
    return TiledModel(compiled, made)
