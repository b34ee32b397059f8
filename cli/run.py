"""``convspec run``: a forward pass from array file to array file."""

from __future__ import annotations

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.layer_option import check_layers
from speccompiler.cli.options import (
    complete_files,
    gathered,
    math_option,
    model_argument,
    not_empty,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
    tune_option,
    weights_options,
)
from speccompiler.cli.run_images import (
    Images,
    check_images,
    image_sinks,
    images_options,
    write_images,
)
from speccompiler.cli.run_inputs import (
    input_files,
    opened,
    picture_options,
    write_file_lists,
)
from speccompiler.cli.run_model import (
    activities,
    check_arrays,
    compiled_for,
    files_read,
    runner_of,
    show_notes,
)
from speccompiler.cli.run_output import print_penalties, print_profile, print_results
from speccompiler.cli.run_outputs import Targets, check_places, check_storing, check_targets
from speccompiler.cli.run_parts import Work
from speccompiler.cli.run_scheduler import sharing_of
from speccompiler.cli.run_states import check_states
from speccompiler.cli.run_unfinished import Unfinished
from speccompiler.cli.run_usage import (
    Wanted,
    check_resuming,
    check_sharing,
    check_tiling,
    check_usage,
)
from speccompiler.cli.run_work import perform, summaries_of
from speccompiler.cli.scheduler_option import scheduler_option
from speccompiler.cli.storage_options import Storing, storage_options
from speccompiler.cli.tile_option import tile_option
from speccompiler.options import CompileOptions, LoadOptions

EXAMPLES = """
# Samples in, outputs out
convspec run model.yaml --input x.npy --output y.npy

# A Keras file with its weights, as it was trained on Theano
convspec run model.h5 --semantics theano --input x.npy -o y.npy

# Without weights: drawn at random, the same on every machine
convspec run model.yaml --seed 1 --input x.npy -o y.npy

# What a layer gives, and the time of each step
convspec run model.yaml --input x.npy -o y.npy --layer conv1 --profile

# Its feature maps for the first two samples, as pictures
convspec run model.yaml --input x.npy --layer conv1 \\
  --images maps --image-samples 2

# Shared by three processes, or by the workers of a Dask cluster
convspec run model.yaml --input x.zarr -o y.zarr --scheduler local:3
convspec run model.yaml --input x.zarr -o y.zarr \\
  --scheduler tcp://node1:8786

# A scan larger than memory, in tiles; broken off, the same command goes on
convspec run model.yaml --input scans.zarr -o masks.zarr --tile auto --resume

# Into a Zarr array, in shards of 16 chunks
convspec run model.yaml --input x.zarr -o y.zarr --chunks 1 --shards 16

# In a pipe
cat x.npy | convspec run model.yaml --input - --output - > y.npy
"""


@click.command("run", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@click.option(
    "--input",
    "inputs",
    metavar="[NAME=]FILE",
    callback=not_empty,
    shell_complete=complete_files,
    multiple=True,
    required=True,
    help="Samples: .npy, .npz, Zarr, HDF5 (file.h5::/dataset), a folder or pattern of pictures, a "
    "URL; - for a stream of .npy. A model with several inputs takes one for each, or one .npz with "
    "members of their names.",
)
@picture_options
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="Where the output goes: .npy, .npz, Zarr (y.zarr, also at a URL), a dataset of a new HDF5 "
    "file (y.h5::/path); - for a stream of .npy. Several outputs become <stem>.<name>.npy each, "
    "or members of one .npz. Default: only a summary is printed.",
)
@weights_options
@semantics_options
@replace_option
@target_option()
@math_option
@tune_option
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time.")
@threads_option
@tile_option
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Also write this layer's output, beside --output as <stem>.<layer>.npy or into the same "
    ".npz; repeatable.",
)
@click.option("--penalties", is_flag=True, help="Print what each regulariser adds to the loss.")
@click.option(
    "--apply-constraints", is_flag=True, help="Project weights onto their constraints first."
)
@click.option("--profile", is_flag=True, help="Print the time of each step.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run of this output that was broken off, or begin where there is none.",
)
@click.option(
    "--restart", is_flag=True, help="Throw away what a run that was broken off has left, and begin."
)
@scheduler_option
@images_options
@storage_options
@gathered(
    wanted=Wanted,
    drawn=Images,
    storing=Storing,
    loading=LoadOptions,
    compiling=CompileOptions,
)
def command(
    model: str,
    wanted: Wanted,
    drawn: Images,
    storing: Storing,
    loading: LoadOptions,
    compiling: CompileOptions,
) -> None:
    """Run MODEL over every sample of an array, batch by batch.

    The first axis of each array counts samples. Outputs appear under their name
    only when they are complete.
    """
    collect_rarely()
    check_usage(model, wanted, compiling)
    loaded = load_model(model, loading)
    layers = compiling.layers
    check_layers(loaded, layers)
    files = input_files(loaded, wanted.inputs)
    targets = Targets.of(wanted.output, loaded.output_names, layers)
    check_storing(targets, storing)
    check_resuming(wanted, targets, drawn)
    check_sharing(wanted, targets, drawn)
    check_images(drawn)
    with (
        opened(loaded, files, wanted.pictures) as sources,
        Unfinished(targets, wanted.left) as unfinished,
    ):
        read = files_read(loaded, sources)
        check_targets(targets, read)
        check_arrays(loaded, sources)
        check_states(loaded, sources, wanted, compiling)
        check_tiling(compiling, sources)
        check_places(targets)
        unfinished.look()
        activity = activities(loaded, sources) if wanted.penalties else {}
        asked = unfinished.with_its_tile(compiling)
        compiled = compiled_for(loaded, sources, asked, tuple(activity))
        show_notes(compiled, sources)
        images = image_sinks(drawn, layers or loaded.output_names)
        work = Work(
            compiled,
            runner_of(compiled, sources[0].samples),
            sources,
            targets,
            storing,
            summaries_of(loaded, targets, layers),
            images,
            activity,
            wanted.profile,
            sharing_of(wanted.scheduler, loaded, files, wanted.pictures, compiling.threads),
        )
        result = perform(work, unfinished)
    # A stream on standard output leaves standard error for people.
    err = wanted.output == "-"
    print_results(work, result, err=err)
    write_file_lists(loaded, sources, wanted.output, err=err)
    write_images(drawn, loaded, images, [file for _, file in read], err=err)
    if wanted.penalties:
        print_penalties(compiled, result, err=err)
    if wanted.profile:
        print_profile(compiled, result, err=err)
