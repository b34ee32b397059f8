"""CS130 to CS151: the machine, comparing with recorded outputs, converting."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS130": Code(
        "not enough memory",
        "The run needs more memory than the machine has free, or than a container, a batch system "
        "or `ulimit` allows this process; the message then says where the limit is set. Nothing "
        "was started.",
        "Use a smaller --batch-size, a smaller input or a smaller model, or raise the limit; "
        "`convspec doctor` shows every limit and what is left of it.",
        Kind.IO,
    ),
    "CS131": Code(
        "unknown target",
        "A plan runs on the CPU, on an NVIDIA GPU, or on the float64 reference that judges both.",
        "Choose one of the targets listed.",
        Kind.IO,
    ),
    "CS132": Code(
        "no such layer",
        "An extra output was asked for by a name that no layer of the model has.",
        "Take the name that the hint suggests; `convspec shapes` lists all of them.",
    ),
    "CS133": Code(
        "no GPU to run on",
        "A GPU run needs the extra cuda12 or cuda13, an NVIDIA driver of at least that "
        "CUDA version, and a GPU of compute capability 7.5 or later. The message says which "
        "is missing.",
        "Follow the hint; `convspec doctor` shows what was found.",
        Kind.GPU,
    ),
    "CS134": Code(
        "not enough GPU memory",
        "Batches are cut to what the GPU has free, but one sample and the weights have to "
        "fit, and other programs may take memory during a run.",
        "Use another GPU, a smaller input, --target cpu, or end what else runs on the GPU.",
        Kind.GPU,
    ),
    "CS135": Code(
        "the GPU failed",
        "The driver reported an error during a run: a fault of the hardware, a driver that "
        "was updated under way, or a bug in a kernel.",
        "Run again; if it comes back, compare with --target cpu and report it with the "
        "output of `convspec doctor`.",
        Kind.GPU,
    ),
    "CS136": Code(
        "no such instruction set",
        "Machine code is made for one of a few levels of the processor's instruction set. "
        "$CONVSPEC_ISA asks for one that does not exist, or that this machine cannot run.",
        "Name a level that the hint lists, or leave the variable out: the highest is taken.",
        Kind.IO,
    ),
    "CS140": Code(
        "recorded arrays do not fit the model",
        "Arrays were given for inputs or layers that the model does not have, or none "
        "for one that it needs.",
        "Name the arrays after the model's inputs and layers.",
    ),
    "CS141": Code(
        "recorded output of another shape",
        "A recorded output can be compared only with an output of its own shape.",
        "Check which model and which dim_ordering it was recorded from.",
    ),
    "CS142": Code(
        "output differs from what was recorded",
        "A value is off by more than the tolerance times the largest recorded value.",
        "Record outputs of inner layers and give them with --layer: the first that differs "
        "shows where to look.",
    ),
    "CS150": Code(
        "no equal under the other semantics",
        "A reversed kernel makes up for the other direction of a convolution, but not for "
        "windows that stand elsewhere: the two backends split the padding of 'same' "
        "differently for even kernels, strides and some pools.",
        "Keep the semantics, or pad with a ZeroPadding layer and border_mode 'valid'.",
    ),
    "CS151": Code(
        "no equal in the other dim_ordering",
        "TimeDistributed applies a layer with a dim_ordering of its own, a shared layer would "
        "need other arguments at each call, or the layers have both orderings already: no "
        "change of arguments and weights, and no Permute, makes up for that.",
        "Keep the dim_ordering, or rebuild that part of the model by hand.",
    ),
}
