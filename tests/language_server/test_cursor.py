"""What is being written at a place, in texts that need not be complete."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from speccompiler.language_server.completion import completions_at
from speccompiler.language_server.cursor import cursor_at
from speccompiler.language_server.loose_reader import read_loosely
from speccompiler.language_server.loose_tree import Loose, LooseList, LooseMap, LooseText

HEAD = "convspec: 1\nlayers:\n"


@pytest.mark.parametrize(
    ("text", "kind", "steps", "prefix", "siblings"),
    [
        ("con¦", "key", (), "con", {}),
        ("¦\nlayers: []", "key", (), "", {"layers": ""}),
        (f"{HEAD}  - {{type: Conv¦}}", "value", ("layers", 0, "type"), "Conv", {}),
        (
            f"{HEAD}  - {{type: Conv¦\n  - {{type: Flatten}}",
            "value",
            ("layers", 0, "type"),
            "Conv",
            {},
        ),
        (
            f"{HEAD}  - {{type: Dense, |¦, bias: true}}".replace("|", ""),
            "key",
            ("layers", 0),
            "",
            {"type": "Dense", "bias": "true"},
        ),
        (
            f"{HEAD}  - type: Dense\n    ¦\n  - type: Flatten",
            "key",
            ("layers", 0),
            "",
            {"type": "Dense"},
        ),
        (
            f"{HEAD}  - type: Dense\n    out¦\n    bias: true",
            "key",
            ("layers", 0),
            "out",
            {"type": "Dense", "bias": "true"},
        ),
        (
            f"{HEAD}- type: Dense\n  activation: re¦\n- type: Flatten",
            "value",
            ("layers", 0, "activation"),
            "re",
            {"type": "Dense"},
        ),
        (f"{HEAD}  - ¦\n  - type: Flatten", "item", ("layers", 0), "", {}),
        (f"{HEAD}  ¦", "value", ("layers",), "", {"convspec": "1"}),
        (f"{HEAD}  - type: Merge\n    inputs: [a, ¦]", "item", ("layers", 0, "inputs", 1), "", {}),
        (
            f"{HEAD}  - type: Merge\n    inputs:\n      - a\n      - b¦",
            "item",
            ("layers", 0, "inputs", 1),
            "b",
            {},
        ),
        (
            f"{HEAD}  - {{type: Dense, init: {{name: ¦}}}}",
            "value",
            ("layers", 0, "init", "name"),
            "",
            {},
        ),
        (
            f"{HEAD}  - type: TimeDistributed\n    layer: {{type: Dense, ¦}}",
            "key",
            ("layers", 0, "layer"),
            "",
            {"type": "Dense"},
        ),
        (
            '{"convspec": 1, "layers": [{"type": "Conv¦"}]}',
            "value",
            ("layers", 0, "type"),
            "Conv",
            {},
        ),
        (
            '{"layers": [\n  {"type": "Dense", "¦"},\n  {"type": "Flatten"}]}',
            "key",
            ("layers", 0),
            "",
            {"type": "Dense"},
        ),
        (
            '{"layers": [\n  {"type": "Dense", ¦\n  {"type": "Flatten"}]}',
            "key",
            ("layers", 0),
            "",
            {"type": "Dense"},
        ),
        (
            "layers:\r\n  - {type: Dense,\r\n     o¦,\r\n     bias: true}\r\n",
            "key",
            ("layers", 0),
            "o",
            {"type": "Dense", "bias": "true"},
        ),
        (
            "# note\nname: 'it''s'\nlayers:\n  - type: D¦  # a layer",
            "value",
            ("layers", 0, "type"),
            "D",
            {},
        ),
        (
            'layers:\n  - type: Activation\n    activation: {expr: "where(x > 0, x, ¦)"}',
            "value",
            ("layers", 0, "activation", "expr"),
            "where(x > 0, x, ",
            {},
        ),
    ],
)
def test_the_word_at_the_cursor(
    text: str, kind: str, steps: tuple, prefix: str, siblings: dict[str, str]
) -> None:
    offset = text.index("¦")
    found = cursor_at(text.replace("¦", ""), offset)
    assert found is not None
    assert (found.kind, found.steps, found.prefix) == (kind, steps, prefix)
    assert found.siblings == siblings


@pytest.mark.parametrize("text", ["", "# a comm¦ent", f"{HEAD}  - {{type: Dense}}  # a ¦"])
def test_there_is_no_word_in_a_comment(text: str) -> None:
    offset = text.find("¦")
    found = cursor_at(text.replace("¦", ""), max(offset, 0))
    assert found is None or text == ""


def plain(node: Loose | None) -> object:
    """The tree as PyYAML has it where every value is a text."""
    if isinstance(node, LooseMap):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, LooseList):
        return [plain(item) for item in node.items]
    assert isinstance(node, LooseText | None)
    return "" if node is None else node.text


NO_ANCHORS = [p for p in sorted(Path("examples/specs").glob("*.yaml")) if "&" not in p.read_text()]


@pytest.mark.parametrize("path", NO_ANCHORS, ids=lambda p: p.name)
def test_what_is_complete_is_read_as_yaml_has_it(path: Path) -> None:
    text = path.read_text()
    whole = yaml.load(text, yaml.BaseLoader)
    found = plain(read_loosely(text))
    assert isinstance(found, dict)
    assert [
        {k: v for k, v in layer.items() if isinstance(v, str) and "\n" not in v}
        for layer in found.get("layers", [])
    ] == [
        {k: v for k, v in layer.items() if isinstance(v, str) and "\n" not in v}
        for layer in whole.get("layers", [])
    ]
    assert found.keys() == whole.keys()


def test_no_text_is_too_broken() -> None:
    choose = random.Random(3)
    texts = [p.read_text()[:3000] for p in sorted(Path("examples/specs").glob("*.[yj]*"))]
    signs = "{}[]:,\"'#- \n\t&*|>!%@\\\ue000"
    for _ in range(400):
        text = choose.choice(texts)
        at = choose.randrange(len(text))
        cut = choose.randrange(0, 12)
        broken = text[:at] + "".join(choose.choices(signs, k=3)) + text[at + cut :]
        for offset in (at, at + 3, choose.randrange(len(broken))):
            completions_at(broken, offset)
        completions_at(text[:at], at)


def test_deep_texts_end() -> None:
    for text in (
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "\n".join(" " * n + "a:" for n in range(500)),
    ):
        cursor_at(text, len(text))
