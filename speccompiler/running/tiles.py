"""What runs a model tile by tile: whole samples are the case of one tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from speccompiler.arrays.boxes import whole
from speccompiler.compiled import CompiledModel
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.tiling.tile import Tile


class TileRunner(Protocol):
    """A model that is run in tiles. Tiles are numbered in row-major order of ``grid``."""

    @property
    def grid(self) -> tuple[int, ...]:
        """How many tiles lie along each tiled axis; empty for whole samples."""

    @property
    def tiles(self) -> Sequence[Tile]:
        """Every tile."""

    @property
    def steps(self) -> Sequence[tuple[int, ...]]:
        """For each output, how far apart the tiles' boxes begin along each axis of a sample."""

    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]:
        """For each output and each axis of ``grid``, the axis of a sample that it cuts."""

    @property
    def batch_size(self) -> int:
        """Samples at a time."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Compute one tile for a batch: boxes of each input in, boxes of each output filled."""


@dataclass(frozen=True, slots=True)
class WholeSamples:
    """A compiled model as one tile."""

    compiled: CompiledModel

    @property
    def grid(self) -> tuple[int, ...]:
        """No axis is tiled."""
        return ()

    @property
    def tiles(self) -> Sequence[Tile]:
        """Whole samples in, whole samples out."""
        plan = self.compiled.plan
        return (
            Tile(
                tuple([whole(shape) for _, shape in plan.inputs]),
                tuple([whole(shape) for _, shape in plan.outputs]),
            ),
        )

    @property
    def steps(self) -> Sequence[tuple[int, ...]]:
        """The outputs' own lengths."""
        return [shape for _, shape in self.compiled.plan.outputs]

    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]:
        """None is cut."""
        return [()] * len(self.compiled.plan.outputs)

    @property
    def batch_size(self) -> int:
        """Samples at a time."""
        return self.compiled.batch_size

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""
        return self.compiled.output_names

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""
        return self.compiled.output_shapes(samples)

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Run a batch."""
        assert tile == 0, "there is one"
        self.compiled.run_batch(batches, outputs)
