"""Files that are no weight files are told for what they are."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.weights.saved_by_hand import refusal

pytestmark = pytest.mark.usefixtures("folder")


def archive(*members: str) -> bytes:
    with zipfile.ZipFile("made.zip", "w") as made:
        for member in members:
            made.writestr(member, b"content")
    return Path("made.zip").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "what", "hint"),
    [
        ("w.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(200), "it is a MATLAB file",
         "loadmat"),
        ("w.h5f", b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(90),
         "it is a MATLAB file", "loadmat"),
        ("model.ckpt", b"\1\2\3", "it is a part of a TensorFlow checkpoint", "save_weights"),
        ("model.ckpt-7.data-00000-of-00001", b"\1\2\3", "it is a part of a TensorFlow checkpoint",
         "save_weights"),
        ("model.ckpt-7.meta", b"\n\1", "it is a part of a TensorFlow checkpoint", "save_weights"),
        ("g.pb", b"\n\5const", "it is a TensorFlow graph (GraphDef)", "model.save"),
        ("w.pt", archive, "it is a PyTorch file", 'torch.load("w.pt"'),
        ("w.bin", archive, "it is a PyTorch file", 'torch.load("w.bin"'),
        ("w.pth", b"\x80\2\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "it is a PyTorch file", "torch.load"),
        ("w.gz", gzip.compress(b"hello", mtime=0), "it is packed by gzip", "gunzip"),
        ("w.hdf", b"<html>", "it is a page of HTML or XML", "download the file again"),
        ("w.hdf5f", b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer, "
         "which stands for a file that was not fetched", "git lfs pull"),
        ("w.json", b'{"class_name": "Sequential"}', "it is JSON text, as of a model without its "
         "weights", "weights are read from"),
        ("w.json", b"[[[0.5, -1],\n [2, 3]], [0, 0]]", "it is JSON text, lists of numbers",
         'numpy.savez("weights.npz", *json.load(open("w.json")))'),
        ("w.txt", b" [ [ -1.5e3, 2 ] ]", "it is JSON text, lists of numbers", "*json.load"),
        ("w.json", b'["conv1", "conv2"]', "it is JSON text, as of a model without its weights",
         "weights are read from"),
        ("w.tflite", b"\x1c\0\0\0TFL3", "it is a TensorFlow Lite model", ".h5"),
        ("w.caffemodel", b"\n\4VGG", "it is a Caffe model", "numpy.savez"),
        ("w.zip", "notes.txt", "it is a zip archive, and none of its members is an array: "
         "'notes.txt'", "unpack it"),
        ("w.what", b"\1\2\3", "extension '.what', and its first bytes are of no known format",
         "weights are read from"),
        ("w.what", b"", "it is empty", "weights are read from"),
    ],
)  # fmt: skip
def test_other_files_are_told_for_what_they_are(
    name: str, content: Any, what: str, hint: str
) -> None:
    if callable(content):
        content = content("archive/data.pkl", "archive/data/0")
    elif isinstance(content, str):
        content = archive(content)
    Path(name).write_bytes(content)
    finding = refusal(name)
    assert (finding.code, finding.message) == ("CS100", f"cannot read weight file '{name}': {what}")
    assert hint in str(finding.hint)
