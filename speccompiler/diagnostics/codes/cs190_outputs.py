"""CS190 to CS194: outputs in chunks, and outputs that a later run finishes."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS190": Code(
        "chunks or shards that do not fit",
        "Each chunk, and each shard where an array has them, is written as a whole by one writer: "
        "a shard that two write in part loses values. So shards are made of whole chunks, and "
        "along a tiled axis a chunk or shard holds whole tiles, or lies within one.",
        "Give --chunks and --shards the numbers that the message names; without them convspec "
        "takes whole samples or tiles.",
        Kind.IO,
    ),
    "CS191": Code(
        "another run is writing this output",
        "Outputs are built in a folder beside them, NAME.unfinished, which one process at a time "
        "holds; the lock ends with the process.",
        "Wait until the other run is done, or name another output.",
        Kind.IO,
    ),
    "CS192": Code(
        "unfinished output cannot be used",
        "NAME.unfinished, in which an output is built, is something that convspec did not make, or "
        "what an earlier run left in it is missing or was changed.",
        "Move away what is in the way; begin anew with --restart where a part is damaged.",
        Kind.IO,
    ),
    "CS193": Code(
        "very many chunks",
        "Each chunk of a Zarr array is a file. Beyond some 100,000 of them copying, listing and "
        "removing the array takes minutes, and a disk may run out of entries.",
        "Give --shards, which puts many chunks into one file, or larger --chunks.",
    ),
    "CS194": Code(
        "output may not fit on the disk",
        "The values take more room than is free, before compression; how far they shrink is known "
        "only when they are there.",
        "Free some space, or write to another disk; a run that stops for want of room can be "
        "resumed.",
    ),
}
