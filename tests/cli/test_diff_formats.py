"""What ``convspec diff`` prints: each format, of one file and of several."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from speccompiler.reports.shipped_schemas import schema
from tests.cli.calling import Call, write
from tests.cli.git_repository import MODEL, WIDER
from tests.places import TESTS

GOLDEN = TESTS / "comparing" / "golden"
Golden = Callable[[Path, str], None]
BAD = MODEL.replace("nb_row: 3", "nb_row: 3, kernels: 2")
NEW = """\
convspec: 1
input_shape: [4]
layers:
  - {type: Dense, name: out, output_dim: 2}
"""
FORMATS = ("text", "markdown", "json", "github", "sarif", "junit", "gitlab")
ENDINGS = {"text": "txt", "markdown": "md", "junit": "xml", "github": "txt"}


@pytest.fixture(autouse=True)
def no_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def two() -> tuple[str, str]:
    """A filter more, a layer renamed, a BatchNormalization in between."""
    old = write("old.yaml", MODEL)
    new = MODEL.replace("nb_filter: 4", "nb_filter: 6").replace("name: fc", "name: head")
    new = new.replace(
        "  - {type: Flatten",
        "  - {type: BatchNormalization, name: bn, axis: -1}\n  - {type: Flatten",
    )
    return old, write("new.yaml", new)


def folders() -> tuple[str, str]:
    for name, old, new in (
        ("changed", MODEL, WIDER),
        ("same", MODEL, f"# a comment\n{MODEL}"),
        ("gone", MODEL.replace("fc", "other"), None),
        ("new", None, NEW),
        ("bad", MODEL, BAD),
        ("mended", BAD, MODEL.replace("name: flat", "name: row")),
    ):
        if old is not None:
            write(f"before/{name}.yaml", old)
        if new is not None:
            write(f"after/{name}.yaml", new)
    return "before", "after"


@pytest.mark.parametrize("style", FORMATS)
def test_one_file(call: Call, golden: Golden, style: str) -> None:
    result = call("diff", *two(), "--format", style, "--fail-on", "breaking,params>10%")
    assert result.status == 1
    assert result.err == ""
    golden(GOLDEN / f"one_{style}.{ENDINGS.get(style, 'json')}", result.out)


@pytest.mark.parametrize("style", FORMATS)
def test_several_files(call: Call, golden: Golden, style: str) -> None:
    result = call("diff", *folders(), "--format", style)
    assert result.status == 2
    assert result.err == ""
    golden(GOLDEN / f"several_{style}.{ENDINGS.get(style, 'json')}", result.out)


@pytest.mark.parametrize("files", [two, folders])
def test_json_is_as_its_schema_says(call: Call, files: Callable[[], tuple[str, str]]) -> None:
    told = schema("diff")
    jsonschema.Draft202012Validator.check_schema(told)
    data = json.loads(call("diff", *files(), "--format", "json").out)
    jsonschema.validate(data, told, cls=jsonschema.Draft202012Validator)
    assert json.loads(call("schema", "--of", "diff").out) == told
    # It is closed: a key that it does not know is refused.
    data["files"][0]["more"] = 1
    with pytest.raises(jsonschema.ValidationError, match="'more' was unexpected"):
        jsonschema.validate(data, told, cls=jsonschema.Draft202012Validator)


def test_markdown_of_nothing_is_nothing(call: Call) -> None:
    write("a.yaml", MODEL)
    write("b.yaml", f"# a comment\n{MODEL}")
    result = call("diff", "a.yaml", "b.yaml", "--format", "markdown")
    assert (result.status, result.out, result.err) == (0, "", "")


def wide(count: int, filters: int) -> str:
    layers = "\n".join(
        f"  - {{type: Convolution2D, name: c{n}, nb_filter: {filters}, nb_row: 1, nb_col: 1}}"
        for n in range(count)
    )
    return f"convspec: 1\ndim_ordering: tf\ninput_shape: [8, 8, 1]\nlayers:\n{layers}\n"


def test_markdown_is_cut_at_what_a_comment_holds(call: Call) -> None:
    write("a.yaml", wide(900, 4))
    write("b.yaml", wide(900, 5))
    text = call("diff", "a.yaml", "b.yaml", "--format", "markdown").out
    assert 60_000 < len(text) <= 65_000
    lines = text.splitlines()
    shown = [line for line in lines if "nb_filter 4" in line]
    assert 100 < len(shown) < 900
    assert lines[-1] == (
        f"_Cut at 65,000 characters: {900 - len(shown)} layers left out. `convspec diff` in a "
        "terminal shows all._"
    )
    # No row is cut in two, and what is opened is closed.
    assert all(line.count("|") == 6 for line in lines if line.startswith("| ") and "`c" in line)
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("limit", [500, 700, 1000, 3000])
def test_every_limit_is_kept(call: Call, limit: int) -> None:
    for number in range(12):
        write(f"a/{number}.yaml", wide(5, 4))
        write(f"b/{number}.yaml", wide(5, 5))
    text = call("diff", "a", "b", "--format", "markdown", "--limit", str(limit)).out
    assert len(text) <= limit
    assert f"_Cut at {limit:,} characters: " in text
    assert text.endswith("12 files: 12 changed\n")


def test_names_stay_text_in_markdown(call: Call) -> None:
    name = '"a|b`c<img src=x>@team"'
    write("a.yaml", MODEL.replace("conv1", name))
    write("b.yaml", WIDER.replace("conv1", name))
    text = call("diff", "a.yaml", "b.yaml", "--format", "markdown").out
    row = next(line for line in text.splitlines() if "nb_filter" in line)
    assert "``a\\|b`c<img src=x>@team``" in row
    # Outside of code it is escaped.
    assert not re.search(r"(?<!\\)<img", text.replace("``a\\|b`c<img src=x>@team``", ""))


def test_sarif_of_both_commands_is_kept_apart(call: Call) -> None:
    run = json.loads(call("diff", *two(), "--format", "sarif").out)["runs"][0]
    assert run["automationDetails"]["id"] == "convspec/diff/"
    prints = [r["partialFingerprints"]["convspec/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints)
    assert {r["ruleId"] for r in run["results"]} == {
        r["id"] for r in run["tool"]["driver"]["rules"]
    }


def test_fingerprints_survive_unrelated_edits(call: Call) -> None:
    def prints() -> set[tuple[str, str]]:
        text = call("diff", "old.yaml", "new.yaml", "--format", "gitlab").out
        return {(i["check_name"], i["fingerprint"]) for i in json.loads(text)}

    two()
    before = prints()
    for name in ("old.yaml", "new.yaml"):
        write(name, f"# a\n# b\n{Path(name).read_text()}")
    assert prints() == before


def test_what_breaks_a_limit_is_an_error_of_its_own(call: Call) -> None:
    files = two()
    for condition, level in (("params>50%", "failure"), ("params>60%", "system-out")):
        text = call("diff", *files, "--format", "junit", "--fail-on", condition).out
        root = ElementTree.fromstring(text)
        case = next(c for c in root.iter("testcase") if str(c.get("name")).startswith("CD701"))
        assert [child.tag for child in case] == [level]
    text = call("diff", *files, "--format", "github", "--fail-on", "params>50%").out
    assert (
        "::error title=CD701%3A parameters,file=new.yaml::parameters 475 -> 735 (+54.7%25)%0A"
        "hint: more than --fail-on allows: params>50%25: parameters 475 -> 735, +54.7%25\n"
    ) in text


def test_github_is_chosen_in_an_action(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::warning title=CD701%3A parameters,file=new.yaml::" in call("diff", *two()).out


def test_html_has_every_file(call: Call) -> None:
    page = call("diff", *folders(), "--format", "html").out
    assert page.startswith("<!doctype html>")
    embedded = re.search(
        r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL
    )
    assert embedded is not None
    data = json.loads(embedded[1])
    assert data["summary"] == (
        "6 files: 1 without a change, 1 changed, 2 added, 1 removed, 1 with errors"
    )
    assert [(file["name"], file["status"]) for file in data["files"]] == [
        ("after/bad.yaml", "failed"),
        ("after/changed.yaml", "changed"),
        ("before/gone.yaml", "removed"),
        ("after/mended.yaml", "added"),
        ("after/new.yaml", "added"),
        ("after/same.yaml", "same"),
    ]


@pytest.mark.parametrize("style", FORMATS)
def test_a_report_goes_into_a_file_as_a_whole(call: Call, style: str) -> None:
    files = two()
    printed = call("diff", *files, "--format", style).out
    result = call("diff", *files, "--format", style, "-o", "out")
    assert result.status == 1
    assert Path("out").read_text() == printed
    assert result.out == (
        "breaking: numbers change, old weights: 2 layers misfit, 1 missing, 1 renamed, "
        "parameters +54.7%, multiply-adds +50.0%, peak +46.1%\n"
    )
    assert call("diff", *files, "-o", "no/out").err.startswith(
        "no/out: error CS120: the output cannot be created: the folder 'no' does not exist"
    )


def test_colours(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    files = two()
    assert "\x1b[" not in call("diff", *files).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31m" in call("diff", *files).out
    call("diff", *files, "-o", "out.txt")
    assert "\x1b[" not in Path("out.txt").read_text()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in call("diff", *files).out


def test_limits_on_the_command_line(call: Call) -> None:
    files = two()
    assert call("diff", *files, "--limit", "1000").err.endswith(
        "Error: --limit is for --format markdown\n"
    )
    result = call("diff", *files, "--fail-on", "cost,parms>10%")
    assert result.status == 2
    assert result.err.endswith(
        "Error: Invalid value for '--fail-on': 'parms' is no quantity\n"
        "  cost,parms>10%\n"
        "       ^^^^^^^^^\n"
        "  hint: did you mean 'params' or 'parameters'?\n"
    )


@pytest.mark.parametrize(
    ("condition", "status", "line"),
    [
        ("none", 0, None),
        ("breaking", 1, None),
        ("params>60%", 0, None),
        ("params>10%", 1, "fails: params>10%: parameters 475 -> 735, +54.7%"),
        ("params>+1k", 0, None),
        ("params>700", 1, "fails: params>700: parameters 475 -> 735, +54.7%"),
    ],
)
def test_conditions_decide_the_exit_status(
    call: Call, condition: str, status: int, line: str | None
) -> None:
    result = call("diff", *two(), "--fail-on", condition)
    assert result.status == status
    assert result.out.splitlines()[-1].startswith("fails: ") is (line is not None)
    assert line is None or result.out.splitlines()[-1] == line


def test_open_lengths_leave_a_condition_open(call: Call) -> None:
    spec = (
        "convspec: 1\ninput_shape: [null, 2]\nlayers:\n"
        "  - {type: Convolution1D, name: c, nb_filter: 4, filter_length: LENGTH}\n"
    )
    write("a.yaml", spec.replace("LENGTH", "3"))
    write("b.yaml", spec.replace("LENGTH", "5"))
    result = call("diff", "a.yaml", "b.yaml", "--fail-on", "macs>50k,macs>10%")
    assert result.status == 1
    assert result.out.splitlines()[-2:] == [
        "fails: macs>10%: multiply-adds 24*T - 48 -> 40*T - 160",
        "undecided: macs>50k: multiply-adds 24*T - 48 -> 40*T - 160, which depends on open lengths",
    ]
    bound = call("diff", "a.yaml", "b.yaml", "--fail-on", "macs>50k", "--input-shape", "100,2")
    assert bound.status == 0
