"""Arrays by URL: from memory, and from servers on this machine that do well or badly."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.arrays import remote_input
from speccompiler.arrays.open_input import open_input
from tests.arrays.npy_files import npy_bytes, read_all, refused

fsspec = pytest.importorskip("fsspec")
zarr = pytest.importorskip("zarr")
pytest.importorskip("aiohttp")
X = (np.arange(10 * 8 * 5) % 251).reshape(10, 8, 5).astype(np.float32)
BOX = ((2, 9), (1, 4), (0, 5))
LINK = "check the URL"
NO_ARRAY = "this is no Zarr array or group: there is no zarr.json, .zarray or .zgroup"


def fill(folder: Path) -> None:
    (folder / "x.npy").write_bytes(npy_bytes(X))
    (folder / "f.npy").write_bytes(npy_bytes(np.asfortranarray(X)))
    (folder / "noend").write_bytes(npy_bytes(X))
    (folder / "cut.npy").write_bytes(npy_bytes(X)[:-5])
    (folder / "text.npy").write_bytes(b"hello")
    group = zarr.create_group(str(folder / "g.zarr"))
    for name in ("a/x", "y"):
        array = group.create_array(name, shape=X.shape, dtype="f4", chunks=(3, 8, 5))
        array[:] = X


class Plain(SimpleHTTPRequestHandler):
    """Sends whole files only, as Python's server does."""

    def log_message(self, *unused: Any) -> None:
        pass

    def send_head(self) -> Any:
        for status in (401, 403, 500, 503):
            if self.path.startswith(f"/{status}"):
                self.send_error(status)
                return None
        return super().send_head()


