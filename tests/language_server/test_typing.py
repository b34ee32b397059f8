"""What an editor is told while a spec is written: findings, and the shapes of layers."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.language_server.conversation import Conversation

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENET = """convspec: 1
dim_ordering: tf
input_shape: [28, 28, 1]
layers:
  - {type: Convolution2D, name: c1, nb_filter: 6, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: MaxPooling2D}
  - type: Convolution2D
    name: c3
    nb_filter: 16
    nb_row: 5
    nb_col: 5
  - {type: Flatten}
  - {type: Dense, output_dim: 10}
"""
SHAPES = {
    4: "→ (N, 24, 24, 6)",
    5: "→ (N, 12, 12, 6)",
    6: "→ (N, 8, 8, 16)",
    11: "→ (N, 1024)",
    12: "→ (N, 10)",
}


async def test_a_clean_spec_has_shapes_and_no_findings(talk: Conversation) -> None:
    uri = await talk.open(LENET)
    assert talk.findings(uri) == []
    assert await talk.hints(uri) == SHAPES


async def test_a_hint_stands_at_the_end_of_the_line_of_the_type(talk: Conversation) -> None:
    text = LENET.replace("{type: MaxPooling2D}", "{type: MaxPooling2D}   # halves 😀 both")
    uri = await talk.open(text)
    everything = types.Range(types.Position(5, 0), types.Position(6, 0))
    found = await talk.client.text_document_inlay_hint_async(
        types.InlayHintParams(types.TextDocumentIdentifier(uri), everything)
    )
    assert found is not None
    # The face is two code units of UTF-16.
    assert found[0].position == types.Position(5, len(text.split("\n")[5]) + 1)
    assert found[1].position == types.Position(6, len("  - type: Convolution2D"))
    assert found[0].tooltip == "activations 3.4 KiB, receptive field 6x6, stride 2x2"
    assert found[1].tooltip == (
        "parameters 2,416, multiply-adds 154 k, activations 4.0 KiB, receptive field 14x14, "
        "stride 2x2"
    )
