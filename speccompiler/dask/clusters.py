"""The cluster of a run: one that is there, by its address, or processes of this machine."""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from speccompiler.arrays.optional_packages import needs
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.planning.memory_limits import memory_text
from speccompiler.system.available_memory import available_memory
from speccompiler.system.threads import default_threads

if TYPE_CHECKING:
    from distributed import Client

CONNECTING = "10s"
GREETING = 30.0
"""Seconds within which what was connected has to speak as a scheduler does."""
SHARE_OF_MEMORY = 0.9
"""What the workers of this machine may take of the memory that is free."""
WORKER_BYTES = 256 << 20
"""What a worker takes before it has read anything: Python and the libraries."""
LOUD = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio", "bokeh")
"""Loggers that speak of what ends well: lost workers, closed connections."""


@dataclass(frozen=True, slots=True)
class LocalWorkers:
    """Processes of this machine; None for one for each processor, up to four."""

    count: int | None = None

    @property
    def workers(self) -> int:
        """How many are started."""
        return self.count or min(4, default_threads())

    @property
    def threads(self) -> int:
        """Threads of each: together they have those of one process."""
        return max(1, default_threads() // self.workers)

    def memory_limit(self, needed: int) -> int:
        """Bytes for each. CS130 where there is not what each needs for a task."""
        available = int(SHARE_OF_MEMORY * available_memory())
        each = needed + WORKER_BYTES
        if self.workers * each > available:
            raise Problem(
                "CS130",
                f"{self.workers} workers need {memory_text(each)} of memory each; "
                f"{memory_text(available)} are available",
                "use fewer workers, or a smaller --batch-size",
            )
        return available // self.workers


@contextlib.contextmanager
def connected(where: str | LocalWorkers, needed: int) -> Iterator[Client]:
    """A client of the cluster; processes that were started for it end with the block.

    ``needed`` are the bytes that a task takes. CS104, CS130, CS202.
    """
    needs("distributed", "dask", "--scheduler needs")
    with _quiet():
        if isinstance(where, str):
            with _client(where) as client:
                yield client
            return
        with _local(where, needed) as client:
            yield client


@contextlib.contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        client = _greeted(address)
    except Exception as error:  # addresses, certificates, packages of a protocol: no one base class
        raise _unreachable(error) from None
    with client:
        yield client


def _greeted(address: str) -> Client:
    """A client that a scheduler has answered; whatever the client raises, or ``TimeoutError``.

    Its own timeout ends with the connection: it would wait for ever for the answer of something
    else that listens there. It is made in a thread, so that this one can go on without it.
    """
    from distributed import Client

    made: queue.SimpleQueue[Client | BaseException] = queue.SimpleQueue()

    def make() -> None:
        try:
            made.put(Client(address, timeout=CONNECTING, set_as_default=False))
        except BaseException as error:
            made.put(error)

    threading.Thread(target=make, name="convspec connecting", daemon=True).start()
    try:
        found = made.get(timeout=GREETING)
    except queue.Empty:
        text = f"what listens at {address} does not speak as one within {GREETING:.0f} s"
        raise TimeoutError(text) from None
    if isinstance(found, BaseException):
        raise found
    return found


def _unreachable(error: Exception) -> Problem:
    """CS202, in one line."""
    first = f"{error}".strip().splitlines()[0] if f"{error}".strip() else type(error).__name__
    hint = "check the address; --scheduler local starts workers on this machine"
    if "ssl" in first or "tls" in first.lower():
        hint = (
            "name the certificates in Dask's configuration (distributed.comm.tls), "
            "or in DASK_DISTRIBUTED__COMM__TLS__..."
        )
    return Problem("CS202", f"no scheduler answers: {first}", hint)


@contextlib.contextmanager
def _local(where: LocalWorkers, needed: int) -> Iterator[Client]:
    import dask.config
    from distributed import Client, LocalCluster

    limit = where.memory_limit(needed)
    folder = tempfile.mkdtemp(prefix="convspec-workers-")
    # A task that fits needs no help, and one that does not is not saved by waiting.
    settings = {
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.98,
    }
    try:
        with dask.config.set(settings), contextlib.ExitStack() as stack:
            try:
                # What a worker inherits: ^C is for this process, which ends them.
                with _ended_later(), _without_interrupts():
                    cluster = LocalCluster(
                        n_workers=where.workers,
                        threads_per_worker=where.threads,
                        processes=True,
                        host="127.0.0.1",
                        memory_limit=limit,
                        # Any free port, of this machine alone.
                        dashboard_address="127.0.0.1:0",
                        local_directory=folder,
                        silence_logs=logging.CRITICAL,
                    )
                    # Before a signal comes through that would leave the processes behind.
                    stack.enter_context(cluster)
                client = stack.enter_context(Client(cluster, set_as_default=False))
            except (OSError, RuntimeError, TimeoutError) as error:
                raise _unreachable(error) from None
            yield client
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Threads and processes that are started inside never see ^C."""
    try:
        block = signal.pthread_sigmask
    except AttributeError:  # this system has no masks
        yield
        return
    # Once it runs, nothing lets the signal through again when a process is started.
    resource_tracker.ensure_running()
    before = block(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        block(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _ended_later() -> Iterator[None]:
    """^C and the signal to end wait for the block: half a cluster cannot be closed.

    The mask of this thread would not do, since other threads may receive the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, lambda received, frame: came.append(received))
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What distributed logs and warns of has no place on the terminal of a run that goes on."""
    import distributed  # noqa: F401 - it sets its loggers' levels when it is imported

    loggers = [logging.getLogger(name) for name in LOUD]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
