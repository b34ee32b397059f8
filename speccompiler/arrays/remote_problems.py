"""What goes wrong on the way to a server, in one sentence without a word of the libraries.

Their messages hold whole URLs, and with them signatures and passwords.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from speccompiler.arrays.places import Place
from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shown

CONNECT_SECONDS = 15
READ_SECONDS = 60
_UNREACHABLE = ("ConnectorError", "ConnectorDNSError", "EndpointConnectionError", "ConnectError")
_TIMED_OUT = ("TimeoutError",)
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError")
_REFUSED = (401, 403)


@contextmanager
def network_problems(place: Place) -> Iterator[None]:
    """Whatever a library of the network raises inside is CS186, with the host and what to do."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:  # fsspec, aiohttp, botocore: no one base class
        raise problem_of(error, place) from None


def problem_of(error: Exception, place: Place) -> Problem:
    """CS186 for what a library of the network raised."""
    host = shown(urlsplit(place.shown).netloc or f"{place.scheme}://")
    cause = error.__cause__
    if isinstance(cause, Exception) and type(cause).__module__.startswith("aiohttp"):
        # fsspec says of every failure that there is no file.
        error = cause
    names = [kind.__name__ for kind in type(error).__mro__]
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status == 404:
        return Problem("CS186", f"'{host}' has nothing under this name", "check the URL")
    if isinstance(error, PermissionError) or status in _REFUSED:
        text = f"'{host}' refuses to give it"
        return Problem("CS186", text, "check your credentials for it, and the URL")
    if any(name.endswith(_NO_CREDENTIALS) for name in names):
        text = f"there are no credentials for '{host}'"
        return Problem("CS186", text, "set them as for the host's own tools")
    if any(name.endswith(_TIMED_OUT) for name in names):
        text = f"'{host}' does not answer in time"
        return Problem("CS186", text, "check the network, and try again")
    if any(name.endswith(_UNREACHABLE) for name in names):
        text = f"'{host}' cannot be reached"
        return Problem("CS186", text, "check the address and the network")
    if isinstance(status, int):
        return Problem("CS186", f"'{host}' answers with status {status}", "try again later")
    text = f"reading from '{host}' failed ({names[0]})"
    return Problem("CS186", text, "check the URL and the network, and try again")
