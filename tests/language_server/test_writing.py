"""What an editor offers while a spec is written: completions, hovers, fixes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lsprotocol import types

from speccompiler.schemas.registry import LAYERS
from tests.language_server.conversation import Conversation, applied, marked

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = "convspec: 1\ndim_ordering: tf\ninput_shape: [28, 28, 1]\nlayers:\n"


def labels(found: list[types.CompletionItem]) -> list[str]:
    return [item.label for item in sorted(found, key=lambda item: item.sort_text or "")]


def news(found: list[types.CompletionItem]) -> list[str]:
    edits = [item.text_edit for item in found]
    return [edit.new_text for edit in edits if edit is not None]


async def test_types(talk: Conversation) -> None:
    found = await talk.completion(f"{HEAD}  - {{type: ¦}}\n")
    assert set(labels(found)) == {*LAYERS, "Shared"}
    found = await talk.completion(f"{HEAD}  - {{type: maxp¦}}\n")
    pools = ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]
    assert labels(found) == [*pools, *(f"Global{pool}" for pool in pools)]
    assert found[1].detail == "Largest value of each window of an image."
    assert found[1].text_edit == types.TextEdit(
        types.Range(types.Position(4, 11), types.Position(4, 15)), "MaxPooling2D"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}  - {{type: Dense, ¦}}\n",
        f"{HEAD}  - {{type: Dense, ¦\n  - {{type: Flatten}}\n",
        f"{HEAD}  - type: Dense\n    ¦\n",
        f"{HEAD}  - type: Dense\n    ¦\n  - type: Flatten\n",
        f"{HEAD}  - ¦\n    type: Dense\n",
    ],
)
async def test_arguments_those_that_are_needed_first(talk: Conversation, text: str) -> None:
    found = await talk.completion(text)
    assert labels(found)[:4] == ["output_dim", "init", "activation", "weights"]
    assert labels(found)[-6:] == [
        "name", "trainable", "input_shape", "batch_input_shape", "input_dtype", "inputs",
    ]  # fmt: skip
    assert "type" not in labels(found)
    first = found[0]
    assert (first.detail, news(found)[0]) == ("required", "output_dim: ${1}")
    assert first.insert_text_format == types.InsertTextFormat.Snippet


async def test_arguments_that_are_there_are_not_offered(talk: Conversation) -> None:
    found = await talk.completion(
        f"{HEAD}  - {{type: Convolution2D, nb_row: 3, nb_¦, name: a, activation: relu}}\n"
    )
    assert labels(found) == ["nb_filter", "nb_col"]


async def test_a_word_that_is_rewritten_keeps_its_colon(talk: Conversation) -> None:
    text = f"{HEAD}  - {{type: Dense, out¦put: 3}}\n"
    found = await talk.completion(text)
    assert news(found) == ["output_dim"]
    edit = found[0].text_edit
    assert isinstance(edit, types.TextEdit)
    assert applied(text.replace("¦", ""), [edit]) == f"{HEAD}  - {{type: Dense, output_dim: 3}}\n"


@pytest.mark.parametrize(
    ("layer", "values"),
    [
        ("{type: Convolution2D, border_mode: ¦}", ["valid", "same", "full"]),
        (
            "{type: Dense, activation: soft¦}",
            ["softplus", "softsign", "softmax", "softmax_last", "log_softmax"],
        ),
        ("{type: Dense, bias: ¦}", ["true", "false"]),
        ("{type: Dense, init: orth¦}", ["orthogonal"]),
        ("{type: Dense, init: {name: ¦}}", ["uniform", "normal", "orthogonal", "identity"]),
        ("{type: Dense, activation: {¦}}", ["expr"]),
        (
            "{type: TimeDistributed, layer: {type: Dense, activation: re¦}}",
            ["relu", "relu6", "leaky_relu"],
        ),
    ],
)
async def test_values(talk: Conversation, layer: str, values: list[str]) -> None:
    found = await talk.completion(f"{HEAD}  - {layer}\n  - {{type: Flatten}}\n")
    assert labels(found) == values


async def test_the_default_says_so(talk: Conversation) -> None:
    found = await talk.completion(f"{HEAD}  - {{type: Convolution2D, border_mode: ¦}}\n")
    assert [item.detail for item in found] == ["default", None, None]


NAMES = f"""{HEAD.replace("input_shape: [28, 28, 1]", "inputs: {a: [4], b: [4]}")}\
  - {{type: Dense, output_dim: 4, inputs: a}}
  - {{type: Dense, name: second, output_dim: 4, inputs: b}}
