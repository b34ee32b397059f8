"""The server: takes the messages of an editor, asks the features, answers."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from speccompiler import __version__
from speccompiler.language_server import answers
from speccompiler.language_server.editor_settings import EditorSettings
from speccompiler.language_server.open_files import OpenFile, Reading
from speccompiler.language_server.project_settings import ProjectSettings
from speccompiler.language_server.protocol import from_range
from speccompiler.language_server.rename import NotRenamed
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.options import LoadOptions

TOGETHER = 0.005
"""Seconds to wait for further edits that an editor sends at once."""
SLOW = 0.1
"""Seconds of an analysis from which on it waits for a pause in the typing, as long as it takes."""
LONGEST_WAIT = 1.0
REQUEST_FAILED = -32803

P = TypeVar("P")


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


def make_server(options: LoadOptions) -> SpecServer:
    """A server with all features; ``options`` are those of the command line."""
    server = SpecServer(options)
    _follow_files(server)
    _answer_requests(server)
    return server


def _follow_files(server: SpecServer) -> None:
    """The notifications: what is open, what it says, how it is to be read."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        for wrong in server.settings.take(params.initialization_options):
            server.log(f"convspec: {wrong}", types.MessageType.Warning)

    @server.feature(types.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.was_shut_down = True

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        given = params.text_document
        opened = OpenFile(given.uri, given.language_id, given.text, given.version)
        server.files[given.uri] = opened
        server.publish(given.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        uri, version = params.text_document.uri, params.text_document.version
        opened = server.files.get(uri)
        if opened is None:
            return
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                opened.edit(from_range(change.range), change.text, version, server.encoding)
            else:
                opened.replace(change.text, version)
        server.check_soon(uri, opened)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.check_all()  # another may wrap the one that was saved

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.close(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        server.apply_settings(params.settings)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.check_all()


def _answer_requests(server: SpecServer) -> None:
    """The requests: each is answered by the function of its feature in ``answers``."""

    def answer(method: str, feature: Callable[[SpecFile, P], Any], options: Any = None) -> None:
        @server.feature(method, options)
        def handler(params: Any) -> Any:
            file = server.file(params.text_document.uri)
            if file is None:
                return None
            try:
                return feature(file, params)
            except NotRenamed as reason:
                raise JsonRpcException(str(reason), REQUEST_FAILED) from None

    answer(types.TEXT_DOCUMENT_HOVER, answers.hover)
    answer(types.TEXT_DOCUMENT_INLAY_HINT, answers.inlay_hints)
    answer(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, answers.document_symbols)
    answer(types.TEXT_DOCUMENT_DEFINITION, answers.definition)
    answer(types.TEXT_DOCUMENT_REFERENCES, answers.references)
    answer(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, answers.highlights)
    answer(
        types.TEXT_DOCUMENT_RENAME,
        answers.renamed,
        types.RenameOptions(prepare_provider=True),
    )
    answer(types.TEXT_DOCUMENT_PREPARE_RENAME, answers.prepared_rename)
    answer(types.TEXT_DOCUMENT_FOLDING_RANGE, answers.folding_ranges)
    answer(
        types.TEXT_DOCUMENT_CODE_ACTION,
        answers.code_actions,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]),
    )

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=[":", " ", "{", "[", ",", '"', "-"]),
    )
    def completion(params: types.CompletionParams) -> types.CompletionList | None:
        opened = server.files.get(params.text_document.uri)
        if opened is None:
            return None
        folder = os.path.dirname(opened.name) if os.path.isabs(opened.name) else None
        snippets = _supports_snippets(server.client_capabilities)
        return answers.completion(server.read(opened), params, folder, snippets=snippets)


def _with_traceback(error: Exception) -> str:
    """The error and where it came from; pygls keeps that of a request's as text."""
    data = error.data if isinstance(error, JsonRpcException) else None
    if isinstance(data, dict) and isinstance(data.get("traceback"), list):
        return "".join(["Traceback (most recent call last):\n", *data["traceback"], str(error)])
    return "".join(traceback.format_exception(error))


def _supports_snippets(client: types.ClientCapabilities) -> bool:
    document = client.text_document
    item = document.completion.completion_item if document and document.completion else None
    return bool(item and item.snippet_support)
