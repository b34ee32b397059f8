"""What a caller names as an input: a file or a URL, and an array in it.

data.npy            a file
data.h5::/group/x   an array in a file; also data.npz::x and data.zarr::group/x
s3://bucket/x.npy   a URL, which may have '::' and a path behind it too
"""

from __future__ import annotations

import os
import re

from speccompiler.frozen import dataclass

SEPARATOR = "::"
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*)://")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an input is."""

    file: str
    """A path or a URL."""
    inner: str | None
    """The path of an array in it, where one is named."""
    scheme: str | None
    """Of a URL, in small letters."""

    @property
    def shown(self) -> str:
        """What messages call it: without the user, the password and the query of a URL."""
        file = self.file if self.scheme is None else without_secrets(self.file)
        return file if self.inner is None else f"{file}{SEPARATOR}{self.inner}"


def place_of(text: str) -> Place:
    """Take the name of an input apart.

    A file whose name has '::' in it is taken as it is. Of several '::' the first counts before
    which a file stands.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None:
        # An address of IPv6 has '::' of its own.
        path = text.find("/", scheme.end())
        path = len(text) if path < 0 else path
        file, _, inner = text[path:].partition(SEPARATOR)
        return Place(text[:path] + file, _named(inner), scheme[1].lower())
    if SEPARATOR not in text or os.path.lexists(text):
        return Place(text, None, None)
    at = text.find(SEPARATOR)
    while at >= 0 and not os.path.lexists(text[:at]):
        at = text.find(SEPARATOR, at + 1)
    at = text.rfind(SEPARATOR) if at < 0 else at
    return Place(text[:at], _named(text[at + len(SEPARATOR) :]), None)


def _named(inner: str) -> str | None:
    return inner if inner.strip("/") else None


def without_secrets(url: str) -> str:
    """A URL for messages: a user, a password and a query may be credentials."""
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def shown_name(text: str) -> str:
    """What messages call an input that was named so."""
    return place_of(text).shown
