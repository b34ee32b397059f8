"""``convspec compile``: make now what the first run of a model would have to make."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from speccompiler.cli import json_output
from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.layer_option import check_layers
from speccompiler.cli.options import (
    complete_files,
    format_option,
    gathered,
    input_shape_option,
    math_option,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
    tune_option,
    weights_options,
)
from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import printable, show
from speccompiler.diagnostics.core import about
from speccompiler.options import CompileOptions, LoadOptions
from speccompiler.reports.number_text import seconds, size
from speccompiler.system.cache import PREFIX, Entry, Kind, cache_root, entries, keeps

if TYPE_CHECKING:
    from speccompiler.model import Model


EXAMPLES = """
# What the first run of a model would compile
convspec compile model.yaml --seed 1

# With the options that the run will have
convspec compile model.yaml --weights weights.npz --batch-size 32

# Every kernel there is, as when an image is built
convspec compile --all
"""


@click.command("compile", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("model", metavar="[MODEL]", required=False, shell_complete=complete_files)
@click.option("--all", "everything", is_flag=True, help="All kernels that any model needs.")
@input_shape_option
@weights_options
@semantics_options
@replace_option
@target_option(with_steps=True)
@math_option
@tune_option
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="As of the run. Default: 1, and as many as fit.",
)
@threads_option
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="As of the run; repeatable.")
@format_option("text", "json")
@gathered(loading=LoadOptions, compiling=CompileOptions)
def command(
    model: str | None,
    everything: bool,
    style: str,
    loading: LoadOptions,
    compiling: CompileOptions,
) -> None:
    """Compile MODEL's kernels and pack its weights, so that the next run finds them.

    Give the options that the run will have. Without weights and --seed only the kernels
    are made. With --all, and without MODEL, those of all models are.
    """
    collect_rarely()
    if everything and model is not None:
        raise click.UsageError("--all compiles the kernels of all models: name none beside it")
    if not everything and model is None:
        raise click.UsageError("name a model, or say --all")
    if model is None:
        _compile_library(style, compiling.threads)
    else:
        _compile_model(model, style, loading, compiling)


def _compile_library(style: str, threads: int | None) -> None:
    """Compile what is missing of the library."""
    from speccompiler.kernels.cpu.runtime.background import compile_library
    from speccompiler.system.processor import CHOICE
    from speccompiler.system.threads import default_threads

    before, started = {entry.name for entry in entries()}, time.perf_counter()
    with about(CHOICE), compiling_shown(always=True):
        count, there = compile_library(threads or default_threads())
    spent = time.perf_counter() - started
    made = [entry for entry in _made_since(before) if entry.kind == "kernels"]
    if style == "json":
        json_output.print_json(json_output.compile(made, spent))
        return
    kept = f"kept in {printable(str(cache_root()))}"
    if not keeps("kernels"):
        kept = f"nothing is kept: {printable(str(cache_root()))} cannot be used"
    if count:
        click.echo(f"kernels: {count} compiled in {seconds(spent)}, {there} were there; {kept}")
    else:
        click.echo(f"kernels: all {there} were there")


def _compile_model(model: str, style: str, loading: LoadOptions, compiling: CompileOptions) -> None:
    loaded = load_model(model, loading)
    has_weights = loaded.names_weights or loaded.spec.seed is not None
    if compiling.tune and not has_weights:
        raise click.UsageError("--tune runs the model: give its weights, or --seed")
    target = compiling.target
    if target != "cpu" and not has_weights:
        raise click.UsageError(f"--target {target} puts weights on the GPU: give them, or --seed")
    check_layers(loaded, compiling.layers)
    before, started = {entry.name for entry in entries()}, time.perf_counter()
    batches = [1, None] if compiling.batch_size is None else [compiling.batch_size]
    with compiling_shown():
        for batch in batches:
            asked = replace(compiling, batch_size=batch)
            if has_weights:
                compiled = loaded.compiled(asked)
            else:
                _kernels_only(loaded, asked)
    spent = time.perf_counter() - started
    if has_weights:
        show(compiled.diagnostics)
    made = _made_since(before)
    if style == "json":
        json_output.print_json(json_output.compile(made, spent))
    else:
        click.echo(_text(made, spent, has_weights))


def _made_since(before: set[str]) -> list[Entry]:
    """New entries; of kernels those with machine code, and not the mark of the whole library."""
    new = [entry for entry in entries() if entry.name not in before]
    code = [entry for entry in new if any(file.suffix == ".o" for file in entry.files)]
    return [entry for entry in new if entry.kind != "kernels" or entry in code]


def _kernels_only(model: Model, options: CompileOptions) -> None:
    from speccompiler.kernels.cpu.runtime.executor import load_kernels
    from speccompiler.passes import optimize
    from speccompiler.system.processor import CHOICE, host_level
    from speccompiler.targets import TARGETS

    with about(CHOICE):
        host_level()
    graph, warnings = model.tapped(options.input_shape, options.layers)
    if options.batch_size == 1:
        show(warnings)
    plan, _, threads = TARGETS["cpu"].plan(optimize(graph), options)
    load_kernels(plan, threads)


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
