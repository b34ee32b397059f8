"""The tables of docs/scale.md: arrays larger than memory, tiles, clusters."""

from __future__ import annotations

from collections.abc import Iterator

from . import figures
from .results import OURS, WRONG, ManySizes, Results, Tiled
from .table_text import Table


def scale_tables(results: Results) -> Iterator[tuple[str, Table]]:
    """One for each part that was measured, by the part's name."""
    if results.streamed:
        yield "streaming", _streamed(results)
    if results.tiled:
        yield "tiled", _tiled(results)
    if results.clustered:
        yield "cluster", _clustered(results)
    if results.lengths:
        yield "lengths", _lengths(results)
    if results.large:
        yield "large", _large(results)


def _streamed(results: Results) -> Table:
    cells = tuple(
        (
            f"{s.case}, {s.samples} samples, batches of {s.batch}",
            f"{s.memory_s:.2f}",
            f"{s.files_s:.2f}",
            f"{s.ratio:.3f}",
            figures.streamed_verdict(s),
        )
        for s in results.streamed
    )
    note = (
        "Uncompressed Zarr in, Zarr out, beside a loop over arrays in memory, in turns. What a "
        "shorter run takes is taken off, so that neither has a start."
    )
    header = ("median s", "in memory", "Zarr to Zarr", "rate of memory's", "bar")
    return Table("From files", note, header, cells)


def _clustered(results: Results) -> Table:
    cells = tuple(
        (
            f"{c.case}, {c.samples} samples, {c.workers} workers",
            f"{c.alone_s:.2f}",
            f"{c.cluster_s:.2f}",
            f"{c.ratio:.3f}",
            "the same" if c.same else "OTHERS",
            figures.clustered_verdict(c),
        )
        for c in results.clustered
    )
    note = (
        "From Zarr to Zarr, in turns, on a cluster that is running; what a shorter run takes is "
        "taken off, as above."
    )
    header = ("median s", "one process", "cluster", "cluster/one", "bits", "bar")
    return Table("A cluster on this machine", note, header, cells)


def _tiled(results: Results) -> Table:
    cells = tuple(
        (
            f"{t.image}, {f'tiles of {t.tile}' if t.tile else 'whole'}, {t.contender}",
            f"{t.seconds:.1f}",
            _beside_best_peer(t, results),
            f"{t.peak_mib:.0f}",
            _apart(t),
        )
        for t in results.tiled
    )
    note = (
        "Whole processes, from .npy to .npy. torch overlaps and crops, with the same weights and "
        "a halo that is wide enough. Memory is what a process holds of its own. The last column "
        "is the largest difference of tiles to the same program's whole image, over the largest "
        "value."
    )
    header = ("seconds", "time", "peer/this", "peak MiB", "beside its whole")
    return Table("Images in tiles", note, header, cells)


def _beside_best_peer(tiled: Tiled, results: Results) -> str:
    """Best peer's time / this one's, for the same image and tiles."""
    if not tiled.contender.startswith(OURS):
        return ""
    peers = [
        t.seconds
        for t in results.tiled
        if (t.image, t.tile) == (tiled.image, tiled.tile) and not t.contender.startswith(OURS)
    ]
    return f"{min(peers) / tiled.seconds:.2f}" if peers else ""


def _apart(tiled: Tiled) -> str:
    if tiled.difference is None:
        return ""
    return "equal bit for bit" if tiled.difference == 0 else f"{tiled.difference:.0e}"


def _lengths(results: Results) -> Table:
    cells = tuple(
        (
            f"{m.case}, {m.sizes} sizes, {m.contender}"
            + ("" if m.difference <= WRONG else f", wrong by {m.difference:.0e}"),
            f"{1e3 * m.first_s:.0f}",
            f"{1e3 * m.second_s:.0f}",
            *(_beside_peer(m, results, seconds) for seconds in ("first_s", "second_s")),
        )
        for m in results.lengths
    )
    note = (
        "Inputs of as many different sizes, one sample each, in one process that has run another "
        "size before; then the same again. onnxruntime has dynamic axes. Each contender "
        "gets all sizes in a row."
    )
    header = ("ms for all", "first pass", "second pass", "peer/this, first", "second")
    return Table("Many sizes, one model", note, header, cells)


def _beside_peer(one: ManySizes, results: Results, seconds: str) -> str:
    """Best peer's time / this one's, for the same sizes."""
    if not one.contender.startswith(OURS):
        return ""
    peers = [
        getattr(m, seconds)
        for m in results.lengths
        if m.case == one.case and m.difference <= WRONG and not m.contender.startswith(OURS)
    ]
    return f"{min(peers) / getattr(one, seconds):.2f}" if peers else ""


def _large(results: Results) -> Table:
    cells = tuple(
        (
            f"{a.gigabytes:.0f} GB, {a.samples:,} samples, {a.stored_mib:.0f} MiB on disk"
            + ("" if a.scheduler is None else f", {a.scheduler}"),
            f"{a.seconds:.1f}",
            "ended before"
            if a.killed_after_s is None
            else f"{a.killed_after_s:.1f}, {a.done} of {a.tasks} tasks",
            f"{a.resumed_s:.1f}",
            f"{a.peak_mib:.0f}",
            "equal" if a.equal else "NOT EQUAL",
            figures.large_verdict(a),
        )
        for a in results.large
    )
    note = (
        "A run to the end; another one, killed with SIGKILL; the same with --resume; then all "
        "outputs are compared."
    )
    header = ("seconds", "whole run", "killed after", "resumed", "peak MiB", "outputs", "bar")
    return Table("An array larger than memory", note, header, cells)
