"""Names in an editor: where a layer is named and read, and another name for it."""

from __future__ import annotations

import re

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from speccompiler.language_server.analysis import Analysis
from tests.language_server.conversation import Conversation, applied, marked

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPH = """convspec: 1
dim_ordering: tf
inputs: {left: [8, 8, 1], right: [8, 8, 1]}
outputs: [sum, maps@2, 'flat', last]
layers:
  - {type: Convolution2D, name: maps, nb_filter: 4, nb_row: 3, nb_col: 3, inputs: left}
  - {type: Shared, layer: maps, inputs: right}
  - type: Merge
    name: "sum"
    inputs: [maps, maps@2]
  - {type: Flatten, name: flat}
  - {type: Dense, output_dim: 3, inputs: sum}
  - {type: Flatten}
  - {type: Dense, output_dim: 4, inputs: [flatten_1], name: last}
"""


async def places(talk: Conversation, text: str, name: str = "model.yaml") -> list[str]:
    """The lines of all places of the name at the mark, and of its definition first."""
    text, at = marked(text)
    uri = await talk.open(text, name)
    document = types.TextDocumentIdentifier(uri)
    definition = await talk.client.text_document_definition_async(
        types.DefinitionParams(document, at)
    )
    found = await talk.client.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(False), document, at)
    )
    ranges = [definition.range] if isinstance(definition, types.Location) else []
    ranges += [one.range for one in found or ()]
    lines = text.split("\n")
    return [
        f"{one.start.line}: {lines[one.start.line][one.start.character : one.end.character]}"
        for one in ranges
    ]


ALL_OF_MAPS = ["5: maps", "3: maps@2", "6: maps", "9: maps", "9: maps@2"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("layer: maps", "layer: ma¦ps", ALL_OF_MAPS),
        ("name: maps", "name: maps¦", ALL_OF_MAPS),
        ("inputs: [maps", "inputs: [¦maps", ALL_OF_MAPS),
        ("inputs: left", "inputs: lef¦t", ["2: left", "5: left"]),
        ("inputs: {left", "inputs: {l¦eft", ["2: left", "5: left"]),
        ("inputs: sum", "inputs: su¦m", ['8: "sum"', "3: sum", "11: sum"]),
        ("'flat'", "'fl¦at'", ["10: flat", "3: 'flat'"]),
        # A layer that says no name is where its type is.
        ("[flatten_1]", "[flatte¦n_1]", ["12: Flatten", "13: flatten_1"]),
        ("nb_filter", "nb_f¦ilter", []),
    ],
)
async def test_definition_and_references(
    talk: Conversation, old: str, new: str, found: list[str]
) -> None:
    assert await places(talk, GRAPH.replace(old, new, 1)) == found


async def test_a_later_call_is_where_it_is_called(talk: Conversation) -> None:
    found = await places(talk, GRAPH.replace("[maps, maps@2]", "[maps, maps@¦2]"))
    assert found[0] == "6: Shared"


async def test_definitions_in_a_text_that_cannot_be_read_are_the_last_known(
    talk: Conversation,
) -> None:
    uri = await talk.open(GRAPH)
    await talk.change(uri, 2, "# {\n" + GRAPH.replace("  - {type: Flatten}\n", "  - {type: Fl\n"))
    assert talk.codes(uri) == ["CS003"]
    found = await talk.client.text_document_definition_async(
        types.DefinitionParams(types.TextDocumentIdentifier(uri), types.Position(12, 41))
    )
    assert isinstance(found, types.Location)
    assert found.range == types.Range(types.Position(9, 10), types.Position(9, 15))


async def rename(talk: Conversation, text: str, new: str, name: str = "model.yaml") -> str:
    text, at = marked(text)
    uri = await talk.open(text, name)
    document = types.TextDocumentIdentifier(uri)
    await talk.client.text_document_prepare_rename_async(types.PrepareRenameParams(document, at))
    edit = await talk.client.text_document_rename_async(types.RenameParams(document, at, new))
    assert edit is not None
    assert edit.changes is not None
    return applied(text, list(edit.changes.get(uri, ())))


async def test_a_new_name_stands_at_every_place(talk: Conversation) -> None:
    found = await rename(talk, GRAPH.replace("layer: maps", "layer: ma¦ps"), "features")
    assert found == re.sub(r"\bmaps\b", "features", GRAPH)
    assert Analysis(found, "m.yaml").diagnostics == Analysis(GRAPH, "m.yaml").diagnostics == ()