"""


@pytest.mark.parametrize(
    ("rest", "names"),
    [
        ("  - {type: Merge, inputs: [second, ¦]}\n  - {type: Flatten}\n",
         ["dense_1", "b", "a", "flatten_1"]),
        ("  - type: Merge\n    inputs:\n      - second\n      - ¦\n", ["dense_1", "b", "a"]),
        ("  - {type: Flatten, inputs: ¦\n", ["second", "dense_1", "b", "a"]),
        ("  - {type: Shared, layer: ¦}\n", ["second", "dense_1"]),
    ],
)  # fmt: skip
async def test_names_of_layers_the_nearest_first(
    talk: Conversation, rest: str, names: list[str]
) -> None:
    assert labels(await talk.completion(NAMES + rest)) == names


async def test_names_for_outputs(talk: Conversation) -> None:
    found = await talk.completion(NAMES.replace("layers:", "outputs: [¦]\nlayers:"))
    assert labels(found) == ["second", "dense_1", "b", "a"]


async def test_files(talk: Conversation) -> None:
    text, at = marked(f"weights: ¦\n{HEAD}  - {{type: Flatten}}\n")
    uri = await talk.open(text)
    folder = talk.folder / str(talk.count)
    for name in ("w.npz", "deep/er/k.npy", "notes.txt", ".hidden.npy", "a/b/c/d.npy"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    found = await talk.client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(uri), at)
    )
    assert isinstance(found, types.CompletionList)
    assert labels(list(found.items)) == ["w.npz", "deep/er/k.npy"]


@pytest.mark.parametrize(
    ("text", "first", "new"),
    [
        ("¦", "convspec", "convspec: 1"),
        ("convspec: 1\n¦", "layers", "layers:\n  - type: ${1}"),
        ("convspec: 1\nsem¦\nlayers: []\n", "semantics", "semantics: ${1}"),
        ("convspec: 1\nsemantics: {ker¦}\nlayers: []\n", "kernel", "kernel: ${1}"),
        ("convspec: 1\nsemantics: the¦\nlayers: []\n", "theano", "theano"),
        ('{"convspec": 1, ¦}', "layers", '"layers": [{"type": "${1}"}]'),
        ('{"convspec": 1, "dim_ordering": "¦"}', "th", "th"),
        ('{"convspec": 1, "dim_ordering": ¦}', "th", '"th"'),
    ],
)
async def test_keys_of_the_model(talk: Conversation, text: str, first: str, new: str) -> None:
    found = await talk.completion(text, "m.json" if text.startswith("{") else "m.yaml")
    assert (labels(found)[0], news(found)[0]) == (first, new)


@pytest.mark.parametrize(
    ("layer", "new"),
    [
        ('{"type": "Den¦"}', "Dense"),
        ('{"type": Den¦}', '"Dense"'),
        ('{"type": "Dense", ou¦}', '"output_dim": ${1}'),
        ('{"type": "Dense", "ou¦"}', "output_dim"),
        ('{"type": "Dense", "activation": ¦}', '"linear"'),
        ('{"type": "Dense", "bias": ¦}', "true"),
        ('{"type": "Dense", na¦}', '"name": "${1}"'),
    ],
)
async def test_json(talk: Conversation, layer: str, new: str) -> None:
    text = f'{{"convspec": 1, "layers": [\n  {{"type": "Flatten"}},\n  {layer}\n]}}\n'
    assert news(await talk.completion(text, "m.json"))[0] == new


async def test_a_file_that_keras_wrote(talk: Conversation) -> None:
    text = '{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {%s}}]}'
    found = await talk.completion(text % '"name": "a", "activation": "sig¦"', "m.json")
    assert labels(found) == ["sigmoid", "softsign", "hard_sigmoid"]
    found = await talk.completion(text % '"name": "a", ¦', "m.json")
    assert labels(found)[0] == "output_dim"
    assert not {"name", "inputs"} & set(labels(found))
    found = await talk.completion(text.replace('"Dense"', '"¦"') % "", "m.json")
    assert {"Dense"} < set(labels(found))
    assert not {"Shared", "Slice"} & set(labels(found))


async def test_a_new_layer_comes_with_what_it_needs(talk: Conversation) -> None:
    for text in (f"{HEAD}  - ¦\n", f"{HEAD}  - Conv¦\n  - {{type: Flatten}}\n"):
        found = await talk.completion(text)
        assert "{type: Convolution2D, nb_filter: ${1}, nb_row: ${2}, nb_col: ${3}}" in news(found)
    found = await talk.completion('{"layers": [{"type": "Flatten"}, ¦]}', "m.json")
    assert '{"type": "Dense", "output_dim": ${1}}' in news(found)


@pytest.mark.parametrize(
    ("text", "new"),
    [
        # The key of a layer that gets a line for each argument, before the whole layers.
        ("layers:\n  - ¦", "type: ${1}"),
        ("layers:\n  - ty¦", "type: ${1}"),
        # An item without its dash gets it, where the other dashes stand.
        ("layers:\n  - {type: Flatten}\n  ¦", "- type: ${1}"),
        ("layers:\n  - type: Flatten\n  Dens¦\n", "- {type: Dense, output_dim: ${1}}"),
        (
            "inputs: {a: [1], b: [1]}\nlayers:\n  - type: Merge\n    inputs:\n      - a\n      ¦",
            "- b",
        ),
        # Where the dashes of layers stand at the margin, keys of the model do too.
        ("layers:\n- {type: Flatten}\n¦", "name: ${1}"),
        # What belongs to a key and stands below it.
        ("layers:\n  - type: TimeDistributed\n    layer:\n      ¦", "type: ${1}"),
        ("layers:\n  - type: Dense\n    W_regularizer:\n      ¦", "name: ${1}"),
        ("budget:\n  ¦", "parameters: ${1}"),
    ],
)
async def test_a_line_of_its_own(talk: Conversation, text: str, new: str) -> None:
    assert news(await talk.completion(f"convspec: 1\n{text}"))[0] == new


@pytest.mark.parametrize("text", ["layers: ¦", "layers:\n  - {type: Flatten}\n   ¦"])
async def test_no_layer_is_offered_where_none_can_stand(talk: Conversation, text: str) -> None:
    assert news(await talk.completion(f"convspec: 1\n{text}")) == []


HOVERED = f"""{HEAD}\
  - {{type: Convolution2D, name: c1, nb_filter: 6, nb_row: 5, nb_col: 5, border_mode: sam}}
  - {{type: Flatten, inputs: c1}}
  - {{type: Dense, activation: {{expr: x}}}}
