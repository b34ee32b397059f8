"""Which format a weight file has: its first bytes say it, and its name where they do not.

Keras took any name for a weight file, and people used many. Of a file of another format the
message says what it is, and how to make a weight file of it; nothing in it is unpacked.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.file_kinds import FileKind, kind_of
from speccompiler.files.hdf5_signature import is_hdf5
from speccompiler.files.keras_archives import CONFIG, WEIGHTS
from speccompiler.files.npz_format import ZIP_ERRORS
from speccompiler.files.ordinary_files import open_ordinary

Format = Literal["npy", "npz", "safetensors", "hdf5", "onnx"]

ENDINGS: Mapping[str, Format] = {
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".keras": "hdf5",
}
KNOWN = "weights are read from .npy, .npz, .safetensors, .h5, .hdf5 and .keras files"
_HEAD_BYTES = 4096
_TRUSTED = "where you trust the file"


def format_of(path: Path) -> Format:
    """The format of an ordinary file; CS100 for one that is not read here, CS101 by its name.

    ``NotOrdinary`` where the name leads to no ordinary file.
    """
    with open_ordinary(path) as stream:
        head = stream.read(_HEAD_BYTES)
        found = _by_content(stream, head)
        if found == "npz" and holds_weights(stream):
            return "hdf5"
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
    kind = kind_of(head)
    if kind is FileKind.NPY:
        return "npy"
    if kind in {FileKind.ZIP, FileKind.EMPTY_ZIP}:
        return "npz"
    if _is_safetensors(stream, head):
        return "safetensors"
    if kind is FileKind.MATLAB_7_3:
        return None
    return "hdf5" if is_hdf5(stream) else None


def holds_weights(stream: BinaryIO) -> bool:
    """Whether an archive is a ``.keras`` file, whose weights are an HDF5 file inside."""
    try:
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            return not {WEIGHTS, CONFIG}.isdisjoint(archive.namelist())
    except ZIP_ERRORS:
        return False


def _is_safetensors(stream: BinaryIO, head: bytes) -> bool:
    """A length, and JSON of that length: 8 bytes, then '{'."""
    length = int.from_bytes(head[:8], "little")
    stream.seek(0, 2)
    return head[8:9] == b"{" and 8 + length <= stream.tell()


# --- files of other formats


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
_PACKED: Mapping[FileKind, tuple[str, str]] = {
    FileKind.GZIP: ("it is packed by gzip", f"{_UNPACK}gunzip"),
    FileKind.BZIP2: ("it is packed by bzip2", f"{_UNPACK}bunzip2"),
    FileKind.XZ: ("it is packed by xz", f"{_UNPACK}unxz"),
    FileKind.ZSTD: ("it is packed by zstd", f"{_UNPACK}unzstd"),
}
_BY_KIND: Mapping[FileKind, tuple[str, str]] = {
    FileKind.TORCH: _TORCH,
    **_PACKED,
    FileKind.RAR: ("it is a RAR archive", f"{_UNPACK}unrar"),
    FileKind.SEVEN_ZIP: ("it is a 7-Zip archive", f"{_UNPACK}7z x"),
    FileKind.GIT_LFS: (
        "it is a Git LFS pointer, which stands for a file that was not fetched",
        "fetch it with: git lfs pull",
    ),
}
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
    kind = kind_of(head)
    if kind in _PACKED and suffix in _PICKLES:  # joblib packs what it pickles
        return _pickle(path, head)
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind is FileKind.PICKLE or (_TEXT_PICKLE.match(head) and suffix not in ENDINGS):
        return _pickle(path, head)
    if kind in {FileKind.MATLAB_5, FileKind.MATLAB_7_3} or suffix == ".mat":
        return _named(_MATLAB, path)
    if kind is FileKind.TFLITE:
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
    arrays = any(name.endswith(".npy") for name in names)
    if names and not arrays and path.suffix.lower() not in ENDINGS:
        return (
            f"it is a zip archive, and none of its members is an array: {quoted(names[0])}",
            "unpack it, and give the file in it",
        )
    return None
