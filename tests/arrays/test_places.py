"""Names of inputs taken apart, and URLs without what nobody may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.arrays.places import Place, place_of, shown_name


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x.npy", Place("x.npy", None, None)),
        ("x.h5::/a/b", Place("x.h5", "/a/b", None)),
        ("x.h5::", Place("x.h5", None, None)),
        ("x.h5::/", Place("x.h5", None, None)),
        ("::", Place("", None, None)),
        ("http://[::1]:80/x.zarr::/a", Place("http://[::1]:80/x.zarr", "/a", "http")),
        ("http://[::1]", Place("http://[::1]", None, "http")),
        ("a::b.h5::/x", Place("a::b.h5", "/x", None)),
        ("a::b.npy", Place("a::b.npy", None, None)),
        ("there.h5::a::b", Place("there.h5", "a::b", None)),
        ("gone::b::c", Place("gone::b", "c", None)),
        ("s3://bucket/x.zarr", Place("s3://bucket/x.zarr", None, "s3")),
        ("S3://bucket/x.h5::/a", Place("S3://bucket/x.h5", "/a", "s3")),
        ("zip://a/b::s3://b", Place("zip://a/b", "s3://b", "zip")),
        ("C:\\x.npy", Place("C:\\x.npy", None, None)),
        ("://x", Place("://x", None, None)),
    ],
)
def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: Place) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.h5", "a::b.npy", "a::b.h5", "there.h5"):
        Path(name).write_bytes(b"")
    assert place_of(text) == place


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host:80/a/x.npy?token=secret#secret", "https://host:80/a/x.npy"),
        ("https://host/x.npy?X-Amz-Signature=secret", "https://host/x.npy"),
        ("s3://secret@bucket/x@y.npy", "s3://bucket/x@y.npy"),
        ("https://host?secret", "https://host"),
        ("x@y?z.npy", "x@y?z.npy"),
        ("s3://bucket/x.zarr::a/b", "s3://bucket/x.zarr::a/b"),
    ],
)
def test_what_messages_call_a_url(url: str, shown: str) -> None:
    assert shown_name(url) == shown
