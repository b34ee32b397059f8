"""Which format a weight file has: its first bytes say it, and its name where they do not.

Keras took any name for a weight file, and people used many. A file of no format that is read
here is told for what it is, with what makes a file of it that is; nothing of it is unpacked.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.shown_text import quoted
from speccompiler.files.hdf5_signature import SIGNATURE, is_hdf5
from speccompiler.files.npz_format import SIGNATURES as ZIP
from speccompiler.files.npz_format import ZIP_ERRORS
from speccompiler.files.ordinary_files import open_ordinary

Format = Literal["npy", "npz", "safetensors", "hdf5"]

ENDINGS: Mapping[str, Format] = {
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}
KNOWN = "weights are read from .npy, .npz, .safetensors, .h5 and .hdf5 files"
_NPY = b"\x93NUMPY"
_HEAD_BYTES = 4096
_TRUSTED = "where you trust the file"


def format_of(path: Path) -> Format:
    """The format of an ordinary file; CS100 for one that is not read here, CS101 by its name.

    ``NotOrdinary`` where the name leads to no ordinary file.
    """
    with open_ordinary(path) as stream:
        head = stream.read(_HEAD_BYTES)
        found = _by_content(stream, head)
        if found is not None:
            foreign = _archive(stream, path) if found == "npz" else None
        else:
            foreign = _foreign(head, path) if head else None
    named = ENDINGS.get(path.suffix.lower())
    if foreign is not None and named is not None:
        raise Problem("CS101", *foreign)
    if foreign is not None:
        what, hint = foreign
        raise Problem("CS100", f"cannot read weight file {quoted(str(path))}: {what}", hint)
    if found is None and named is None:
        ending = f"extension '{path.suffix}'" if path.suffix else "a name without extension"
        what = f"{ending}, and its first bytes are of no known format" if head else "it is empty"
        raise Problem("CS100", f"cannot read weight file {quoted(str(path))}: {what}", KNOWN)
    return found or named or "npy"


def _by_content(stream: BinaryIO, head: bytes) -> Format | None:
    if head.startswith(SIGNATURE):
        return "hdf5"
    if head.startswith(_NPY):
        return "npy"
    if head.startswith(ZIP):
        return "npz"
    if _is_safetensors(stream, head):
        return "safetensors"
    if head.startswith(b"MATLAB 7.3 MAT-file"):  # HDF5 behind a block of text
        return None
    return "hdf5" if is_hdf5(stream) else None


def _is_safetensors(stream: BinaryIO, head: bytes) -> bool:
    """A length, and JSON of that length: 8 bytes, then '{'."""
    length = int.from_bytes(head[:8], "little")
    stream.seek(0, 2)
    return head[8:9] == b"{" and 8 + length <= stream.tell()


# --- what is not read


_DICTIONARY = re.compile(rb"(?:\x80[\x02-\x05])?(?:\x95.{8})?(?:\}|\(d)", re.DOTALL)
"""How the pickle of a dictionary begins."""


def _pickle(path: Path, head: bytes) -> tuple[str, str]:
    """A pickle, and the line of Python that makes an .npz of it."""
    name = path.name.replace('"', '\\"')
    if path.suffix.lower() in {".joblib", ".jbl"} or ".joblib" in path.name.lower():
        load, imports = f'joblib.load("{name}")', "joblib, numpy"
    elif path.suffix.lower() in {".dill", ".dil"}:
        load, imports = f'dill.load(open("{name}", "rb"))', "dill, numpy"
    else:
        load = f'pickle.load(open("{name}", "rb"), encoding="latin1")'
        imports = "pickle, numpy"
    stars = "**" if _DICTIONARY.match(head) else "*"
    line = f'import {imports}; numpy.savez("weights.npz", {stars}{load})'
    return "it is a pickle, which is code and is never loaded", f"{_TRUSTED}: {line}"


_TORCH = (
    "it is a PyTorch file",
    'in PyTorch: numpy.savez("weights.npz", **{k: v.numpy() for k, v in '
    'torch.load("FILE", weights_only=True).items()})',
)
_CHECKPOINT = (
    "it is a part of a TensorFlow checkpoint",
    "in Keras, with the model built: model.load_weights(...), then "
    'model.save_weights("weights.h5")',
)
_GRAPH = (
    "it is a TensorFlow graph (GraphDef)",
    'a graph holds no Keras layers: save the Keras model again, model.save("model.h5")',
)
_UNPACK = "unpack it first, for example with "
_SIGNATURES: tuple[tuple[bytes, tuple[str, str]], ...] = (
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", _TORCH),
    (b"\x1f\x8b", ("it is packed by gzip", f"{_UNPACK}gunzip")),
    (b"BZh", ("it is packed by bzip2", f"{_UNPACK}bunzip2")),
    (b"\xfd7zXZ\0", ("it is packed by xz", f"{_UNPACK}unxz")),
    (b"\x28\xb5\x2f\xfd", ("it is packed by zstd", f"{_UNPACK}unzstd")),
    (b"Rar!", ("it is a RAR archive", f"{_UNPACK}unrar")),
    (b"7z\xbc\xaf", ("it is a 7-Zip archive", f"{_UNPACK}7z x")),
    (
        b"version https://git-lfs",
        (
            "it is a Git LFS pointer, which stands for a file that was not fetched",
            "fetch it with: git lfs pull",
        ),
    ),
)
_MATLAB = (
    "it is a MATLAB file",
    'in Python: scipy.io.savemat wrote it, scipy.io.loadmat("FILE") reads it; then '
    'numpy.savez("weights.npz", **{"conv1/W": ..}) by the layers\' names',
)
_BY_ENDING: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys((".pt", ".pth", ".t7"), _TORCH),
    **dict.fromkeys((".ckpt", ".index", ".meta"), _CHECKPOINT),
    **dict.fromkeys((".pb", ".pbtxt"), _GRAPH),
    ".mat": _MATLAB,
    ".caffemodel": (
        "it is a Caffe model",
        'in Caffe: numpy.savez("weights.npz", **{f"{n}/{i}": b.data for n, p in '
        "net.params.items() for i, b in enumerate(p)})",
    ),
    ".onnx": ("it is an ONNX model", "save the weights from Keras, or as .npz by layer"),
    ".tflite": ("it is a TensorFlow Lite model", "save the Keras model's weights as .h5"),
}
_TEXT_PICKLE = re.compile(
    rb"(?:\((?:lp|dp|[lditN])|\](?:q|\()|\}q|c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n)"
)
_LISTED = re.compile(rb"\s*\[[\s\[]*[-0-9]")
"""JSON of ``[w.tolist() for w in model.get_weights()]``."""
_LISTS = (
    "it is JSON text, lists of numbers",
    'make an .npz of it: import json, numpy; numpy.savez("weights.npz", *json.load(open("FILE")))',
)
_PICKLES = {".pkl", ".pickle", ".p", ".pk", ".dill", ".dil", ".joblib", ".jbl"}


def _foreign(head: bytes, path: Path) -> tuple[str, str] | None:
    """What a file is that is of no format read here, and what to do; None where that is unknown."""
    suffix = path.suffix.lower()
    for signature, answer in _SIGNATURES:
        if head.startswith(signature):
            joblib = suffix in _PICKLES and answer[0].startswith("it is packed")
            return _pickle(path, head) if joblib else answer
    pickled = len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5
    if pickled or (head and _TEXT_PICKLE.match(head) and suffix not in ENDINGS):
        return _pickle(path, head)
    if head.startswith(b"MATLAB ") or (suffix == ".mat" and head):
        return _named(_MATLAB, path)
    if head[4:8] == b"TFL3":
        return _BY_ENDING[".tflite"]
    if suffix in ENDINGS:  # its own reader says what is wrong with it
        return None
    if head.lstrip()[:1] == b"<":
        return (
            "it is a page of HTML or XML",
            "download the file again: what came is the server's message",
        )
    if _LISTED.match(head):
        return _named(_LISTS, path)
    if head.lstrip()[:1] in (b"{", b"["):
        return "it is JSON text, as of a model without its weights", KNOWN
    if suffix in _PICKLES:
        return _pickle(path, head)
    if re.search(r"\.ckpt(?:-\d+)?(?:\.|$)|\.data-\d+-of-\d+$", path.name.lower()):
        return _CHECKPOINT
    ending = _BY_ENDING.get(suffix)
    return None if ending is None else _named(ending, path)


def _named(answer: tuple[str, str], path: Path) -> tuple[str, str]:
    return answer[0], answer[1].replace("FILE", path.name)


def _archive(stream: BinaryIO, path: Path) -> tuple[str, str] | None:
    """What an archive is that is no .npz, by its members; None for one that may be."""
    try:
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
    except ZIP_ERRORS:
        return None
    if any(name.endswith("data.pkl") for name in names):
        return _named(_TORCH, path)
    if "model.weights.h5" in names:
        return (
            "it is a Keras 3 archive (.keras), which is not Keras 1.x",
            f"its weights are a part of it: unzip {quoted(path.name)} model.weights.h5",
        )
    arrays = any(name.endswith(".npy") for name in names)
    if names and not arrays and path.suffix.lower() not in ENDINGS:
        return (
            f"it is a zip archive, and none of its members is an array: {quoted(names[0])}",
            "unpack it, and give the file in it",
        )
    return None
