"""CS200 to CS204: arrays in chunks and runs on a cluster."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS200": Code(
        "array in chunks that cannot be used",
        "A model is laid over the chunks of a Dask array before anything is computed, so their "
        "lengths have to be known, and to be what they are when it is. Where samples of a batch "
        "change each other's numbers, a batch may not be cut by a chunk.",
        "Follow the hint: x.compute_chunk_sizes(), x.rechunk(..), or chunks= of map_blocks.",
    ),
    "CS201": Code(
        "cannot be distributed",
        "Workers read their part of each input and write their part of each output, in any "
        "order and from other processes. Streams, archives, and what is summed over all samples "
        "do not allow that.",
        "Leave out --scheduler, or what the message names.",
        Kind.IO,
    ),
    "CS202": Code(
        "no scheduler to run on",
        "The address leads to no Dask scheduler, or to one that does not answer as it should, "
        "such as one with TLS or of another version.",
        "Check the address, or use --scheduler local, which starts workers on this machine.",
        Kind.IO,
    ),
    "CS203": Code(
        "a worker has not the same files",
        "Models, weights and arrays go to workers by their paths. A worker on another machine "
        "has to find the same file under the same path, and a place to write to.",
        "Keep the files on storage that every worker sees; small weights can be sent along.",
        Kind.IO,
    ),
    "CS204": Code(
        "the cluster gave up",
        "Tasks of a worker that is lost are run again by others, and where none is left, the run "
        "waits for new ones. It ended because the scheduler was lost, or because one task ended "
        "several workers in a row, mostly for want of memory.",
        "Look at the workers' logs; give workers more memory or take a smaller --batch-size.",
        Kind.IO,
    ),
}
