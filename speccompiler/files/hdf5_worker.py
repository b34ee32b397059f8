"""The HDF5 library in a child process, in bounded time and memory.

Damaged and hostile files can make the library crash, and loop without end (a zeroed length
in a global heap does). Either ends the child, and is a finding about the file. The child is
started for the first file, serves one request after another, and ends with this process.

    request   one line of JSON: {"path": .., "seconds": .., "ask": ..} with
              "ask": "contents"    names and texts; the answer is {"contents": ..}
              "ask": "tensor"      "tensor": [name, shape, dtype]; its numbers
              "ask": "arrays"      the datasets of a file of arrays: {"arrays": .., "links": ..}
              "ask": "box"         "array": a dataset, "box": a part of it; its numbers
    reply     one line of JSON: the answer, {"problem": [code, message, hint]} or for numbers
              {"bytes": n, "dtype": .., "shape": ..} and n bytes
"""

from __future__ import annotations

import atexit
import io
import json
import math
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any, TypeAlias, cast

from speccompiler.diagnostics.core import Problem
from speccompiler.files.hdf5_contents import StoredArray
from speccompiler.files.tensor_info import TensorInfo, invalid
from speccompiler.system import facilities
from speccompiler.system.subprocesses import requests, serving

Box: TypeAlias = Sequence[tuple[int, int]]
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
        return self._ask({"path": path, "ask": "contents"}, SECONDS)[0]["contents"]

    def numbers(self, path: str, info: TensorInfo) -> tuple[dict[str, Any], bytearray]:
        """A tensor's numbers and how they are stored; CS101."""
        tensor = [info.name, list(info.shape), info.dtype]
        request = {"path": path, "ask": "tensor", "tensor": tensor}
        return self._ask(request, SECONDS + info.data_bytes / BYTES_A_SECOND)

    def arrays(self, path: str) -> tuple[list[StoredArray], dict[str, str]]:
        """The datasets of a file and its links; CS101."""
        found = self._ask({"path": path, "ask": "arrays"}, SECONDS)[0]
        return [StoredArray.of(data) for data in found["arrays"]], found["links"]

    def box(self, path: str, array: StoredArray, box: Box, size: int) -> bytearray:
        """The numbers of a part of a dataset, which are ``size`` bytes; CS101."""
        request = {"path": path, "ask": "box", "array": asdict(array), "box": box}
        return self._ask(request, SECONDS + size / BYTES_A_SECOND)[1]

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

    def _ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytearray]:
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

    def _answer(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytearray]:
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
        # Only the raw stream is read, so that nothing is held back where nobody looks for it.
        self._raw = cast(io.FileIO, cast(io.BufferedReader, stream).raw)
        self._end = end
        self._held = bytearray()

    def line(self) -> bytes:
        """Up to a line's end, without it."""
        while b"\n" not in self._held:
            self._more()
        line, _, rest = self._held.partition(b"\n")
        self._held = bytearray(rest)
        return bytes(line)

    def exactly(self, count: int) -> bytearray:
        """So many bytes."""
        data = bytearray(count)
        filled = len(self._held)
        data[:filled] = self._held
        self._held.clear()
        with memoryview(data) as view:
            while filled < count:
                self._wait()
                got = self._raw.readinto(view[filled:])
                if not got:
                    raise EOFError
                filled += got
        return data

    def _more(self) -> None:
        self._wait()
        data = os.read(self._raw.fileno(), 1 << 16)
        if not data:
            raise EOFError
        self._held += data

    def _wait(self) -> None:
        if facilities.WAITING_FOR_PIPES.here:
            left = self._end - time.monotonic()
            if left <= 0 or not select.select([self._raw], [], [], left)[0]:
                raise TimeoutError


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


def _reply(request: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    try:
        return _ANSWERS[request["ask"]](request)
    except Problem as problem:
        return {"problem": [problem.code, problem.message, problem.hint]}, b""
    except MemoryError:
        text = "reading it takes more memory than a file of its size may need"
        return {"problem": ["CS101", text, None]}, b""


def _contents(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    from speccompiler.files.hdf5_reading import read_hdf5

    with _limited(MEMORY):
        return {"contents": read_hdf5(request["path"]).to_data()}, b""


def _tensor(request: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    from speccompiler.files.hdf5_reading import read_dataset

    name, shape, dtype = request["tensor"]
    info = TensorInfo(name, tuple(shape), dtype)
    with _limited(MEMORY + 4 * info.data_bytes):
        return _numbers(read_dataset(request["path"], info))


def _arrays(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    from speccompiler.files.hdf5_arrays import list_arrays

    with _limited(MEMORY):
        arrays, links = list_arrays(request["path"])
        return {"arrays": [asdict(array) for array in arrays], "links": links}, b""


def _box(request: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    from speccompiler.files.hdf5_arrays import bytes_to_read, read_box

    array = StoredArray.of(request["array"])
    with _limited(MEMORY + 2 * bytes_to_read(array, request["box"])):
        return _numbers(read_box(request["path"], array, request["box"]))


def _numbers(array: Any) -> tuple[dict[str, Any], bytes | memoryview]:
    form = {"bytes": array.nbytes, "dtype": array.dtype.str, "shape": list(array.shape)}
    # An empty array has no bytes that a view could show.
    return form, memoryview(array.reshape(-1).view("u1")) if array.size else b""


_ANSWERS: Mapping[str, Callable[[dict[str, Any]], tuple[dict[str, Any], bytes | memoryview]]] = {
    "contents": _contents,
    "tensor": _tensor,
    "arrays": _arrays,
    "box": _box,
}


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
