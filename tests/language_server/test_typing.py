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


async def test_hints_of_a_part_are_those_of_its_lines(talk: Conversation) -> None:
    uri = await talk.open(LENET)
    part = types.Range(types.Position(5, 0), types.Position(6, 0))
    found = await talk.client.text_document_inlay_hint_async(
        types.InlayHintParams(types.TextDocumentIdentifier(uri), part)
    )
    assert found is not None
    assert [hint.label for hint in found] == ["→ (N, 12, 12, 6)", "→ (N, 8, 8, 16)"]


async def test_a_mistake_is_found_at_its_place_and_what_is_before_it_has_shapes(
    talk: Conversation,
) -> None:
    uri = await talk.open(LENET.replace("nb_filter: 16", "nb_filtr: 16"))
    (needs, unknown) = talk.findings(uri)
    assert str(needs.code) == "CS021"
    assert unknown == types.Diagnostic(
        types.Range(types.Position(8, 4), types.Position(8, 12)),
        "Convolution2D has no argument 'nb_filtr'\ndid you mean 'nb_filter'?",
        types.DiagnosticSeverity.Error,
        "CS022",
        source="convspec",
    )
    assert await talk.hints(uri) == {line: SHAPES[line] for line in (4, 5)}


async def test_a_mistake_that_changes_no_shape_hides_none(talk: Conversation) -> None:
    uri = await talk.open(LENET.replace("tanh", "tahn"))
    assert talk.codes(uri) == ["CS023"]
    assert await talk.hints(uri) == SHAPES


async def test_a_layer_that_does_not_fit_is_told_and_the_rest_before_it_known(
    talk: Conversation,
) -> None:
    uri = await talk.open(LENET.replace("nb_row: 5\n", "nb_row: 50\n"))
    assert talk.codes(uri) == ["CS044"]
    assert await talk.hints(uri) == {line: SHAPES[line] for line in (4, 5)}


async def test_a_text_that_cannot_be_read_keeps_the_hints_where_their_lines_are(
    talk: Conversation,
) -> None:
    uri = await talk.open(LENET)
    line = types.Range(types.Position(5, 0), types.Position(5, 0))
    await talk.change(uri, 2, (line, "  - {type: Dropout, p:: [\n"))
    assert talk.codes(uri) == ["CS003"]
    assert await talk.hints(uri) == {
        4: SHAPES[4],
        **{n + 1: SHAPES[n] for n in SHAPES if n > 4},
    }
    new = types.Range(types.Position(5, 0), types.Position(6, 0))
    await talk.change(uri, 3, (new, "  - {type: Dropout, p: 0.5}\n"))
    assert talk.findings(uri) == []
    assert (await talk.hints(uri))[5] == "→ (N, 24, 24, 6)"


async def test_a_text_that_was_never_readable_has_the_shapes_of_its_beginning(
    talk: Conversation,
) -> None:
    uri = await talk.open(LENET.replace("{type: Flatten}", "{type: Flatten"))
    assert talk.codes(uri) == ["CS003"]
    assert await talk.hints(uri) == {line: SHAPES[line] for line in (4, 5, 6)}


JSON = """{
  "convspec": 1,
  "input_shape": [3, 8, 8],
  "layers": [
    {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3},
    {"type": "MaxPooling2D"},
    {
      "type": "Dense",
      "output_dim": 5
    }
  ]
}
"""


async def test_json_has_findings_and_hints_as_well(talk: Conversation) -> None:
    uri = await talk.open(JSON.replace('"Dense"', '"Flatten"').replace("output_dim", "x"), "m.json")
    assert talk.codes(uri) == ["CS022"]
    hints = {4: "→ (N, 4, 6, 6)", 5: "→ (N, 4, 3, 3)", 7: "→ (N, 36)"}
    assert await talk.hints(uri) == hints
    await talk.change(uri, 2, JSON.replace("5\n", ""))
    assert talk.codes(uri) == ["CS003"]
    # The last layer's lines have changed, or come behind what has.
    assert await talk.hints(uri) == {line: hints[line] for line in (4, 5)}


