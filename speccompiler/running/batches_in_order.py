"""Whole samples of a stateful model: batches in order, each with the states of the last."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.carrying import Carrying, check_whole_batches
from speccompiler.compiled import CompiledModel
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.lowering.states import fixed_batch
from speccompiler.running.tiles import TileRunner, WholeSamples
from speccompiler.tiling.tile import Tile


@dataclass(frozen=True, slots=True)
class BatchesInOrder:
    """A ``TileRunner`` of whole samples that carries states from each batch to the next.

    ``held`` has the states behind the last batch. Batches have to come in order, from one thread.
    """

    whole: WholeSamples
    made: Carrying
    held: list[Array]

    @property
    def grid(self) -> tuple[int, ...]:
        """No axis is tiled."""
        return ()

    @property
    def tiles(self) -> Sequence[Tile]:
        """Whole samples in, whole samples out."""
        return self.whole.tiles

    @property
    def steps(self) -> Sequence[tuple[int, ...]]:
        """The outputs' own lengths."""
        return self.whole.steps

    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]:
        """None is cut."""
        return self.whole.output_axes

    @property
    def batch_size(self) -> int:
        """The samples of a batch, as the model declares them."""
        assert self.made.batch is not None, "batches of no fixed size carry nothing"
        return self.made.batch

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""
        return self.whole.output_names

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""
        return self.whole.output_shapes(samples)

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Run the next batch."""
        assert tile == 0, "there is one"
        self.held[:] = self.made.step(batches, outputs, self.held)


def whole_samples(compiled: CompiledModel, samples: int) -> TileRunner:
    """What runs whole samples in order; a stateful model's batches carry their states.

    Raises ``Problem``: CS212 for samples that make no whole batches, and ``SpecError``.
    """
    batch = fixed_batch(compiled.model.spec)
    if batch is None:
        return WholeSamples(compiled)
    check_whole_batches(samples, batch)
    made = compiled.carrying
    return BatchesInOrder(WholeSamples(compiled), made, made.zeros(batch))