class Ranges(Plain):
    """Sends what is asked for."""

    ranges: list[str] = []  # noqa: RUF012 - of all requests

    def send_head(self) -> Any:
        asked = self.headers.get("Range")
        path = self.translate_path(self.path)
        if asked is None or not os.path.isfile(path):
            return super().send_head()
        self.ranges.append(asked)
        data = Path(path).read_bytes()
        first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
        part = data[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        return io.BytesIO(part)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("served")
    fill(folder)
    started, urls = [], {}
    for kind in (Plain, Ranges):

        def handler(*args: Any, kind: Any = kind) -> Any:
            return kind(*args, directory=str(folder))

        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        urls[kind.__name__] = f"http://127.0.0.1:{server.server_port}"
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/served", recursive=True)
    urls["memory"] = "memory://served"
    yield urls
    memory.rm("/served", recursive=True)
    for server in started:
        server.shutdown()
        server.server_close()


def said(url: str) -> tuple[str, str, str | None]:
    def read() -> None:
        with open_input(url) as source:
            read_all(source)

    return refused(read)


@pytest.mark.parametrize("server", ["memory", "Plain", "Ranges"])
@pytest.mark.parametrize("name", ["x.npy", "f.npy", "noend", "g.zarr/a/x", "g.zarr::/a/x"])
def test_the_values_arrive(servers: dict[str, str], server: str, name: str) -> None:
    url = f"{servers[server]}/{name}"
    is_stream = server == "Plain" and "zarr" not in name
    if name == "f.npy" and is_stream:
        text = "the array is in Fortran order, which cannot be read from a stream"
        assert said(url)[:2] == ("CS110", text)
        return
    with open_input(url) as source:
        assert source.name == url.replace("::/", "::")
        assert source.has_boxes is not is_stream
        if source.has_boxes:
            found = source.box(BOX)
            assert found.flags.c_contiguous
            assert np.array_equal(found, X[2:9, 1:4])
            assert source.identity is not None
            with ThreadPoolExecutor(8) as pool:
                parts = pool.map(source.box, [((i, i + 1), (0, 8), (0, 5)) for i in range(10)])
                assert np.array_equal(np.concatenate(list(parts)), X)
        assert np.array_equal(read_all(source), X)


def test_no_more_is_asked_for_than_is_needed(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_input(f"{servers['Ranges']}/x.npy") as source:
        Ranges.ranges.clear()
        source.box(((2, 4), (0, 8), (0, 5)))
        assert Ranges.ranges == [f"bytes={128 + 2 * 160}-{128 + 4 * 160 - 1}"]


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("none.npy", ("CS186", "'{host}' has nothing under this name", LINK)),
        ("none.zarr", ("CS111", NO_ARRAY, "check the path")),
        ("none", ("CS111", NO_ARRAY, "check the path")),
        ("text.npy", ("CS111", "this is text, not a .npy file",
                      "give a .npy file, as numpy.save writes it")),
        ("cut.npy", ("CS112", "the data is cut off: the header announces 1600 bytes (shape "
                     "(10, 8, 5), float32), but only 1595 bytes follow",
                     "write or copy the whole file again")),
        ("g.zarr", ("CS124", "this is a group; it holds 2 arrays: 'y', 'a/x'",
                    "name one: {url}/g.zarr/y")),
        ("g.zarr/z", ("CS124", "there is no array 'z' in it", "it holds 'y', 'a/x'")),
        ("x.h5", ("CS186", "HDF5 files are not read over a network",
                  "copy the file to this machine; .npy and Zarr are read by URL")),
        ("a.png", ("CS186", "pictures are not read over a network",
                   "copy the file to this machine; .npy and Zarr are read by URL")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("server", ["memory", "Plain", "Ranges"])
def test_what_is_not_there(
    servers: dict[str, str], server: str, name: str, refusal: tuple[str, str, str]
) -> None:
    url = servers[server]
    host = url.partition("://")[2]
    expected = tuple(part.replace("{host}", host).replace("{url}", url) for part in refusal)
    assert said(f"{url}/{name}") == expected


@pytest.mark.parametrize("name", ["x.npy", "x.zarr", "x"])
@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (401, "'{host}' refuses to give it", "check your credentials for it, and the URL"),
        (403, "'{host}' refuses to give it", "check your credentials for it, and the URL"),
        (500, "'{host}' answers with status 500", "try again later"),
        (503, "'{host}' answers with status 503", "try again later"),
    ],
)
def test_what_a_server_answers(
    servers: dict[str, str], name: str, status: int, message: str, hint: str
) -> None:
    host = servers["Plain"].partition("://")[2]
    expected = ("CS186", message.replace("{host}", host), hint)
    assert said(f"{servers['Plain']}/{status}/{name}") == expected


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("http://127.0.0.1:9/x.npy", "'127.0.0.1:9' cannot be reached",
         "check the address and the network"),
        ("http://127.0.0.1:9/x.zarr", "'127.0.0.1:9' cannot be reached",
         "check the address and the network"),
        ("http://nowhere.invalid/x.npy", "'nowhere.invalid' cannot be reached",
         "check the address and the network"),
        ("https:///x.npy", "the URL names no host", "write it as https://host/path"),
        ("ftp://host/x.npy", "URLs of ftp:// are not read",
         "known are https://, s3://, gs://, memory://, file://"),
        ("zip://a::s3://b/c.zip", "URLs of zip:// are not read",
         "known are https://, s3://, gs://, memory://, file://"),
    ],
)  # fmt: skip
def test_where_nobody_answers(url: str, message: str, hint: str) -> None:
    assert said(url) == ("CS186", message, hint)


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(remote_input, "READ_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        for name in ("x.npy", "x.zarr"):
            assert said(f"http://{host}/{name}") == (
                "CS186",
                f"'{host}' does not answer in time",
                "check the network, and try again",
            )


def test_a_query_belongs_to_a_single_file(servers: dict[str, str]) -> None:
    assert said(f"{servers['Plain']}/g.zarr/y?token=SECRET") == (
        "CS186",
        "there is no Zarr array behind a '?', which belongs to the URL of a single file",
        "give the URL without it, or copy the array to this machine",
    )


def test_credentials_are_in_no_message(servers: dict[str, str]) -> None:
    host = servers["Ranges"].partition("://")[2]
    for name in ("none.npy", "none.zarr", "403/x.npy", "g.zarr", "g.zarr/z", "text.npy"):
        for url in (f"http://me:SECRET@{host}/{name}", f"http://{host}/{name}?token=SECRET"):
            assert "SECRET" not in str(said(url))
    with open_input(f"http://me:SECRET@{host}/x.npy?token=SECRET") as source:
        assert source.name == f"http://{host}/x.npy"
        assert "SECRET" not in str(source.identity)


def test_a_server_that_keeps_to_no_range(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_input(f"{servers['Ranges']}/x.npy") as source:
        monkeypatch.setattr(Ranges, "send_head", Plain.send_head)
        assert refused(lambda: source.box(BOX)) == (
            "CS186",
            "the server gives other bytes than it is asked for",
            "copy the file to this machine",
        )


def test_backends_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "speccompiler.arrays.optional_packages.find_spec",
        lambda name: None if name in {"gcsfs", "s3fs"} else object(),
    )
    for scheme, package in (("gs", "gcsfs"), ("s3", "s3fs")):
        assert said(f"{scheme}://bucket/x.npy") == (
            "CS104",
            f"{scheme}:// URLs need the package {package}, which is not installed",
            'pip install "convspec[remote]"',
        )


def test_a_url_of_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a b.npy", X)
    with open_input(f"file://{tmp_path}/a%20b.npy") as source:
        assert source.name == f"{tmp_path}/a b.npy"
        assert np.array_equal(read_all(source), X)
    assert said("file://elsewhere/x.npy") == (
        "CS110",
        "a file:// URL names a file of this machine, and this one names 'elsewhere'",
        "write file:///path, or the path alone",
    )