async def test_a_new_name_keeps_its_quotes(talk: Conversation) -> None:
    found = await rename(talk, GRAPH.replace("inputs: sum", "inputs: su¦m"), "all of it")
    assert 'outputs: ["all of it", maps@2' in found
    assert 'name: "all of it"' in found
    assert Analysis(found, "m.yaml").diagnostics == ()
    found = await rename(talk, GRAPH.replace("'flat'", "'fl¦at'"), "flach")
    assert "outputs: [sum, maps@2, 'flach', last]" in found
    assert "name: flach}" in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{type: Flatt¦en}", "{type: Flatten, name: vector}"),
        ("{type: Flatt¦en, p: 1}", "{type: Flatten, name: vector, p: 1}"),
    ],
)
async def test_a_layer_without_a_name_gets_one(talk: Conversation, old: str, new: str) -> None:
    text = GRAPH.replace("{type: Flatten}", old)
    found = await rename(talk, text, "vector")
    assert found == GRAPH.replace("{type: Flatten}", new).replace("flatten_1", "vector")


async def test_a_layer_in_block_style_gets_a_line(talk: Conversation) -> None:
    text = "convspec: 1\ninput_shape: [2]\nlayers:\n  - type: Fla¦tten\n    trainable: true\n"
    found = await rename(talk, text, "vector")
    assert found == text.replace("Fla¦tten", "Flatten\n    name: vector")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # What is counted behind it is counted otherwise.
        (
            "  - {type: Drop¦out, p: 0.1}\n  - {type: Dropout, p: 0.2}\n"
            "  - {type: Merge, mode: sum, inputs: [dropout_1, dropout_2]}\noutputs: [dropout_2]\n",
            "  - {type: Dropout, name: q, p: 0.1}\n  - {type: Dropout, p: 0.2}\n"
            "  - {type: Merge, mode: sum, inputs: [q, dropout_1]}\noutputs: [dropout_1]\n",
        ),
        (
            "  - {type: Dropout, p: 0.1, name: drop¦out_1}\n  - {type: Dropout, p: 0.2}\n"
            "  - {type: Flatten, inputs: dropout_2}\n",
            "  - {type: Dropout, p: 0.1, name: q}\n  - {type: Dropout, p: 0.2}\n"
            "  - {type: Flatten, inputs: dropout_1}\n",
        ),
        # The name stands where the other arguments do.
        ("  - type:\n      Fla¦tten  # a\n", "  - type:\n      Flatten\n    name: q  # a\n"),
        (
            "  - {trainable: true,\n     type: Fla¦tten}\n",
            "  - {trainable: true,\n     type: Flatten, name: q}\n",
        ),
        # An anchor stays.
        (
            "  - {name: &n ¦a, type: Flatten}\n  - {type: Flatten, inputs: *n}\n",
            "  - {name: &n q, type: Flatten}\n  - {type: Flatten, inputs: *n}\n",
        ),
    ],
)
async def test_a_new_name_breaks_nothing(talk: Conversation, old: str, new: str) -> None:
    head = "convspec: 1\ninput_shape: [2]\nlayers:\n"
    assert await rename(talk, head + old, "q") == head + new


JSON = """{
  "convspec": 1, "input_shape": [4], "outputs": "a",
  "layers": [
    {"type": "Dense", "name": "a", "output_dim": 3},
    {"type": "Dense", "output_dim": 3},
    {"type": "Merge", "mode": "sum", "inputs": ["a", "dense_1"]}
  ]
}
"""


async def test_names_in_json(talk: Conversation) -> None:
    assert await places(talk, JSON.replace('["a"', '["a¦"'), "m.json") == [
        '3: "a"',
        '1: "a"',
        '5: "a"',
    ]
    found = await rename(talk, JSON.replace('["a"', '["a¦"'), 'b"😀', "m.json")
    assert found == JSON.replace('"a"', '"b\\"😀"')
    found = await rename(talk, JSON.replace('"dense_1"', '"de¦nse_1"'), "c", "m.json")
    changed = JSON.replace('"Dense", "output', '"Dense", "name": "c", "output')
    assert found == changed.replace('"dense_1"', '"c"')


