"""``convspec plan``: what a model was lowered to, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import (
    gathered,
    input_shape_option,
    math_option,
    model_argument,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
)
from speccompiler.cli.render import printable, show
from speccompiler.cli.tile_option import tile_option
from speccompiler.diagnostics.core import Problem
from speccompiler.graph.describe import describe_op, node_rows
from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.states import fixed_batch, stateful_layers
from speccompiler.options import CompileOptions, LoadOptions
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan, Step
from speccompiler.planning.run_bytes import waiting_bytes
from speccompiler.reports.number_text import scaled, size
from speccompiler.targets import find_target

if TYPE_CHECKING:
    from speccompiler.model import Model

EXAMPLES = """
# What each pass did, and the steps of a run
convspec plan model.yaml

# For images of one size, without Winograd convolution
convspec plan model.yaml --input-shape 224,224,3 --math precise

# What it costs to compute a scan in tiles
convspec plan model.yaml --input-shape 4096,4096,3 --tile 512,512

# As eight threads would do a batch of 32
convspec plan model.yaml --batch-size 32 --threads 8
"""


@click.command("plan", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@click.option(
    "--layer", "layers", multiple=True, metavar="NAME", help="Keep this layer's output too."
)
@input_shape_option
@semantics_options
@replace_option
@target_option(with_steps=True)
@math_option
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Samples of a call, which may change how a step is cut into tasks.",
)
@threads_option
@tile_option
@gathered(loading=LoadOptions, compiling=CompileOptions)
def command(model: str, loading: LoadOptions, compiling: CompileOptions) -> None:
    """Show the graph before and after each pass, the steps, and the buffers.

    Outputs are marked with *. Shapes are of one sample.
    """
    from speccompiler.cli.layer_option import check_layers

    loaded = load_model(model, loading)
    check_layers(loaded, compiling.layers)
    graph, warnings = loaded.tapped(compiling.input_shape, compiling.layers)
    show(warnings)
    if compiling.tile is None and any(stateful_layers(loaded.spec)):
        graph, compiling = _as_run(loaded, graph, compiling)
    sections = [_section("lowered", graph)]
    previous = graph

    def trace(name: str, result: Graph) -> None:
        nonlocal previous
        if result == previous:
            sections.append(f"{click.style(name, bold=True)}: no change")
        else:
            sections.append(_section(name, result))
        previous = result

    optimized = optimize(graph, trace)
    target = find_target(compiling.target)
    assert target is not None, "the option takes no other"
    plan, batch, threads = target.plan(optimized, compiling)
    sections += [_steps(plan), _buffers(plan)]
    if compiling.tile is None:
        needed = target.memory(graph, plan, batch, threads) + waiting_bytes(plan, batch)
        sections.append(_memory(needed, batch, threads))
    else:
        from speccompiler.cli.plan_tiles import run_bytes, tiles_of, tiles_section

        try:
            tiled = tiles_of(target, compiling, graph, plan, threads)
        except Problem as problem:
            raise loaded.refused(problem) from None
        sections.append(_memory(run_bytes(tiled), tiled.batch_size, threads))
        sections.append(tiles_section(tiled))
    click.echo("\n\n".join(sections))


def _as_run(model: Model, graph: Graph, compiling: CompileOptions) -> tuple[Graph, CompileOptions]:
    """The graph with the states that a run carries on, in the batches that the model declares."""
    from speccompiler.carrying import graph_with_states

    shapes = [node.shape for node in graph.inputs]
    whole, _ = graph_with_states(model, shapes, graph.outputs)
    batch = fixed_batch(model.spec) or compiling.batch_size
    return whole, replace(compiling, batch_size=batch)


def _grid(rows: list[tuple[str, ...]], headers: tuple[str, ...] = ()) -> str:
    from tabulate import tabulate

    shown = [tuple(map(printable, row)) for row in rows]
    return tabulate(
        shown, headers=headers, tablefmt="simple" if headers else "plain", disable_numparse=True
    )


def _section(name: str, graph: Graph) -> str:
    rows = [
        (f"  {node}", shape, operation, f"<- {reads}" if reads else "")
        for node, shape, operation, reads in node_rows(graph)
    ]
    count = f"{len(rows)} node{'s' if len(rows) != 1 else ''}"
    return f"{click.style(name, bold=True)}: {count}\n{_grid([tuple(row) for row in rows])}"


def _steps(plan: Plan) -> str:
    rows: list[tuple[str, ...]] = []
    for index, step in enumerate(plan.steps):
        cost = ""
        if step.candidate is not None:
            cost = f"{scaled(int(step.candidate.nanoseconds(step.node, step.source_shape)))}"
        rows.append(
            (
                str(index),
                step.kernel,
                _operation(step),
                _cut(step),
                ", ".join(step.sources),
                step.target,
                format_shape(step.target_shape),
                cost,
            )
        )
    headers = (
        "step",
        "kernel",
        "operation",
        "tasks of",
        "reads",
        "writes",
        "shape",
        "estimate, ns",
    )
    return f"{click.style('steps', bold=True)}\n{_grid(rows, headers)}"


def _operation(step: Step) -> str:
    if step.candidate is None:
        return "copy"
    parts = [step.node.op, *(node.op for node in (step.pool, step.added) if node is not None)]
    return ", then ".join(map(describe_op, parts))


def _cut(step: Step) -> str:
    schedule = None if step.candidate is None else step.candidate.schedule
    if schedule is None:
        return ""
    cut = f"{schedule.tiles} tiles x {schedule.filters} filters"
    return f"{cut}, {schedule.chunk} channels at a time" if schedule.chunk else cut


def _buffers(plan: Plan) -> str:
    rows: list[tuple[str, ...]] = [
        (
            buffer.name,
            format_shape(buffer.shape),
            size(4 * buffer.elements),
            str(4 * buffer.offset),
            f"{buffer.first}..{buffer.last}",
        )
        for buffer in plan.buffers
    ]
    separate = sum(buffer.elements for buffer in plan.buffers)
    summary = (
        f"arena: {size(4 * plan.arena_elements)} a sample "
        f"({size(4 * separate)} without reuse); weights: {size(plan.weight_bytes)}"
    )
    title = click.style("buffers", bold=True)
    if not rows:
        return f"{title}: none, every step reads the input or writes the output\n{summary}"
    headers = ("value", "shape", "size", "offset", "steps")
    return f"{title}\n{_grid(rows, headers)}\n{summary}"


def _memory(needed: int, batch: int, threads: int) -> str:
    """What a run takes, with what waits before and after the batch that is computed."""
    title = click.style("memory of a run", bold=True)
    on = f"batches of {batch} on {threads} thread{'s' if threads != 1 else ''}"
    return f"{title}: {size(needed)} in {on}, for any number of samples; arrays in chunks take more"