async def test_json_that_was_never_readable_has_the_shapes_of_its_beginning(
    talk: Conversation,
) -> None:
    uri = await talk.open(JSON.replace("5\n", ""), "m.json")
    assert await talk.hints(uri) == {4: "→ (N, 4, 6, 6)", 5: "→ (N, 4, 3, 3)"}


async def test_layers_on_one_line_have_their_hints_behind_them(talk: Conversation) -> None:
    text = (
        '{"convspec": 1, "input_shape": [4], "layers": [{"type": "Flatten"}, {"type": "Flatten"}]}'
    )
    uri = await talk.open(text, "m.json")
    found = await talk.client.text_document_inlay_hint_async(
        types.InlayHintParams(
            types.TextDocumentIdentifier(uri),
            types.Range(types.Position(0, 0), types.Position(1, 0)),
        )
    )
    assert found is not None
    ends = [text.index("}") + 1, text.index("}]}") + 1]
    assert [hint.position.character for hint in found] == ends
    assert {hint.label for hint in found} == {"→ (N, 4)"}


KERAS = """{"class_name": "Sequential", "keras_version": "1.2.2", "config": [
  {"class_name": "Convolution2D",
   "config": {"name": "a", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf",
              "batch_input_shape": [null, 8, 8, 1]}},
  {"class_name": "Flatten", "config": {"name": "b"}}
]}
"""


async def test_a_file_that_keras_wrote_is_a_spec_too(talk: Conversation) -> None:
    uri = await talk.open(KERAS, "model.json")
    (undecided,) = talk.findings(uri)
    assert str(undecided.code) == "CS050"
    assert undecided.severity == types.DiagnosticSeverity.Warning
    assert await talk.hints(uri) == {1: "→ (N, 6, 6, 4)", 4: "→ (N, 144)"}


@pytest.mark.parametrize("text", ["a: 1\nb: [2", "services:\n  web: {}\n", "- 1\n", ""])
async def test_other_files_are_left_alone(talk: Conversation, text: str) -> None:
    uri = await talk.open(text, "compose.yaml")
    assert uri not in talk.client.diagnostics
    assert await talk.hints(uri) == {}
    assert await talk.hover(uri, types.Position(0, 0)) is None


async def test_a_file_becomes_a_spec_when_it_says_so(talk: Conversation) -> None:
    uri = await talk.open("layers: []\n")
    assert uri not in talk.client.diagnostics
    await talk.change(uri, 2, "convspec: 1\nlayers: []\n")
    assert talk.codes(uri) == ["CS035"]
    await talk.change(uri, 3, "layers: []\n")
    assert talk.findings(uri) == []


async def test_columns_behind_a_face_are_counted_in_code_units(talk: Conversation) -> None:
    text = LENET.replace("name: c1", "name: '😀c1'").replace("tanh", "tahn")
    uri = await talk.open(text)
    (found,) = talk.findings(uri)
    line = text.split("\n")[4]
    at = line.index("tahn") + 1
    assert found.range == types.Range(types.Position(4, at), types.Position(4, at + 4))
    # An edit behind it, as an editor counts.
    await talk.change(uri, 2, (found.range, "tanh"))
    assert talk.findings(uri) == []


async def test_several_edits_at_once_are_made_one_after_the_other(talk: Conversation) -> None:
    uri = await talk.open(LENET)
    start = types.Position(4, 0)
    await talk.change(
        uri,
        2,
        (types.Range(start, start), "  - {type: Flaten}\n"),
        (types.Range(types.Position(4, 11), types.Position(4, 17)), "Flatten"),
    )
    assert (await talk.hints(uri))[4] == "→ (N, 784)"


async def test_closing_a_file_clears_its_findings(talk: Conversation) -> None:
    uri = await talk.open(LENET.replace("tanh", "tahn"))
    assert talk.codes(uri) == ["CS023"]
    identifier = types.TextDocumentIdentifier(uri)
    talk.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
    await talk.settled()
    assert talk.findings(uri) == []
    assert await talk.hints(uri) == {}