KERAS = """{"class_name": "Model", "keras_version": "1.2.2", "config": {"name": "m", "layers": [
  {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
   "config": {"name": "x", "batch_input_shape": [null, 4]}},
  {"class_name": "Dense", "name": "d", "inbound_nodes": [[["x", 0, 0]]],
   "config": {"name": "d", "output_dim": 3}}],
  "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}}
"""


async def test_names_in_a_file_that_keras_wrote(talk: Conversation) -> None:
    found = await places(talk, KERAS.replace('[[["x"', '[[["x¦"'), "m.json")
    assert found == ['2: "x"', '5: "x"', '1: "x"', '3: "x"']
    renamed = await rename(talk, KERAS.replace('[[["x"', '[[["x¦"'), "image", "m.json")
    assert renamed == KERAS.replace('"x"', '"image"')


@pytest.mark.parametrize(
    ("text", "new", "reason"),
    [
        (
            GRAPH.replace("name: maps", "name: m¦aps"),
            "flat",
            "'flat' is the name of another layer, on line 11; names are unique",
        ),
        (GRAPH.replace("name: maps", "name: m¦aps"), " ", "a name needs at least one visible "
         "character"),
        (GRAPH.replace("name: maps", "name: m¦aps"), "a\nb", "a name may hold only visible "
         "characters and spaces"),
        (GRAPH.replace("nb_filter", "nb_¦filter"), "a", "no name of a layer stands here"),
        (GRAPH.replace("name: maps", "name: m¦aps, {"), "a", "the text cannot be read as it is; "
         "mend its syntax error first"),
        (GRAPH.replace("name: flat", "name: m¦aps"), "a", "two layers are named 'maps', on lines "
         "6 and 11; write another name at one of them first"),
    ],
)  # fmt: skip
async def test_why_a_name_cannot_be_changed(
    talk: Conversation, text: str, new: str, reason: str
) -> None:
    with pytest.raises(JsonRpcException) as error:
        await rename(talk, text, new)
    assert error.value.message == reason
    assert error.value.code == -32803


async def test_the_outline_has_types_and_shapes(talk: Conversation) -> None:
    uri = await talk.open(GRAPH)
    found = await talk.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(uri))
    )
    assert found is not None
    assert [(one.name, one.detail) for one in found if isinstance(one, types.DocumentSymbol)] == [
        ("left", "input → (N, 8, 8, 1)"),
        ("right", "input → (N, 8, 8, 1)"),
        ("maps", "Convolution2D → (N, 6, 6, 4)"),
        ("maps@2", "Shared → (N, 6, 6, 4)"),
        ("sum", "Merge → (N, 6, 6, 4)"),
        ("flat", "Flatten → (N, 144)"),
        ("dense_1", "Dense → (N, 6, 6, 3)"),
        ("flatten_1", "Flatten → (N, 108)"),
        ("last", "Dense → (N, 4)"),
    ]
    merge = found[4]
    assert isinstance(merge, types.DocumentSymbol)
    assert merge.range == types.Range(types.Position(7, 4), types.Position(9, 26))
    assert merge.selection_range == types.Range(types.Position(8, 10), types.Position(8, 15))
    folds = await talk.client.text_document_folding_range_async(
        types.FoldingRangeParams(types.TextDocumentIdentifier(uri))
    )
    assert [(fold.start_line, fold.end_line) for fold in folds or ()] == [(7, 9)]


async def test_every_place_of_a_name_is_highlighted(talk: Conversation) -> None:
    text, at = marked(GRAPH.replace("inputs: sum", "inputs: su¦m"))
    uri = await talk.open(text)
    found = await talk.client.text_document_document_highlight_async(
        types.DocumentHighlightParams(types.TextDocumentIdentifier(uri), at)
    )
    assert [one.range.start.line for one in found or ()] == [8, 3, 11]


async def test_a_selection_grows_from_a_value_to_its_layer(talk: Conversation) -> None:
    text, at = marked(GRAPH.replace("nb_filter: 4", "nb_filter: ¦4"))
    uri = await talk.open(text)
    found = await talk.client.text_document_selection_range_async(
        types.SelectionRangeParams(types.TextDocumentIdentifier(uri), [at])
    )
    assert found is not None
    chosen: types.SelectionRange | None = found[0]
    texts = []
    while chosen is not None:
        start, end = chosen.range.start, chosen.range.end
        line = text.split("\n")[start.line]
        if start.line == end.line:
            texts.append(line[start.character : end.character])
        chosen = chosen.parent
    assert texts == ["4", text.split("\n")[5].removeprefix("  - ")]
