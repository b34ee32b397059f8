"""The shape report as JSON that its schema describes, as CSV, Markdown and Mermaid."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from speccompiler.cli.main import run
from speccompiler.drawing.mermaid import MOST_EDGES, escaped, mermaid
from speccompiler.model import load, loads
from speccompiler.reports import shipped_schemas
from speccompiler.reports.markdown_text import markdown_text
from speccompiler.reports.shape_csv import layers_csv, totals_csv
from tests.places import ROOT

EXAMPLES = sorted(
    str(p.relative_to(ROOT))
    for p in (ROOT / "examples").glob("*/*")
    if p.suffix in {".yaml", ".json"} and p.parent.name != "broken"
)
ODD = [
    "=1+1", "a|b", "end", '"', "`x`", "<b>", "@team", "#12", "www.x.org", "*x*", "_x_", "\\n",
    "1. a",
]  # fmt: skip


def odd_model() -> Any:
    layers = [{"type": "Flatten", "name": name} for name in ODD]
    return loads(json.dumps({"convspec": 1, "input_shape": [4], "layers": layers}))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    status = run(list(arguments))
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", shipped_schemas.names())
def test_schemas_are_schemas_that_refuse_other_keys(name: str) -> None:
    schema = shipped_schemas.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)

    def closed(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("type") == "object":
                assert "additionalProperties" in part
                if part["additionalProperties"] is False:
                    assert set(part.get("required", ())) <= set(part.get("properties", ()))
            for value in part.values():
                closed(value)
        elif isinstance(part, list):
            for value in part:
                closed(value)

    closed(schema)
    assert schema["properties"]["format_version"]["const"] == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_report_is_as_its_schema_says(
    capsys: pytest.CaptureFixture[str], example: str
) -> None:
    status, data = shown(capsys, "shapes", str(ROOT / example), "--format", "json")
    assert status == 0
    jsonschema.validate(data, shipped_schemas.schema("shapes"))
    status, data = shown(capsys, "validate", str(ROOT / example), "--format", "json")
    assert status == 0
    jsonschema.validate(data, shipped_schemas.schema("validate"))


def test_findings_are_as_the_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(ROOT / "examples/broken"), str(ROOT / "missing.yaml")]
    for file in files:
        status, data = shown(capsys, "validate", file, "--format", "json")
        assert status > 0
        assert data["diagnostics"]
        jsonschema.validate(data, shipped_schemas.schema("validate"))


@pytest.mark.parametrize("name", ["shapes", "validate"])
def test_a_key_that_the_schema_forgot_is_refused(name: str) -> None:
    data: dict[str, Any] = {"format_version": 1, "files": [], "diagnostics": [], "more": 1}
    if name == "shapes":
        data = {**load(ROOT / "examples/specs/lenet.yaml").shapes().to_data(), "more": 1}
    with pytest.raises(jsonschema.ValidationError, match="'more' was unexpected"):
        jsonschema.validate(data, shipped_schemas.schema(name))


def test_the_command_prints_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    for name in shipped_schemas.names():
        status, data = shown(capsys, "schema", "--of", name)
        assert status == 0
        assert data == shipped_schemas.schema(name)
    assert run(["schema"]) == 0
    spec = capsys.readouterr().out
    assert run(["schema", "--of", "spec"]) == 0
    assert capsys.readouterr().out == spec
    assert json.loads(spec) == json.loads((ROOT / "docs/convspec.schema.json").read_text())


def test_a_row_for_each_layer_with_numbers_as_they_are() -> None:
    report = load(ROOT / "examples/specs/stereo.yaml").shapes()
    rows = list(csv.DictReader(io.StringIO(layers_csv(report))))
    assert [row["layer"] for row in rows] == [layer.name for layer in report.layers]
    assert sum(int(row["parameters"]) for row in rows) == report.parameters
    views = rows[7]
    assert views["reads"] == "left_half;right_half"
    assert views["output_shape"] == "16x16x16"
    assert (views["receptive_field"], views["stride"]) == ("6x6", "2x2")
    assert rows[5]["shared_with"] == "edges"
    totals = list(csv.DictReader(io.StringIO(totals_csv(report, "block"))))
    assert totals[3]["block"] == "edges"
    assert totals[3]["calls"] == "2"


def test_no_cell_is_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(layers_csv(odd_model().shapes()))))
    assert [row[0] for row in rows[1:]] == [f"'{n}" if n[0] in "=@" else n for n in ODD]
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "-", "@", "\t"}]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("conv1_1", "conv1_1"),
        ("a|b", r"a\|b"),
        ("_x_", r"\_x\_"),
        ("*x*", r"\*x\*"),
        ("[x](y)", r"\[x\](y)"),
        ("<img>", r"\<img\>"),
        ("a&lt;", r"a\&lt;"),
        ("`x`", r"\`x\`"),
        ("a\\", r"a\\"),
        ("@team", "@<!-- -->team"),
        ("conv@2", "conv@2"),
        ("#12", "#<!-- -->12"),
        ("https://x.org", "https:/<!-- -->/x.org"),
        ("www.x.org", "www<!-- -->.x.org"),
        ("a\nb", r"a\\nb"),
    ],
)
def test_names_are_shown_in_markdown_as_they_are(text: str, wanted: str) -> None:
    assert markdown_text(text) == wanted


def test_formulas_are_no_emphasis(capsys: pytest.CaptureFixture[str]) -> None:
    spec = str(ROOT / "examples/specs/squeezenet.yaml")
    for more in ([], ["--by", "type"], ["--by", "block"]):
        assert run(["shapes", spec, "--format", "markdown", *more]) == 0
        assert not re.search(r"(?<!\\)\*", capsys.readouterr().out)


LABEL = r'"([^"\[\]`;{}<>]|#\d+;|<br/>)+"'
NODE = re.compile(rf"  (n\d+)(?:\(\[{LABEL}\]\)|\[{LABEL}\])")
EDGE = re.compile(r"  (n\d+) --> (n\d+)")


def check_mermaid(text: str, nodes: int, edges: int) -> None:
    """Only these lines, with names between quotes that hold nothing that Mermaid would read.

    Mermaid 11 itself takes 180 MB to install. By hand, it drew the graphs of all examples and of
    names like those above in a browser, and showed each name as it is.
    """
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    made = [found[1] for found in map(NODE.fullmatch, lines) if found]
    joined = [found.groups() for found in map(EDGE.fullmatch, lines) if found]
    assert (len(made), len(joined)) == (nodes, edges)
    assert len(lines) == nodes + edges
    assert len(set(made)) == nodes
    assert {end for pair in joined for end in pair} <= set(made)


def test_mermaid_of_any_names() -> None:
    text = mermaid(odd_model().shapes())
    assert text is not None
    check_mermaid(text, len(ODD) + 1, len(ODD))
    stereo = mermaid(load(ROOT / "examples/specs/stereo.yaml").shapes())
    assert stereo is not None
    check_mermaid(stereo, 16, 16)
    assert '  n0(["left<br/>(N, 32, 32, 1)"])' in stereo
    assert '  n5["right_edges<br/>edges again<br/>(N, 32, 32, 8)"]' in stereo


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("conv1_1 x-y", "conv1_1 x-y"),
        ('a"b', "a#34;b"),
        ("<b>", "#60;b#62;"),
        ("1. a", "1#46; a"),
        ("- a", "#45; a"),
        ("a  b", "a#32; b"),
        ("#quot;", "#35;quot#59;"),
        ("日本", "日本"),
    ],
)
def test_labels_are_shown_by_mermaid_as_they_are(text: str, wanted: str) -> None:
    assert escaped(text) == wanted


def test_a_model_too_large_for_github_has_no_graph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = "".join("  - {type: Flatten}\n" for _ in range(MOST_EDGES + 1))
    file = tmp_path / "large.yaml"
    file.write_text(f"convspec: 1\ninput_shape: [4]\nlayers:\n{layers}")
    assert run(["shapes", str(file), "--format", "markdown", "--graph"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "No graph: GitHub draws at most 500 lines, and this model has more or its names are too "
        "long."
    )
