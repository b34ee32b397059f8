"""Why the system refused to read or write a file, in plain words."""

from __future__ import annotations

import errno

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a write fails with where there is no room for it."""
_WRITING = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than is allowed here",
    errno.EIO: "the device reports an error",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
}


def reading_reason(error: OSError) -> str:
    """Why a file cannot be read."""
    return (error.strerror or str(error) or "unknown reason").lower()


def writing_reason(error: OSError) -> str:
    """Why a file cannot be written."""
    return _WRITING.get(error.errno or 0) or reading_reason(error)
