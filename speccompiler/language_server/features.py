"""Which message is answered by what: the notifications and the requests of an editor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from speccompiler.language_server import answers
from speccompiler.language_server.open_files import OpenFile
from speccompiler.language_server.protocol import from_range
from speccompiler.language_server.rename import NotRenamed
from speccompiler.language_server.server import REQUEST_FAILED, SpecServer
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.options import LoadOptions

P = TypeVar("P")


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

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching is not None and watching.dynamic_registration:
            server.client_register_capability(types.RegistrationParams([_beside_specs()]))

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
    answer(types.TEXT_DOCUMENT_SELECTION_RANGE, answers.selection_ranges)
    answer(types.TEXT_DOCUMENT_FORMATTING, answers.formatted)
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


def _beside_specs() -> types.Registration:
    """The files that findings hang on beside the spec: weights, models, the project's settings."""
    kinds = "npy,npz,safetensors,h5,hdf5,json,yaml,yml"
    pattern = f"**/{{*.{{{kinds}}},convspec.toml,pyproject.toml}}"
    watchers = [types.FileSystemWatcher(pattern)]
    return types.Registration(
        "files",
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
        types.DidChangeWatchedFilesRegistrationOptions(watchers),
    )


def _supports_snippets(client: types.ClientCapabilities) -> bool:
    document = client.text_document
    item = document.completion.completion_item if document and document.completion else None
    return bool(item and item.snippet_support)
