"""An unfinished place at a URL: Zarr arrays written where they will stay.

Servers of objects rename nothing, so an array is at its address from the start, with the attribute
``convspec: {unfinished: true}`` until it is complete. The journal is small objects beside it::

    s3://bucket/y.zarr/                         the array
    s3://bucket/y.zarr.unfinished/header
    s3://bucket/y.zarr.unfinished/00000000      a record
    s3://bucket/y.zarr.unfinished/complete      while the mark is taken from one after another

Nothing that is there already is replaced. No lock is held: two runs that write to one address at
the same time are not told of each other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Self

from speccompiler.arrays import zarr_output
from speccompiler.arrays.box_output import BoxOutput
from speccompiler.arrays.planned_output import UNFINISHED, PlannedOutput
from speccompiler.arrays.zarr_output import ACCESS as _ACCESS
from speccompiler.arrays.zarr_output import failed_at_server, servers_words
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files import atomic_output

_HEADER, _COMPLETE = "header", "complete"


class RemotePlace:
    """The unfinished place beside a URL."""

    def __init__(self, output: str) -> None:
        """Look what an earlier run left. CS104, CS120."""
        self._files, path = _file_system(output)
        self._folder = path.rstrip("/") + UNFINISHED
        self._outputs: list[tuple[PlannedOutput, zarr_output.ZarrBoxes]] = []
        self._turn = threading.Lock()
        self._completing = False
        with _refusing():
            self.header, self.records = self._read()
        self._count = len(self.records)
        self._done = self.completed = False

    def _read(self) -> tuple[str | None, tuple[str, ...]]:
        if not self._files.exists(f"{self._folder}/{_HEADER}"):
            return None, ()
        found: dict[str, bytes] = self._files.cat(self._files.find(self._folder))
        by_name = {name.rpartition("/")[2]: data.decode() for name, data in found.items()}
        header = by_name.pop(_HEADER)
        self._completing = by_name.pop(_COMPLETE, None) is not None
        return header, tuple(by_name[name] for name in sorted(by_name))

    def clear(self) -> None:
        """Remove the journal; the arrays that it was for go when they are made anew."""
        with _refusing():
            if self._files.exists(self._folder):
                self._files.rm(self._folder, recursive=True)
        self.header, self.records, self._count, self._completing = None, (), 0, False

    def open(self, planned: Sequence[PlannedOutput]) -> list[BoxOutput]:
        """The arrays, new or as they were left."""
        for each in planned:
            try:
                with _refusing():
                    self._outputs.append((each, self._opened(each)))
            except Problem as problem:
                raise SpecError([problem.at(file=each.target)]) from None
        return [output for _, output in self._outputs]

    def _opened(self, planned: PlannedOutput) -> zarr_output.ZarrBoxes:
        assert planned.zarr is not None, "only Zarr arrays are written to URLs"
        url = planned.target.rstrip("/")
        path = _file_system(url)[1]
        exists = self._files.exists(f"{path}/zarr.json") or self._files.exists(path)
        ours = exists and zarr_output.is_marked_unfinished(url)
        if self.header is not None:
            if ours or (exists and self._completing):
                output = zarr_output.ZarrBoxes(url)
                if (output.shape, output.grid) == (planned.shape, planned.zarr.layout.cell):
                    return output
            raise Problem(
                "CS192",
                "the unfinished output is missing or was changed",
                "begin anew with --restart",
            )
        if exists and not ours:
            raise atomic_output.cannot_create(
                "there is something at this address, and nothing at a URL is replaced",
                "remove it first, or choose another name",
            )
        if exists:
            self._files.rm(path, recursive=True)
        return zarr_output.create_zarr(url, planned.zarr, unfinished=True)

    def begin(self, header: str) -> None:
        """The first object of the journal."""
        self._write(_HEADER, header)

    def record(self, line: str) -> None:
        """A further object."""
        with self._turn:
            number, self._count = self._count, self._count + 1
        self._write(f"{number:08}", line)

    def _write(self, name: str, text: str) -> None:
        try:
            self._files.pipe_file(f"{self._folder}/{name}", text.encode())
        except Exception as error:  # each kind of server has errors of its own
            raise failed_at_server(error) from None

    def complete(self) -> None:
        """Take the mark from every array, and remove the journal."""
        self._write(_COMPLETE, "")
        for _, output in self._outputs:
            output.mark_complete()
            output.close()
        self._done = True
        self.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._done:
            return
        for _, output in self._outputs:
            output.close()
        if self._count or self.header is not None:
            return  # another run may have begun it, and be at work
        with suppress(Exception):
            for each, _ in self._outputs:
                self._files.rm(_file_system(each.target)[1], recursive=True)
            self.clear()


def check_url(output: str) -> None:
    """Refuse a URL of a kind that is not known, or for which a package is missing. CS104, CS120."""
    _file_system(output)


def _file_system(output: str) -> tuple[Any, str]:
    if find_spec("fsspec") is None:
        raise Problem(
            "CS104",
            "URLs need the package fsspec, which is not installed",
            'pip install "convspec[remote]"',
        )
    import fsspec

    scheme = output.partition("://")[0]
    if scheme.lower() in {"http", "https"}:
        raise atomic_output.cannot_create(
            f"{scheme}:// can only be read", "give the address of the store behind it: s3://, gs://"
        )
    try:
        opened: tuple[Any, str] = fsspec.core.url_to_fs(output)
    except ImportError as error:
        raise Problem("CS104", f"{scheme}:// cannot be opened: {error}",
                      'pip install "convspec[remote]"') from None  # fmt: skip
    except ValueError:
        known = ", ".join(f"{name}://" for name in ("s3", "gs", "memory", "file"))
        raise atomic_output.cannot_create(
            f"{scheme}:// is no kind of address that is known", f"for example {known}"
        ) from None
    return opened


@contextmanager
def _refusing() -> Iterator[None]:
    """CS120 for what a server refuses before anything is written."""
    try:
        yield
    except (Problem, SpecError):
        raise
    except Exception as error:  # each kind of server has errors of its own
        raise atomic_output.cannot_create(servers_words(error), _ACCESS) from None
