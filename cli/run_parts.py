"""What a run of the command is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.cli.run_images import FirstSamples
    from speccompiler.cli.run_outputs import Targets
    from speccompiler.cli.run_scheduler import Sharing
    from speccompiler.cli.storage_options import Storing
    from speccompiler.compiled import CompiledModel
    from speccompiler.running.array_files import Summary
    from speccompiler.running.tiles import TileRunner


@dataclass(frozen=True, slots=True)
class Work:
    """A model compiled for its inputs, and what goes in, comes out and is told."""

    compiled: CompiledModel
    runner: TileRunner
    sources: Sequence[ArrayInput]
    targets: Targets
    storing: Storing
    summaries: Mapping[str, Summary]
    images: Mapping[str, FirstSamples]
    activity: Mapping[str, Any]
    """Regularisers whose penalties are summed, by layer."""
    profile: bool
    sharing: Sharing | None = None
    """Whose workers do the tasks, where it is not this process."""

    @property
    def samples(self) -> int:
        """How many go in."""
        return self.sources[0].samples

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each output."""
        shapes = self.runner.output_shapes(self.samples)
        return dict(zip(self.runner.output_names, shapes, strict=True))