async def test_weights_are_looked_for_beside_the_file_even_unsaved(talk: Conversation) -> None:
    uri = await talk.open(LENET.replace("layers:", "weights: w.npz\nlayers:"))
    (found,) = talk.findings(uri)
    assert str(found.code) == "CS100"
    assert found.range.start == types.Position(3, 9)
    untitled = await talk.open_as(LENET, "untitled:Untitled-1", "yaml")
    assert talk.findings(untitled) == []
    assert await talk.hints(untitled) == SHAPES


async def test_what_has_no_effect_fades(talk: Conversation) -> None:
    uri = await talk.open(LENET.replace("input_shape", "name: a\nname: b\ninput_shape"))
    (found,) = talk.findings(uri)
    assert str(found.code) == "CS004"
    assert list(found.tags or ()) == [types.DiagnosticTag.Unnecessary]


async def test_a_model_of_another_file_is_told_where_it_is_named(talk: Conversation) -> None:
    text = "convspec: 1\nmodel: old.json\nsemantics: theano\n"
    uri = await talk.open(text)
    (found,) = talk.findings(uri)
    assert str(found.code) == "CS001"
    assert found.range.start == types.Position(1, 7)
    inner = talk.folder / str(talk.count) / "old.json"
    inner.write_text(KERAS.replace('"Flatten"', '"Flaten"'))
    identifier = types.TextDocumentIdentifier(uri)
    talk.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
    await talk.settled()
    (found,) = talk.findings(uri)
    assert found.message == (
        f"{inner}:5:18: unknown layer type 'Flaten'\ndid you mean 'Flatten'?; or say what "
        'it computes, as an expression or as layers, for example --replace b="x / 127.5 - 1"'
    )
    assert found.range == types.Range(types.Position(1, 7), types.Position(1, 15))


async def test_a_project_decides_what_is_reported(talk: Conversation) -> None:
    text = LENET.replace("tanh", "tahn")
    uri = await talk.open(text)
    settings = talk.folder / str(talk.count) / "convspec.toml"
    settings.write_text('[severity]\nCS023 = "warning"\n')
    identifier = types.TextDocumentIdentifier(uri)
    talk.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
    await talk.settled()
    assert [found.severity for found in talk.findings(uri)] == [types.DiagnosticSeverity.Warning]
    settings.write_text("[severity\n")
    talk.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
    await talk.settled()
    assert [found.severity for found in talk.findings(uri)] == [types.DiagnosticSeverity.Error]
    assert "error CS160: this is not TOML: " in talk.client.log_messages[-1].message


async def test_a_comment_ignores_a_finding(talk: Conversation) -> None:
    text = LENET.replace("activation: tanh}", "activation: tahn}  # convspec: ignore[CS023]")
    uri = await talk.open(text)
    assert talk.findings(uri) == []


async def test_a_budget_is_held_while_typing(talk: Conversation) -> None:
    uri = await talk.open(LENET.replace("layers:", "budget: {parameters: 12000}\nlayers:"))
    assert talk.codes(uri) == ["CS085"]


async def test_settings_of_the_editor_decide_what_a_file_leaves_open(talk: Conversation) -> None:
    uri = await talk.open(KERAS, "model.json")
    assert talk.codes(uri) == ["CS050"]
    settings = {"convspec": {"semantics": "theano"}}
    talk.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await talk.settled()
    assert talk.findings(uri) == []
    wrong = {"semantics": "torch", "ordering": "tf"}
    talk.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(wrong))
    await talk.settled()
    assert talk.codes(uri) == ["CS050"]
    said = [message.message for message in talk.client.log_messages[-2:]]
    assert said == [
        "convspec: 'semantics' is 'torch'; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8",
        "convspec: no setting 'ordering'; did you mean 'dim_ordering'?",
    ]
