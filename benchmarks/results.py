"""What was found, as data: made by the measurements, kept as JSON, read by the reports."""

from __future__ import annotations

from dataclasses import dataclass, field

FORMAT = 1
OURS = "convspec"
WRONG = 1e-3
"""Largest difference to the others, over the largest output, of a contender that counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender in one case."""

    contender: str
    median_ms: float
    least_ms: float
    calls: int
    difference: float
    """Largest difference to the median of all outputs, over the largest output."""

    @property
    def right(self) -> bool:
        """Whether it computed what the others did, and so may be ranked."""
        return self.difference <= WRONG


@dataclass(frozen=True, slots=True)
class Row:
    """One case."""

    case: str
    network: bool
    gflop: float
    """10^9 operations of the direct algorithm, two for each multiply-add."""
    megabytes: float
    """10^6 bytes of input, weights and output."""
    bar: float | None
    measured: tuple[Measured, ...]

    def of(self, contender: str) -> Measured | None:
        """This contender's, where it ran and was right."""
        return next((m for m in self.measured if m.contender == contender and m.right), None)

    @property
    def best_peer(self) -> Measured | None:
        """The fastest of those that are not convspec and were right."""
        peers = (m for m in self.measured if m.right and not m.contender.startswith(OURS))
        return min(peers, key=lambda m: m.median_ms, default=None)

    def ratio(self, contender: str) -> float | None:
        """Best peer's time / this contender's: above 1 it is faster."""
        own, peer = self.of(contender), self.best_peer
        return None if own is None or peer is None else peer.median_ms / own.median_ms


@dataclass(frozen=True, slots=True)
class Scaling:
    """How time grows with the batch."""

    small: str
    large: str
    contender: str
    small_ms: float
    large_ms: float
    bar: float

    @property
    def ratio(self) -> float:
        """Time of the large batch / time of the small one."""
        return self.large_ms / self.small_ms


@dataclass(frozen=True, slots=True)
class Memory:
    """Most memory that a process held which read a model and ran it three times."""

    case: str
    contender: str
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Process:
    """Median wall time of a process that reads model and input and writes the output."""

    case: str
    contender: str
    first_s: float
    """With empty caches."""
    second_s: float
    runs: int
    bar: float | None = None
    difference: float = 0.0
    """As in ``Measured``."""

    @property
    def right(self) -> bool:
        """Whether it may be ranked."""
        return self.difference <= WRONG


@dataclass(frozen=True, slots=True)
class Start:
    """Wall time of a short command, and of the process that it is measured beside."""

    command: str
    floor: str
    median_s: float
    floor_s: float
    least_s: float
    least_floor_s: float
    bar: float | None = None
    """Largest ratio of the medians."""

    @property
    def ratio(self) -> float:
        """Of the medians: how many times as long the command takes."""
        return self.median_s / self.floor_s


@dataclass(frozen=True, slots=True)
class Review:
    """A command on a large model or on many files: medians of a whole process."""

    command: str
    model: str
    way: str
    """How the model is written."""
    median_s: float
    processor_s: float
    peak_mib: float
    goal_s: float
    """What the median has to stay below."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A network as an ONNX file beside its native spec, both in convspec."""

    case: str
    native_ms: float
    import_ms: float
    least_native_ms: float
    least_import_ms: float
    difference: float
    """As in ``Measured``."""
    bar: float = 1.05
    """Largest ratio of the medians."""

    @property
    def ratio(self) -> float:
        """Time of the file / time of the spec, medians."""
        return self.import_ms / self.native_ms

    @property
    def good(self) -> bool:
        """Whether it is as fast, and gives the same numbers."""
        return self.ratio <= self.bar and self.difference <= WRONG


@dataclass(frozen=True, slots=True)
class Streamed:
    """From Zarr to Zarr beside arrays in memory: seconds of the same samples, medians."""

    case: str
    samples: int
    batch: int
    memory_s: float
    files_s: float
    runs: int
    bar: float = 0.95

    @property
    def ratio(self) -> float:
        """Rate from files / rate in memory."""
        return self.memory_s / self.files_s