"""


async def hovered(talk: Conversation, old: str, new: str) -> str | None:
    text, at = marked(HOVERED.replace(old, new))
    return await talk.hover(await talk.open(text), at)


async def test_hover_of_an_argument(talk: Conversation) -> None:
    found = await hovered(talk, "border_mode: sam", "border¦_mode: sam")
    assert found == (
        "**border_mode**: name\n\n"
        "'valid' pads nothing, 'same' gives ceil(length / stride), 'full' pads kernel - 1 on "
        "both sides.\n\ndefault: `valid`\n\nallowed: `valid`, `same`, `full`"
    )
    found = await hovered(talk, "{expr: x}", "{ex¦pr: x}")
    assert found is not None
    assert found.startswith("**expr**: text\n\nAn expression in x: numbers, + - * / **, ")


async def test_hover_of_a_type_has_shape_and_cost(talk: Conversation) -> None:
    text, at = marked(HOVERED.replace("sam}", "same}").replace("Convolution2D", "Conv¦olution2D"))
    found = await talk.hover(await talk.open(text), at)
    assert found == (
        "**c1** (Convolution2D)\n\n- output shape: (N, 28, 28, 6)\n- parameters: 156\n"
        "- multiply-adds: 118 k\n- activations: 18.4 KiB\n- receptive field: 5x5\n- stride: 1\n"
        "- `W`: (5, 5, 1, 6)\n- `b`: (6,)\n\n---\n\n**Convolution2D**\n\n"
        "Convolution over rows and columns of an image.\n\narguments: nb_filter, nb_row, nb_col, "
        "init, activation, weights, border_mode, subsample, atrous_rate, groups, dim_ordering, "
        "kernel_ordering, W_regularizer, b_regularizer, activity_regularizer, W_constraint, "
        "b_constraint, bias, inputs"
    )
    found = await hovered(talk, "Convolution2D", "Conv¦olution2D")
    assert found is not None
    assert found.startswith(
        "**c1** (Convolution2D)\n\nits shape is not known while there are mistakes in front of "
        "it\n\n---\n\n**Convolution2D**"
    )


async def test_hover_of_a_name_that_is_read_tells_of_that_layer(talk: Conversation) -> None:
    text, at = marked(HOVERED.replace("sam}", "same}").replace("inputs: c1", "inputs: c¦1"))
    found = await talk.hover(await talk.open(text), at)
    assert found is not None
    assert found.startswith("**c1** (Convolution2D)\n\n- output shape: (N, 28, 28, 6)")


async def test_hover_of_a_finding_explains_it(talk: Conversation) -> None:
    found = await hovered(talk, "border_mode: sam", "border_mode: s¦am")
    assert found is not None
    assert found.endswith(
        "---\n\n**CS023: value not allowed**\n\nThe argument takes one of a few values, and this "
        "is none of them.\n\n*What to do:* Choose one of the values listed."
    )


async def test_hover_of_a_key_of_the_model(talk: Conversation) -> None:
    found = await hovered(talk, "input_shape", "input_¦shape")
    assert found == (
        "**input_shape**: list\n\nShape of one sample, without the batch axis; null leaves a "
        "length open."
    )
    assert await hovered(talk, "convspec: 1", "convspec:¦ 1") is None


async def test_hover_in_json_and_in_a_file_that_keras_wrote(talk: Conversation) -> None:
    text, at = marked(
        '{"class_name": "Sequential", "config": [\n  {"class_name": "Dense", "config": '
        '{"name": "d", "output_¦dim": 3, "batch_input_shape": [null, 4]}}]}'
    )
    found = await talk.hover(await talk.open(text, "m.json"), at)
    assert found is not None
    assert found.startswith("**output_dim**: whole number")
    text, at = marked(text.replace('"Dense"', '"Den¦se"'))
    found = await talk.hover(await talk.open(text, "m.json"), at)
    assert found is not None
    assert found.startswith("**d** (Dense)\n\n- output shape: (N, 3)\n- parameters: 15")


async def actions(
    talk: Conversation, uri: str, line: int, *only: types.CodeActionKind
) -> list[types.CodeAction]:
    where = types.Range(types.Position(line, 0), types.Position(line, 0))
    context = types.CodeActionContext([], only=list(only) or None)
    found = await talk.client.text_document_code_action_async(
        types.CodeActionParams(types.TextDocumentIdentifier(uri), where, context)
    )
    return [one for one in found or () if isinstance(one, types.CodeAction)]


def made(uri: str, text: str, action: types.CodeAction) -> str:
    assert action.edit is not None
    assert action.edit.changes is not None
    return applied(text, list(action.edit.changes[uri]))


async def test_a_comment_ignores_a_finding_from_then_on(talk: Conversation) -> None:
    text = HEAD + "  - {type: Dense, output_dim: 3, activation: rleu}\n"
    for before, after in (
        (text, text.replace("}\n", "}  # convspec: ignore[CS023]\n")),
        (
            text.replace("}\n", "}  # why\n"),
            text.replace("  - {", "  # convspec: ignore[CS023]\n  - {").replace(
                "}\n", "}  # why\n"
            ),
        ),
        (
            text.replace("}\n", "}  # convspec: ignore[CS022]\n"),
            text.replace("}\n", "}  # convspec: ignore[CS022, CS023]\n"),
        ),
    ):
        uri = await talk.open(before)
        assert "CS023" in talk.codes(uri)
        found = [a for a in await actions(talk, uri, 4) if a.title.startswith("ignore CS023")]
        assert [one.title for one in found] == ["ignore CS023 on this line"]
        assert made(uri, before, found[0]) == after
        await talk.change(uri, 2, after)
        assert "CS023" not in talk.codes(uri)
    assert await actions(talk, uri, 0) == []


async def test_json_has_no_comments_to_ignore_by(talk: Conversation) -> None:
    uri = await talk.open('{"convspec": 1, "layers": [{"type": "Flaten"}]}', "m.json")
    assert not [a for a in await actions(talk, uri, 0) if a.title.startswith("ignore")]


WRONG = f"""{HEAD}\
  - {{type: Convolution2D, nb_filtr: 6, nb_row: '5', nb_col: 5}}   # 😀
  - {{type: Flaten}}
