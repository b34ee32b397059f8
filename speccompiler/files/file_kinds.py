"""What a file is, by its first bytes. Each reader has its own sentence about the kinds it meets."""

from __future__ import annotations

from enum import Enum, auto


class FileKind(Enum):
    """Kinds of files that people give where another is wanted."""

    HDF5 = auto()
    ZIP = auto()
    EMPTY_ZIP = auto()
    NPY = auto()
    TORCH = auto()
    """PyTorch's own form of a pickle, before its archives."""
    PICKLE = auto()
    """A pickle of protocol 2 to 5; older protocols have no mark of their own."""
    GZIP = auto()
    BZIP2 = auto()
    XZ = auto()
    ZSTD = auto()
    RAR = auto()
    SEVEN_ZIP = auto()
    GIT_LFS = auto()
    MATLAB_5 = auto()
    MATLAB_7_3 = auto()
    """HDF5 behind a block of text."""
    PNG = auto()
    JPEG = auto()
    GIF = auto()
    TIFF = auto()
    PDF = auto()
    TFLITE = auto()
    OTHER = auto()
    """A text, or what is not known."""


_SIGNATURES: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"\x89HDF", FileKind.HDF5),
    (0, b"PK\x03\x04", FileKind.ZIP),
    (0, b"PK\x05\x06", FileKind.EMPTY_ZIP),
    (0, b"\x93NUMPY", FileKind.NPY),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", FileKind.TORCH),
    *((0, bytes([0x80, protocol]), FileKind.PICKLE) for protocol in range(2, 6)),
    (0, b"\x1f\x8b", FileKind.GZIP),
    (0, b"BZh", FileKind.BZIP2),
    (0, b"\xfd7zXZ\0", FileKind.XZ),
    (0, b"\x28\xb5\x2f\xfd", FileKind.ZSTD),
    (0, b"Rar!", FileKind.RAR),
    (0, b"7z\xbc\xaf", FileKind.SEVEN_ZIP),
    (0, b"version https://git-lfs", FileKind.GIT_LFS),
    (0, b"MATLAB 5.0 MAT-file", FileKind.MATLAB_5),
    (0, b"MATLAB 7.3 MAT-file", FileKind.MATLAB_7_3),
    (0, b"\x89PNG\r\n\x1a\n", FileKind.PNG),
    (0, b"\xff\xd8\xff", FileKind.JPEG),
    (0, b"GIF8", FileKind.GIF),
    (0, b"II*\0", FileKind.TIFF),
    (0, b"MM\0*", FileKind.TIFF),
    (0, b"%PDF-", FileKind.PDF),
    (4, b"TFL3", FileKind.TFLITE),
)
"""Where a signature stands, its bytes, and the kind. The first that fits is taken."""


def kind_of(head: bytes) -> FileKind:
    """The kind of a file that begins so."""
    for offset, signature, kind in _SIGNATURES:
        if head.startswith(signature, offset):
            return kind
    return FileKind.OTHER