@dataclass(frozen=True, slots=True)
class Clustered:
    """Workers of a cluster on this machine beside one process: seconds of the same samples."""

    case: str
    samples: int
    workers: int
    alone_s: float
    cluster_s: float
    same: bool
    """Whether both wrote the same bits."""
    runs: int
    bar: float = 1.1

    @property
    def ratio(self) -> float:
        """Time with the cluster / time of one process."""
        return self.cluster_s / self.alone_s


@dataclass(frozen=True, slots=True)
class Tiled:
    """An image, whole or in tiles, from file to file: a whole process."""

    image: str
    contender: str
    tile: int
    """Side of a tile; 0 for the image as a whole."""
    seconds: float
    peak_mib: float
    """Most memory of its own; pages of files are not counted."""
    difference: float | None = None
    """Largest difference of tiles to this contender's own whole, over the largest value; 0 is
    equal bit for bit. None where there is no whole to compare."""


@dataclass(frozen=True, slots=True)
class ManySizes:
    """Inputs of many sizes, one after the other, through a model that takes any: medians."""

    case: str
    sizes: int
    contender: str
    first_s: float
    """Of all sizes, none of which was seen before."""
    second_s: float
    """Of the same again."""
    difference: float
    """Largest difference to the first contender, over its largest output, of any size."""


@dataclass(frozen=True, slots=True)
class LargeArray:
    """A Zarr array larger than memory: run, killed, resumed."""

    gigabytes: float
    """10^9 bytes of the input as it is read."""
    samples: int
    stored_mib: float
    """What of it is on the disk."""
    scheduler: str | None
    seconds: float
    peak_mib: float
    """Most memory of its own, in all of these runs; with a cluster that of all processes."""
    killed_after_s: float | None
    """None where the run ended before."""
    tasks: int
    """How many a run has; each is done by one process, and is not begun again once it is."""
    done: int
    """How many of them had been done when the run was killed."""
    resumed_s: float
    """Of the run that went on."""
    equal: bool
    """Whether it wrote the same bits as the run that nobody killed."""
    varied: bool
    """Whether the samples' outputs differ, so that a lost one would show."""
    limit_mib: float = 1024.0

    @property
    def good(self) -> bool:
        """Whether all was as it should be."""
        within = self.scheduler is not None or self.peak_mib <= self.limit_mib
        resumed = self.killed_after_s is not None and 0 < self.done < self.tasks
        return self.equal and self.varied and within and resumed


@dataclass(frozen=True, slots=True)
class Limits:
    """What this machine can do with these threads, measured before and after the rest."""

    gflops: float
    """Fused multiply-adds on registers, two operations each."""
    cache_gbps: float
    """Copying 8 MiB to 8 MiB again and again; bytes read plus bytes written."""
    memory_gbps: float
    """Copying 256 MiB to 256 MiB."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    cpu: str
    cores: int
    memory_gib: float
    lanes: int
    """float32 lanes of a vector register."""
    system: str


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run, or the part of it that was asked for."""

    date: str
    threads: int
    seconds: float
    """Time given to each contender in each case."""
    default_math: str
    machine: Machine
    versions: dict[str, str]
    limits: Limits
    missing: tuple[str, ...] = ()
    """Modules of the dependency group ``bench`` that were not there."""
    rows: tuple[Row, ...] = ()
    scaling: tuple[Scaling, ...] = ()
    memory: tuple[Memory, ...] = ()
    processes: tuple[Process, ...] = ()
    starts: tuple[Start, ...] = ()
    reviews: tuple[Review, ...] = ()
    imports: tuple[Imported, ...] = ()
    streamed: tuple[Streamed, ...] = ()
    clustered: tuple[Clustered, ...] = ()
    tiled: tuple[Tiled, ...] = ()
    lengths: tuple[ManySizes, ...] = ()
    large: tuple[LargeArray, ...] = ()
    format: int = field(default=FORMAT)

    @property
    def ours(self) -> str:
        """The contender that is convspec as it comes."""
        return f"{OURS} {self.default_math}"


def to_json(results: Results) -> str:
    """The file's text."""
    from pydantic import TypeAdapter

    return TypeAdapter(Results).dump_json(results, indent=1).decode() + "\n"


def from_json(text: str) -> Results:
    """Read it back. Raises ``ValueError`` for anything else."""
    from pydantic import TypeAdapter

    return TypeAdapter(Results).validate_json(text)