"""
RIGHT = f"""{HEAD}\
  - {{type: Convolution2D, nb_filter: 6, nb_row: 5, nb_col: 5}}   # 😀
  - {{type: Flatten}}
"""


async def test_a_fix_of_one_finding(talk: Conversation) -> None:
    uri = await talk.open(WRONG)
    found = await actions(talk, uri, 5, types.CodeActionKind.QuickFix)
    assert [(one.title, one.is_preferred) for one in found] == [
        ("write Flatten", True),
        ("ignore CS027 on this line", False),
    ]
    assert [str(one.code) for one in found[0].diagnostics or ()] == ["CS027"]
    assert made(uri, WRONG, found[0]) == WRONG.replace("Flaten", "Flatten")


async def test_two_findings_of_a_line_are_ignored_once(talk: Conversation) -> None:
    wrong = "{type: Convolution2D, nb_filter: 1, nb_row: 3, nb_col: 3, init: a, activation: b}"
    uri = await talk.open(f"{HEAD}  - {wrong}\n")
    found = await actions(talk, uri, 4)
    assert [one.title for one in found] == ["ignore CS023 on this line"]
    assert [str(one.code) for one in found[0].diagnostics or ()] == ["CS023", "CS023"]


@pytest.mark.parametrize("kind", [types.CodeActionKind.SourceFixAll, types.CodeActionKind.Source])
async def test_all_safe_fixes_at_once(talk: Conversation, kind: types.CodeActionKind) -> None:
    uri = await talk.open(WRONG)
    (found,) = await actions(talk, uri, 0, kind)
    assert found.title == "apply every safe fix of convspec"
    assert made(uri, WRONG, found) == RIGHT
    await talk.change(uri, 2, RIGHT)
    assert talk.findings(uri) == []
    assert await actions(talk, uri, 0, kind) == []


async def test_fixes_in_json(talk: Conversation) -> None:
    text = '{"convspec": 1, "input_shape": [2], "layers": [\n  {"type": "Flaten"}\n]}\n'
    uri = await talk.open(text, "m.json")
    found = await actions(talk, uri, 1, types.CodeActionKind.QuickFix)
    assert [made(uri, text, one) for one in found] == [text.replace("Flaten", "Flatten")]


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web: {}\n¦",
        "name: CI\non: ¦\n",
        "- name: ¦\n",
        '{"a": 1, ¦}',
        "on: push\n¦\njobs: {}",
    ],
)
async def test_other_files_are_not_completed(talk: Conversation, text: str) -> None:
    assert await talk.completion(text, "m.json" if text.startswith("{") else "m.yaml") == []


async def test_a_file_may_become_a_spec(talk: Conversation) -> None:
    found = await talk.completion("name: a\nc¦\nlayers:\n  - {type: Flatten}\n")
    assert labels(found)[0] == "convspec"


UGLY = f"""{HEAD}\
  # the first 😀
  - type:   Flatten
    trainable: true

  - {{output_dim: 3, type: Dense}}   # turned
