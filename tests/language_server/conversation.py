"""A conversation with the server, as an editor has it: over the standard streams of a process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, make_test_lsp_client

COMMAND = [sys.executable, "-m", "speccompiler", "lsp"]


def editor() -> LanguageClient:
    """A client that takes what the server asks of it."""
    client = make_test_lsp_client()
    for method in (types.CLIENT_REGISTER_CAPABILITY, types.WORKSPACE_INLAY_HINT_REFRESH):
        client.feature(method)(lambda params: None)
    return client


CONFIG = ClientServerConfig(server_command=COMMAND, client_factory=editor)


def marked(text: str) -> tuple[str, types.Position]:
    """A text without its ``¦``, and where that stood, in code units of UTF-16."""
    before, _, after = text.partition("¦")
    line = before.split("\n")[-1]
    column = len(line.encode("utf-16-le")) // 2
    return before + after, types.Position(before.count("\n"), column)


class Conversation:
    """One editor and its server."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.count = 0

    async def open(self, text: str, name: str = "model.yaml") -> str:
        """Open a text under a name of its own; its URI, once its findings are there."""
        self.count += 1
        place = self.folder / str(self.count)
        place.mkdir()
        return await self.open_as(text, (place / name).as_uri(), name.rsplit(".")[-1])

    async def open_as(self, text: str, uri: str, language: str) -> str:
        """Open a text under this URI."""
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await self.settled()
        return uri

    async def change(self, uri: str, version: int, *changes: Any) -> None:
        """Send edits: a text for the whole, or (range, text)."""
        sent = [
            types.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else types.TextDocumentContentChangePartial(*change)
            for change in changes
        ]
        identifier = types.VersionedTextDocumentIdentifier(version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, sent))
        await self.settled()  # the edit has arrived, however busy the machine is
        await asyncio.sleep(0.02)
        await self.settled()

    async def settled(self) -> None:
        """Once this returns the server has dealt with all that was sent to it."""
        await self.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(types.TextDocumentIdentifier("file:///none"))
        )

    def findings(self, uri: str) -> list[types.Diagnostic]:
        """The findings that the server sent last."""
        return list(self.client.diagnostics.get(uri, ()))

    def codes(self, uri: str) -> list[str]:
        """Their codes."""
        return [str(found.code) for found in self.findings(uri)]

    async def hints(self, uri: str) -> dict[int, str]:
        """The hint of each line, counted from 0."""
        everything = types.Range(types.Position(0, 0), types.Position(100_000, 0))
        found = await self.client.text_document_inlay_hint_async(
            types.InlayHintParams(types.TextDocumentIdentifier(uri), everything)
        )
        return {hint.position.line: str(hint.label) for hint in found or ()}

    async def hover(self, uri: str, at: types.Position) -> str | None:
        """The text of a hover."""
        found = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), at)
        )
        return None if found is None else found.contents.value

    async def completion(self, text: str, name: str = "model.yaml") -> list[types.CompletionItem]:
        """What may stand at the ``¦`` of a text."""
        text, at = marked(text)
        uri = await self.open(text, name)
        found = await self.client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(uri), at)
        )
        return list(found.items) if found is not None else []


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """The text after edits, by the rules of the protocol."""
    lines = text.split("\n")

    def offset(place: types.Position) -> int:
        line = lines[place.line]
        before = line.encode("utf-16-le")[: 2 * place.character].decode("utf-16-le")
        return sum(len(one) + 1 for one in lines[: place.line]) + len(before)

    for edit in sorted(edits, key=lambda e: offset(e.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


async def begin(client: LanguageClient, **options: Any) -> None:
    """The handshake of an editor that can do everything."""
    await client.initialize_session(
        types.InitializeParams(
            capabilities=pytest_lsp.client_capabilities("visual-studio-code"),
            initialization_options=options or None,
        )
    )
