from __future__ import annotations

import pytest
import pytest_lsp
from pytest_lsp import LanguageClient

from tests.language_server.conversation import CONFIG, Conversation, begin


@pytest_lsp.fixture(scope="module", config=CONFIG)
async def client(lsp_client: LanguageClient):
    """A client that talks to a server of its own."""
    await begin(lsp_client)
    yield
    await lsp_client.shutdown_session()


@pytest.fixture(scope="module")
def talk(client: LanguageClient, tmp_path_factory: pytest.TempPathFactory) -> Conversation:
    """The conversation of a module's tests."""
    return Conversation(client, tmp_path_factory.mktemp("open"))