"""


async def layout(talk: Conversation, text: str, name: str) -> tuple[str, list[types.TextEdit]]:
    uri = await talk.open(text, name)
    found = await talk.client.text_document_formatting_async(
        types.DocumentFormattingParams(
            types.TextDocumentIdentifier(uri), types.FormattingOptions(2, True)
        )
    )
    return applied(text, list(found or ())), list(found or ())


async def test_formatting_lays_out_as_the_command_does(talk: Conversation, tmp_path: Path) -> None:
    text, edits = await layout(talk, UGLY, "m.yaml")
    (tmp_path / "m.yaml").write_text(UGLY)
    command = [sys.executable, "-m", "speccompiler", "fmt", "--isolated", str(tmp_path / "m.yaml")]
    subprocess.run(command, check=True, capture_output=True)
    assert text == (tmp_path / "m.yaml").read_text()
    assert text != UGLY
    # Lines that stay as they are are in no edit.
    assert min(edit.range.start.line for edit in edits) == 5
    assert (await layout(talk, text, "m.yaml"))[1] == []


async def test_formatting_of_json(talk: Conversation) -> None:
    ugly = '{"convspec":1,"input_shape":[2],\n"layers":[{"type":"Flatten"}]}'
    text, _ = await layout(talk, ugly, "m.json")
    assert json.loads(text) == json.loads(ugly)
    assert '{"type": "Flatten"}' in text


async def test_what_cannot_be_read_is_not_formatted(talk: Conversation) -> None:
    assert (await layout(talk, UGLY.replace("{output", "{{output"), "m.yaml"))[1] == []
    keras = '{"class_name": "Sequential",   "config": []}'
    assert (await layout(talk, keras, "m.json"))[1] == []
