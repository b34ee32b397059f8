"""The texts that an editor has open, as they are there and not as they are on the disk."""

from __future__ import annotations

import os
import time
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from speccompiler.frozen import dataclass
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.positions import Range, changed
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.options import LoadOptions
from speccompiler.policy.settings import Settings

_SUFFIXES = {"json": ".json", "jsonc": ".json", "yaml": ".yaml", "yml": ".yaml"}


class OpenFile:
    """One text; its analysis is made when it is asked for, once for each version."""

    def __init__(self, uri: str, language: str, text: str, version: int | None) -> None:
        self.uri = uri
        self.name = file_name(uri, language)
        self.version = version
        self.text = text
        self.seconds = 0.0
        """What the last analysis took of a processor, whoever else uses it."""
        self._file: SpecFile | None = None
        self._asked: tuple[Reading, str] | None = None
        self._readable: Analysis | None = None

    def replace(self, text: str, version: int | None) -> None:
        """Take over a new version."""
        self.text, self.version, self._file = text, version, None

    def edit(self, change: Range, new: str, version: int | None, encoding: str) -> None:
        """Take over an edit."""
        self.replace(changed(self.text, encoding, change, new), version)

    def forget(self) -> None:
        """Check again: a file beside it may have changed."""
        self._file = None

    def file(self, reading: Reading, encoding: str) -> SpecFile:
        """The text as the features see it."""
        if self._file is None or self._asked != (reading, encoding):
            began = time.thread_time()
            analysis = Analysis(self.text, self.name, reading.options, reading.settings)
            self._file = SpecFile(analysis, encoding, self._readable)
            self._asked = (reading, encoding)
            if analysis.readable:
                self._readable = analysis if analysis.is_spec else None
            _ = analysis.diagnostics
            self.seconds = time.thread_time() - began
        return self._file


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is to be read, and what its project says of findings."""

    options: LoadOptions
    settings: Settings


def file_name(uri: str, language: str) -> str:
    """The path of a URI; of a text without a file, a name that says its language."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        path = url2pathname(parts.path)
        return f"{os.sep}{os.sep}{parts.netloc}{path}" if parts.netloc else path
    name = unquote(parts.path.rsplit("/", 1)[-1]) or "untitled"
    known = name.lower().endswith((".json", ".yaml", ".yml"))
    return name if known else name + _SUFFIXES.get(language, "")
