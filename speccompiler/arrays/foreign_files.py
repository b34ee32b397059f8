"""Say what a file that is not a .npy file looks like, from its first and last bytes.

Nothing is unpacked or parsed: the answer only words an error message.
"""

from __future__ import annotations

import re
import struct

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.shown_text import first_few

HEAD_BYTES = 256
TAIL_BYTES = 1 << 16

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_ZIP_ENTRY = b"PK\x01\x02"
_IMAGE_HINT = "convert the images to one array first, samples along the first axis"
_LOAD_HINT = "load it where it was written and save the array with numpy.save"
_GIVE_HINT = "give a .npy file, as numpy.save writes it"
_TABLE_HINT = 'load it with numpy.loadtxt and save it with numpy.save("data.npy", array)'

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _IMAGE_HINT),
    (b"\xff\xd8\xff", "a JPEG image", _IMAGE_HINT),
    (b"GIF8", "a GIF image", _IMAGE_HINT),
    (b"II*\0", "a TIFF image", _IMAGE_HINT),
    (b"MM\0*", "a TIFF image", _IMAGE_HINT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "read the dataset with h5py and save it as .npy"),
    (b"\x1f\x8b", "a gzip file", "unpack it first, for example with gunzip"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first, for example with unzstd"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the data with: git lfs pull"),
    (b"MATLAB 5.0", "a MATLAB file", "read it with scipy.io.loadmat and save it as .npy"),
    (b"\x80\x02", "a pickle, which is never loaded", _LOAD_HINT),
    (b"\x80\x03", "a pickle, which is never loaded", _LOAD_HINT),
    (b"\x80\x04", "a pickle, which is never loaded", _LOAD_HINT),
    (b"\x80\x05", "a pickle, which is never loaded", _LOAD_HINT),
)


def not_npy(head: bytes, tail: bytes, name: str) -> Problem:
    """CS111 for a file that starts with ``head`` and ends with ``tail``.

    ``tail`` may be empty (a stream); then an archive's members stay unnamed.
    """
    if not head:
        return Problem("CS111", "it is empty", _GIVE_HINT)
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return _archive(_members(tail), name)
    for signature, what, hint in _SIGNATURES:
        if head.startswith(signature):
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
