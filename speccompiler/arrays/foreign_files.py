"""Say what a file that is not a .npy file looks like, from its first and last bytes.

Nothing is unpacked or parsed: the answer only words an error message.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few
from speccompiler.files.file_kinds import FileKind, kind_of

HEAD_BYTES = 256
TAIL_BYTES = 1 << 16

_ZIP_ENTRY = b"PK\x01\x02"
_IMAGE_HINT = "convert the images to one array first, samples along the first axis"
_LOAD_HINT = "load it where it was written and save the array with numpy.save"
_GIVE_HINT = "give a .npy file, as numpy.save writes it"
_TABLE_HINT = 'load it with numpy.loadtxt and save it with numpy.save("data.npy", array)'

_PICKLE = ("a pickle, which is never loaded", _LOAD_HINT)
_NO_ARRAY: Mapping[FileKind, tuple[str, str]] = {
    FileKind.PNG: ("a PNG image", _IMAGE_HINT),
    FileKind.JPEG: ("a JPEG image", _IMAGE_HINT),
    FileKind.GIF: ("a GIF image", _IMAGE_HINT),
    FileKind.TIFF: ("a TIFF image", _IMAGE_HINT),
    FileKind.HDF5: ("an HDF5 file", "read the dataset with h5py and save it as .npy"),
    FileKind.GZIP: ("a gzip file", "unpack it first, for example with gunzip"),
    FileKind.ZSTD: ("a zstd file", "unpack it first, for example with unzstd"),
    FileKind.GIT_LFS: ("a Git LFS pointer", "fetch the data with: git lfs pull"),
    FileKind.MATLAB_5: ("a MATLAB file", "read it with scipy.io.loadmat and save it as .npy"),
    FileKind.PICKLE: _PICKLE,
    FileKind.TORCH: _PICKLE,
}


def not_npy(head: bytes, tail: bytes, name: str) -> Problem:
    """CS111 for a file that starts with ``head`` and ends with ``tail``.

    ``tail`` may be empty (a stream); then an archive's members stay unnamed.
    """
    if not head:
        return Problem("CS111", "it is empty", _GIVE_HINT)
    kind = kind_of(head)
    if kind in {FileKind.ZIP, FileKind.EMPTY_ZIP}:
        return _archive(_members(tail), name)
    if kind in _NO_ARRAY:
        what, hint = _NO_ARRAY[kind]
        return Problem("CS111", f"this is {what}, not a .npy file", hint)
    if _is_text(head):
        if re.match(rb"[-+\d.eE\s]+[,;\t]", head.removeprefix(b"\xef\xbb\xbf")):
            return Problem("CS111", "this is a text table (CSV), not a .npy file", _TABLE_HINT)
        return Problem("CS111", "this is text, not a .npy file", _GIVE_HINT)
    return Problem(
        "CS111",
        "this is not a .npy file: it does not start with the .npy signature",
        _GIVE_HINT,
    )


def _archive(members: list[str], name: str) -> Problem:
    if not members:
        return Problem(
            "CS111", "this is a zip archive (.npz), not a .npy file", "unpack it first (unzip)"
        )
    shown = first_few([f"'{m}'" for m in members], 5)
    first = members[0]
    return Problem(
        "CS111",
        f"this is a .npz archive, not a .npy file; it holds {shown}",
        f'save one array on its own: numpy.save("{first}.npy", numpy.load("{name}")["{first}"])',
    )


def _members(tail: bytes) -> list[str]:
    """The array names in a zip's central directory, as far as ``tail`` reaches back.

    Read by hand because zipfile builds an object for every entry that a file claims.
    Entry layout: PKWARE APPNOTE 4.3.12 (name length at byte 28, name at byte 46).
    """
    members = []
    for entry in re.finditer(re.escape(_ZIP_ENTRY), tail):
        if entry.start() + 46 > len(tail):
            break
        (length,) = struct.unpack_from("<H", tail, entry.start() + 28)
        text = tail[entry.start() + 46 :][:length].decode("utf-8", "replace")
        if text.endswith(".npy") and text.isprintable() and len(text) <= 80:
            members.append(text.removesuffix(".npy"))
    return members


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")
    # A character cut at the end of ``head`` is dropped by "ignore"; anything else must survive.
    whole = len(head) - len(text.encode()) < 4
    return whole and all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)
