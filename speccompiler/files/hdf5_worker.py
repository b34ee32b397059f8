"""The HDF5 library in a child process, in bounded time and memory.

Damaged and hostile files can make the library crash, and loop without end (a zeroed length
in a global heap does). Either ends the child, and is a finding about the file. The child is
started for the first file, serves one request after another, and ends with this process.

    request   one line of JSON:
              {"path": .., "tensor": null or [name, shape, dtype], "seconds": ..}
    reply     one line of JSON: {"contents": ..}, {"problem": [code, message, hint]} or
              {"bytes": n, "dtype": .., "shape": ..} and n bytes
"""

from __future__ import annotations

import atexit
import json
import math
import os
import select
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import IO, Any

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo, invalid
from speccompiler.system import facilities
from speccompiler.system.subprocesses import requests, serving

SECONDS = 20.0
"""The time for one request; reading a tensor gets more, by its size."""
BYTES_A_SECOND = 4e6
MEMORY = 256 * 1024 * 1024
"""Bytes that the library may take for a file's structure, beside those it takes to be loaded."""

_ENVIRONMENT = {
    "HDF5_PLUGIN_PRELOAD": "::",  # no filter is loaded from a folder
    "HDF5_USE_FILE_LOCKING": "FALSE",  # nothing is written
    "OPENBLAS_NUM_THREADS": "1",
}


class _Gone(Exception):
    """The child ended, or did not answer in time."""


class Worker:
    """The child, started when it is first needed and again when it has gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def contents(self, path: str) -> Any:
        """What the file holds, as ``Contents.to_data`` gives it; CS101, CS107."""
        return self._ask({"path": path, "tensor": None}, SECONDS)[0]["contents"]

    def numbers(self, path: str, info: TensorInfo) -> tuple[dict[str, Any], bytes]:
        """A tensor's numbers and how they are stored; CS101."""
        request = {"path": path, "tensor": [info.name, list(info.shape), info.dtype]}
        return self._ask(request, SECONDS + info.data_bytes / BYTES_A_SECOND)

    def stop(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with suppress(OSError):
            process.kill()
        for stream in (process.stdin, process.stdout):
            assert stream is not None, "it was started with pipes"
            with suppress(OSError):
                stream.close()
        process.wait()

    def _ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            try:
                return self._answer(request, seconds)
            except _Gone as gone:
                self.stop()
                raise invalid(f"the HDF5 library {gone}") from None
            except Problem:
                raise
            except BaseException:
                # Ctrl-C, say: the rest of this reply would be read as that to the next request.
                self.stop()
                raise

    def _answer(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        process = self._started()
        assert process.stdin is not None, "it was started with pipes"
        assert process.stdout is not None, "it was started with pipes"
        end = time.monotonic() + seconds
        try:
            whole = {**request, "seconds": math.ceil(seconds)}
            process.stdin.write(json.dumps(whole).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            raise _Gone("could not be started") from None
        reader = _Reader(process.stdout, end)
        try:
            reply: dict[str, Any] = json.loads(reader.line())
            if "problem" in reply:
                code, message, hint = reply["problem"]
                raise Problem(code, message, hint)
            return reply, reader.exactly(reply.get("bytes", 0))
        except EOFError:
            status = process.wait()
            how = f"crashed on it (signal {-status})" if status < 0 else "gave up on it"
            raise _Gone(how) from None
        except TimeoutError:
            raise _Gone(f"was still busy with it after {seconds:.0f} s") from None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid():
            if self._process.poll() is None:
                return self._process
            self.stop()
        self._owner = os.getpid()
        process: subprocess.Popen[bytes] = subprocess.Popen(  # pyright: ignore
            **serving(__name__, **_ENVIRONMENT),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._process = process
        return process


class _Reader:
    """Reads replies until a time; ``EOFError`` where the child ends, ``TimeoutError``."""

    def __init__(self, stream: IO[bytes], end: float) -> None:
        self._number = stream.fileno()
        self._end = end
        self._held = bytearray()

    def line(self) -> bytes:
        """Up to a line's end, without it."""
        while b"\n" not in self._held:
            self._more()
        line, _, rest = self._held.partition(b"\n")
        self._held = bytearray(rest)
        return bytes(line)

    def exactly(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._held) < count:
            self._more()
        return bytes(self._held)

    def _more(self) -> None:
        if facilities.WAITING_FOR_PIPES.here:
            left = self._end - time.monotonic()
            if left <= 0 or not select.select([self._number], [], [], left)[0]:
                raise TimeoutError
        data = os.read(self._number, 1 << 20)
        if not data:
            raise EOFError
        self._held += data


WORKER = Worker()
atexit.register(WORKER.stop)


# --- in the child


def serve() -> None:
    """Answer requests, each within its time.

    The parent limits the time as well; but where it was killed while the library loops, only an
    alarm ends this process.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from speccompiler.files import hdf5_reading  # noqa: F401 - loaded before its memory is counted

    for line in requests():
        request = json.loads(line)
        if facilities.ALARMS.here:
            signal.alarm(request["seconds"] + 1)
        head, data = _reply(request)
        if facilities.ALARMS.here:
            signal.alarm(0)
        replies.write(json.dumps(head).encode() + b"\n")
        replies.write(data)
        replies.flush()


def _reply(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    from speccompiler.files.hdf5_reading import read_dataset, read_hdf5

    path, tensor = request["path"], request["tensor"]
    try:
        if tensor is None:
            with _limited(MEMORY):
                return {"contents": read_hdf5(path).to_data()}, b""
        info = TensorInfo(tensor[0], tuple(tensor[1]), tensor[2])
        with _limited(MEMORY + 4 * info.data_bytes):
            array = read_dataset(path, info)
            form = {"dtype": array.dtype.str, "shape": list(array.shape)}
            return {"bytes": array.nbytes, **form}, array.tobytes()
    except Problem as problem:
        return {"problem": [problem.code, problem.message, problem.hint]}, b""
    except MemoryError:
        text = "reading it takes more memory than a file of its size may need"
        return {"problem": ["CS101", text, None]}, b""


class _limited:
    """Limits the address space to what is used now and so many bytes more, if the system can."""

    def __init__(self, more: int) -> None:
        self._more = more
        self._before: tuple[int, int] | None = None

    def __enter__(self) -> None:
        if not facilities.MEMORY_LIMITS.here:
            return
        import resource

        try:
            with open("/proc/self/statm", encoding="ascii") as statm:
                now = int(statm.read().split()[0]) * resource.getpagesize()
            self._before = resource.getrlimit(resource.RLIMIT_AS)
            hard = self._before[1]
            wanted = now + self._more
            if hard == resource.RLIM_INFINITY or wanted < hard:
                resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
        except (OSError, ValueError):  # the system refuses the limit
            self._before = None

    def __exit__(self, *unused: object) -> None:
        if self._before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, self._before)
