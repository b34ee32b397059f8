"""The server: the files that are open, and the findings that it sends of them."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from speccompiler import __version__
from speccompiler.language_server import answers
from speccompiler.language_server.editor_settings import EditorSettings
from speccompiler.language_server.open_files import OpenFile, Reading
from speccompiler.language_server.project_settings import ProjectSettings
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.options import LoadOptions

TOGETHER = 0.005
"""Seconds to wait for further edits that an editor sends at once."""
SLOW = 0.2
"""Seconds of an analysis from which on it waits for a pause in the typing, as long as it takes."""
LONGEST_WAIT = 1.0
REQUEST_FAILED = -32803


class SpecServer(LanguageServer):
    """The open files, and how they are to be read."""

    def __init__(self, options: LoadOptions) -> None:
        super().__init__("convspec", __version__)
        # Not pygls's own logging: its tracebacks would go to standard error.
        logging.getLogger("pygls").addHandler(logging.NullHandler())
        logging.getLogger("pygls").propagate = False
        self.settings = EditorSettings(options)
        self.projects = ProjectSettings()
        self.files: dict[str, OpenFile] = {}
        self.was_shut_down = False
        self._due: dict[str, asyncio.TimerHandle] = {}
        self._shown: set[str] = set()
        self._is_reporting = False

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what went wrong, where the editor keeps the server's messages; and go on."""
        if isinstance(error, JsonRpcException) and error.code == REQUEST_FAILED:
            return  # an answer in words, and no fault of the server's
        if self._is_reporting:
            return  # sending is what fails
        self._is_reporting = True
        try:
            self.log(_with_traceback(error), types.MessageType.Error)
        finally:
            self._is_reporting = False

    def log(self, text: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """A text for the editor's log of this server."""
        self.window_log_message(types.LogMessageParams(kind, text.rstrip()))

    @property
    def encoding(self) -> str:
        """How the editor counts in a line."""
        encoding = self.workspace.position_encoding
        return str(getattr(encoding, "value", encoding))

    def file(self, uri: str) -> SpecFile | None:
        """An open file, if it is a spec."""
        opened = self.files.get(uri)
        if opened is None:
            return None
        found = self.read(opened)
        return found if found.current.is_spec else None

    def read(self, opened: OpenFile) -> SpecFile:
        """An open file as the features see it."""
        project = self.projects.of(opened.name)
        while self.projects.wrong:
            self.log(self.projects.wrong.pop(0), types.MessageType.Warning)
        return opened.file(Reading(self.settings.options, project), self.encoding)

    # Diagnostics follow the text.

    def check_soon(self, uri: str, opened: OpenFile) -> None:
        """Publish the findings once no edit is on its way; a slow file, once typing pauses."""
        slow = opened.seconds > SLOW
        waiting = self._due.get(uri)
        if waiting is not None and not slow:
            return
        if waiting is not None:
            waiting.cancel()
        delay = min(opened.seconds, LONGEST_WAIT) if slow else TOGETHER
        loop = asyncio.get_running_loop()
        self._due[uri] = loop.call_later(delay, self._publish_safely, uri)

    def _publish_safely(self, uri: str) -> None:
        try:
            self.publish(uri)
        except Exception as error:
            self.report_server_error(error, type(error))

    def publish(self, uri: str) -> None:
        """Send the findings of a file; nothing of one that is no spec, and never was."""
        waiting = self._due.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        opened = self.files.get(uri)
        if opened is None:
            return
        file = self.file(uri)
        if file is None and uri not in self._shown:
            return
        found = [] if file is None else answers.diagnostics(file)
        self._shown.add(uri)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, found, opened.version)
        )

    def check_all(self) -> None:
        """Check every open file again: what lies beside them has changed."""
        self.projects.forget()
        for uri, opened in self.files.items():
            opened.forget()
            self.publish(uri)
        self.refresh_hints()

    def refresh_hints(self) -> None:
        """Have the editor ask for hints again, which it does by itself only after an edit."""
        workspace = self.client_capabilities.workspace
        hints = workspace.inlay_hint if workspace else None
        if hints is not None and hints.refresh_support:
            self.workspace_inlay_hint_refresh(None, lambda _: None)

    def close(self, uri: str) -> None:
        """Forget a file, and clear its findings."""
        self.files.pop(uri, None)
        waiting = self._due.pop(uri, None)
        if waiting is not None:
            waiting.cancel()
        if uri in self._shown:
            self._shown.discard(uri)
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def apply_settings(self, given: object) -> None:
        """Take settings over, and check every open file by them."""
        for wrong in self.settings.take(given):
            self.log(f"convspec: {wrong}", types.MessageType.Warning)
        for uri in self.files:
            self.publish(uri)
        self.refresh_hints()


def _with_traceback(error: Exception) -> str:
    """The error and where it came from; pygls keeps that of a request's as text."""
    data = error.data if isinstance(error, JsonRpcException) else None
    if isinstance(data, dict) and isinstance(data.get("traceback"), list):
        return "".join(["Traceback (most recent call last):\n", *data["traceback"], str(error)])
    return "".join(traceback.format_exception(error))
