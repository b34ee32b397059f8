"""Zarr arrays at URLs: in memory, and on a server where one is told of.

``CONVSPEC_TEST_S3=s3://bucket/folder`` runs the same on a server; AWS_ENDPOINT_URL and keys say
which.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zarr

from speccompiler.arrays import remote_place
from speccompiler.arrays.boxes import slices
from speccompiler.arrays.output_place import LocalPlace, hold_place
from speccompiler.arrays.planned_output import PlannedOutput
from speccompiler.arrays.remote_place import RemotePlace, check_url
from speccompiler.diagnostics.core import Problem, SpecError
from tests.arrays.place_writer import HEADER, SHAPE, VALUES, box_of, planned

TASKS = SHAPE[0] // 2
S3 = os.environ.get("CONVSPEC_TEST_S3")


@pytest.fixture(params=["memory://out", *([S3] if S3 else [])])
def folder(request: pytest.FixtureRequest) -> Iterator[str]:
    """An address below which nothing is."""
    url: str = request.param
    files, path = fsspec.core.url_to_fs(url)
    if files.exists(path):
        files.rm(path, recursive=True)
    files.invalidate_cache()
    yield url
    if files.exists(path):
        files.rm(path, recursive=True)


def arrays(folder: str) -> list[PlannedOutput]:
    """Two arrays."""
    one = planned(Path("x"))[0]
    assert one.zarr is not None
    return [PlannedOutput(f"{folder}/{name}.zarr", SHAPE, one.zarr) for name in ("y", "y.a")]


def write(folder: str, stop: int | None = None) -> list[int]:
    done = []
    with hold_place(f"{folder}/y.zarr") as place:
        assert isinstance(place, RemotePlace)
        outputs = place.open(arrays(folder))
        if place.header is None:
            place.begin(HEADER)
        for task in range(TASKS):
            if str(task) in place.records:
                continue
            if task == stop:
                raise RuntimeError("stopped")
            for output in outputs:
                output.put(box_of(task), VALUES[slices(box_of(task))])
                output.sync(box_of(task))
            place.record(str(task))
            done.append(task)
        place.complete()
    return done


def found(folder: str) -> set[str]:
    """The first parts of all names below an address."""
    files, path = fsspec.core.url_to_fs(folder)
    files.invalidate_cache()
    return {name[len(path) :].strip("/").split("/")[0] for name in files.find(path)}


def attributes(url: str) -> dict[str, Any]:
    return dict(zarr.open_array(url, mode="r").attrs)["convspec"]


def test_resumed_at_a_url(folder: str) -> None:
    with pytest.raises(RuntimeError):
        write(folder, stop=0)
    assert found(folder) == set()
    with pytest.raises(RuntimeError):
        write(folder, stop=4)
    assert found(folder) == {"y.zarr", "y.a.zarr", "y.zarr.unfinished"}
    # Whoever reads it now is told.
    assert attributes(f"{folder}/y.zarr") == {"unfinished": True}
    assert write(folder) == list(range(4, TASKS))
    assert found(folder) == {"y.zarr", "y.a.zarr"}
    for name in ("y", "y.a"):
        array = zarr.open_array(f"{folder}/{name}.zarr", mode="r")
        assert attributes(f"{folder}/{name}.zarr") == {}
        assert array[...].tobytes() == VALUES.tobytes()


def test_killed_while_marks_are_taken(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(RemotePlace, "clear", lambda place: None)
        write(folder)
    assert found(folder) == {"y.zarr", "y.a.zarr", "y.zarr.unfinished"}
    array = zarr.open_array(f"{folder}/y.a.zarr", mode="r+")
    array.update_attributes({"convspec": {"unfinished": True}})
    assert write(folder) == []
    assert found(folder) == {"y.zarr", "y.a.zarr"}
    assert attributes(f"{folder}/y.a.zarr") == {}


def test_a_run_that_is_refused_changes_nothing_of_another(folder: str) -> None:
    with hold_place(f"{folder}/y.zarr") as place:
        place.open(arrays(folder))
        place.begin(HEADER)
        with hold_place(f"{folder}/y.zarr") as other:
            assert (other.header, other.records) == (HEADER, ())
        assert found(folder) == {"y.zarr", "y.a.zarr", "y.zarr.unfinished"}
        with hold_place(f"{folder}/y.zarr") as other:
            assert other.header == HEADER
    assert found(folder) == set()


def test_begun_anew_at_a_url(folder: str) -> None:
    with pytest.raises(RuntimeError):
        write(folder, stop=4)
    with hold_place(f"{folder}/y.zarr") as place:
        assert place.records == ("0", "1", "2", "3")
        place.clear()
        assert (place.header, place.records) == (None, ())
        place.open(arrays(folder))
        place.begin(HEADER)
    # No task was done, so nothing is kept.
    assert found(folder) == set()


def refused(action: Any) -> tuple[str, str, str | None]:
    with pytest.raises((Problem, SpecError)) as raised:
        action()
    error = raised.value
    found = error.diagnostics[0] if isinstance(error, SpecError) else error
    return found.code, found.message, found.hint


def test_nothing_at_a_url_is_replaced(folder: str) -> None:
    write(folder)
    expected = (
        "CS120",
        "the output cannot be created: there is something at this address, and nothing at a URL "
        "is replaced",
        "remove it first, or choose another name",
    )
    assert refused(lambda: write(folder)) == expected
    assert zarr.open_array(f"{folder}/y.zarr", mode="r")[...].tobytes() == VALUES.tobytes()
    files, path = fsspec.core.url_to_fs(folder)
    files.rm(path, recursive=True)
    files.pipe_file(f"{path}/y.zarr/notes", b"mine")
    assert refused(lambda: write(folder)) == expected
    assert files.cat(f"{path}/y.zarr/notes") == b"mine"


def test_an_array_that_is_gone(folder: str) -> None:
    with pytest.raises(RuntimeError):
        write(folder, stop=4)
    files, path = fsspec.core.url_to_fs(folder)
    files.rm(f"{path}/y.a.zarr", recursive=True)
    files.invalidate_cache()
    assert refused(lambda: write(folder)) == (
        "CS192",
        "the unfinished output is missing or was changed",
        "begin anew with --restart",
    )


def test_a_server_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")

    def refuses(self: Any, path: str, **_: Any) -> bool:
        raise PermissionError("An error occurred (AccessDenied) when calling HeadObject")

    with monkeypatch.context() as patched:
        patched.setattr(type(memory), "exists", refuses)
        assert refused(lambda: hold_place("memory://out/y.zarr")) == (
            "CS120",
            "the output cannot be created: An error occurred (AccessDenied) when calling "
            "HeadObject",
            "check the address and your access to it",
        )

    real = type(memory).pipe_file

    def fails(self: Any, path: str, value: bytes, **more: Any) -> None:
        if not path.endswith("zarr.json"):
            raise TimeoutError
        real(self, path, value, **more)

    monkeypatch.setattr(type(memory), "pipe_file", fails)
    with hold_place("memory://out/y.zarr") as place:
        outputs = place.open(arrays("memory://out"))
        for action in (
            lambda: place.begin(HEADER),
            lambda: outputs[0].put(box_of(0), VALUES[:2]),
        ):
            assert refused(action) == (
                "CS121",
                "writing stopped after some samples: TimeoutError",
                "check the address and your access to it",
            )
    assert found("memory://out") == set()


def test_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert refused(lambda: check_url("https://host/y.zarr")) == (
        "CS120",
        "the output cannot be created: https:// can only be read",
        "give the address of the store behind it: s3://, gs://",
    )
    assert refused(lambda: check_url("nonsense://y.zarr")) == (
        "CS120",
        "the output cannot be created: nonsense:// is no kind of address that is known",
        "for example s3://, gs://, memory://, file://",
    )
    monkeypatch.setattr(remote_place, "find_spec", lambda name: None)
    assert refused(lambda: check_url("s3://b/y.zarr")) == (
        "CS104",
        "URLs need the package fsspec, which is not installed",
        'pip install "convspec[remote]"',
    )
    # What file:// names is a path, with all that a path can do.
    with hold_place(f"file://{tmp_path}/y.zarr") as place:
        assert isinstance(place, LocalPlace)
