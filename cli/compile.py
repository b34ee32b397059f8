"""``convspec compile``: make now what the first run of a model would have to make."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.layer_option import check_layers
from speccompiler.cli.options import (
    input_shape_option,
    math_option,
    model_argument,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
    tune_option,
    weights_options,
)
from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import printable, show
from speccompiler.reports.number_text import seconds, size
from speccompiler.system.cache import PREFIX, Entry, Kind, cache_root, entries, keeps

if TYPE_CHECKING:
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import InputShapes, MathName, Model
    from speccompiler.weights.sources import MatchName


@click.command("compile")
@model_argument
@input_shape_option
@weights_options
@semantics_options
@replace_option
@target_option("cpu", "cuda", "cuda:N")
@math_option
@tune_option
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="As of the run. Default: 1, and as many as fit.",
)
@threads_option
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="As of the run; repeatable.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    model: str,
    input_shape: InputShapes | None,
    weights: str | None,
    seed: int | None,
    weights_by: MatchName | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    replace: dict[str, str],
    target: str,
    math: MathName,
    tune: bool,
    batch_size: int | None,
    threads: int | None,
    layers: tuple[str, ...],
    style: str,
) -> None:
    """Compile MODEL's kernels and pack its weights, so that the next run finds them.

    Give the options that the run will have. Without weights and --seed only the kernels
    are made.
    """
    gc.enable()  # off during start-up
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=weights,
        seed=seed,
        weights_by=weights_by,
        replace=replace,
    )
    has_weights = loaded.names_weights or loaded.spec.seed is not None
    if tune and not has_weights:
        raise click.UsageError("--tune runs the model: give its weights, or --seed")
    if target != "cpu" and not has_weights:
        raise click.UsageError(f"--target {target} puts weights on the GPU: give them, or --seed")
    check_layers(loaded, layers)
    before, started = {entry.name for entry in entries()}, time.perf_counter()
    with compiling_shown():
        for batch in [batch_size] if batch_size is not None else [1, None]:
            if has_weights:
                compiled = loaded.compile(
                    target,
                    batch_size=batch,
                    threads=threads,
                    input_shape=input_shape,
                    layers=layers,
                    math=math,
                    tune=tune,
                )
            else:
                _kernels_only(loaded, input_shape, layers, math == "fast", batch, threads)
    spent = time.perf_counter() - started
    if has_weights:
        show(compiled.diagnostics)
    made = [entry for entry in entries() if entry.name not in before]
    if style == "json":
        click.echo(json.dumps(_data(made, spent), indent=2))
    else:
        click.echo(_text(made, spent, has_weights))


def _kernels_only(
    model: Model,
    input_shape: InputShapes | None,
    layers: tuple[str, ...],
    fast: bool,
    batch: int | None,
    threads: int | None,
) -> None:
    from speccompiler.compiled import default_batch_size, default_threads
    from speccompiler.kernels.cpu import table as cpu_kernels
    from speccompiler.kernels.cpu.runtime.executor import load_kernels
    from speccompiler.passes import optimize
    from speccompiler.planning.plan import make_plan

    graph, warnings = model.tapped(input_shape, layers)
    if batch == 1:
        show(warnings)
    graph = optimize(graph)
    batch = batch or default_batch_size(make_plan(graph, cpu_kernels, fast=fast))
    threads = threads or default_threads()
    load_kernels(make_plan(graph, cpu_kernels, fast=fast, batch=batch, threads=threads), threads)


def _data(made: list[Entry], spent: float) -> dict[str, object]:
    return {
        "folder": str(cache_root()),
        "seconds": round(spent, 3),
        "made": [{"kind": e.kind, "name": e.name, "size": e.size} for e in made],
    }


def _text(made: list[Entry], spent: float, has_weights: bool) -> str:
    folder = printable(str(cache_root()))
    if not (keeps("kernels") and keeps("weights")):
        return f"{seconds(spent)}, nothing is kept: {folder} cannot be used"
    lines = [_made(made, "kernels", "compiled")]
    lines.append(_made(made, "weights", "packed") if has_weights else "weights: none are given")
    measured = sum(1 for entry in made if entry.kind == "tuning")
    lines += [f"cuts of tasks: {measured} measured"] if measured else []
    return "\n".join([*lines, f"{seconds(spent)}, kept in {folder}"])


def _made(made: list[Entry], kind: Kind, verb: str) -> str:
    mine = [entry for entry in made if entry.kind == kind]
    if not mine:
        return f"{kind}: all were there"
    names = [f"  {printable(e.name.removeprefix(PREFIX))}, {size(e.size)}" for e in mine]
    return "\n".join([f"{kind}: {len(mine)} {verb}", *names])
