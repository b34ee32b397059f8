"""The name of a file as a URI reference: percent-encoded UTF-8."""

from __future__ import annotations

import re

# RFC 3986, pchar without ':', which a first segment may not hold.
_SAFE = "/~!$&'()*+;=@"
_DRIVE = re.compile(r"[A-Za-z]:/")


def uri(file: str) -> str:
    """Relative for a relative name, ``file:///...`` for an absolute one."""
    from urllib.parse import quote

    # Bytes of a name that are not UTF-8 come as surrogates, and leave as bytes.
    encoded = quote(file.encode("utf-8", "surrogateescape"), safe=_SAFE)
    if _DRIVE.match(file):
        return f"file:///{file[:2]}{encoded[4:]}"
    return f"file://{encoded}" if is_absolute(file) else encoded


def is_absolute(file: str) -> bool:
    """Whether a name with ``/`` between folders begins at a root or a drive."""
    return file.startswith("/") or _DRIVE.match(file) is not None
