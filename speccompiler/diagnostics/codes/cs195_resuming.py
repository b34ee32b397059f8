"""CS195 to CS198: runs that go on where an earlier one was broken off."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS195": Code(
        "an unfinished run is in the way",
        "An earlier run with this output was broken off. What it finished is kept beside the "
        "output, and is neither used nor removed unless you say so.",
        "Give --resume to go on with it, which computes only what is missing, or --restart to "
        "throw it away.",
        Kind.IO,
    ),
    "CS196": Code(
        "the unfinished run was another one",
        "A run goes on only where everything that its numbers depend on is what it was: model, "
        "weights, semantics, math, inputs, outputs, tiles and the processor's instruction set. "
        "Otherwise one array would hold the results of two runs.",
        "Give the run what it was begun with; the message says what changed. --restart begins "
        "anew.",
        Kind.IO,
    ),
    "CS197": Code(
        "unfinished run not understood",
        "The notes that an earlier run left beside its output are of another version of convspec, "
        "or damaged.",
        "Begin anew with --restart.",
        Kind.IO,
    ),
    "CS198": Code(
        "run that cannot be resumed",
        "To go on, a run must know that its inputs are still what they were. Nothing says that of "
        "a stream, of some addresses, and of a file that was written in this very moment.",
        "Save the input to a file, or leave --resume out.",
        Kind.IO,
    ),
}
