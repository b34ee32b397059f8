"""``convspec run`` of a stateful model: batches in order, each with the states of the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from speccompiler.diagnostics.core import Problem, about
from speccompiler.lowering.states import check_any_order, fixed_batch, stateful_layers
from speccompiler.options import CompileOptions

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.cli.run_usage import Wanted
    from speccompiler.model import Model


def check_states(
    model: Model, sources: Sequence[ArrayInput], wanted: Wanted, compiling: CompileOptions
) -> None:
    """Refuse what would run a stateful model's batches in another order, or of another size.

    ``SpecError``: CS212, CS213.
    """
    if not any(stateful_layers(model.spec)):
        return
    with about(model.file):
        if compiling.tile is not None:
            check_any_order(model.spec, "--tile")
        if wanted.scheduler is not None:
            check_any_order(model.spec, "--scheduler")
    batch = fixed_batch(model.spec)
    if batch is None:
        return
    if wanted.profile:
        raise click.UsageError(
            "--profile shows the steps of a plan without states, and this model is stateful"
        )
    with about(model.file):
        if compiling.batch_size not in {None, batch}:
            raise Problem(
                "CS212",
                f"--batch-size {compiling.batch_size}: the model is stateful, in batches of "
                f"{batch}",
                f"leave it out; 'batch_size' of a native spec says another than {batch}",
            )
    with about(sources[0].name):
        from speccompiler.carrying import check_whole_batches

        check_whole_batches(sources[0].samples, batch)
