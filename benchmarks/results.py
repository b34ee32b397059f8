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
