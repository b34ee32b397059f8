"""``validate`` under a project's decisions: settings, comments, a baseline."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from speccompiler.reports import shipped_schemas
from tests.cli.calling import BAD, GOOD, UNDECIDED, Call, write

TWO = GOOD.replace("dim_ordering: tf", "dim_ordering: tf\nseed: 1\nseed: 2")


def test_severities(call: Call) -> None:
    write("model.json", UNDECIDED)
    write("convspec.toml", '[severity]\nCS050 = "error"\n')
    raised = call("validate", "model.json")
    assert raised.status == 1
    assert "model.json:1:56: error CS050: " in raised.out
    assert raised.out.endswith("\nfound 1 error in 1 file\n")
    assert call("validate", "model.json", "--isolated").status == 0
    write("other.toml", '[severity]\nCS050 = "off"\n')
    off = call("validate", "model.json", "--config", "other.toml")
    assert (off.status, off.out) == (0, "model.json: ok, 1 layer\n")


def test_an_error_that_is_off_leaves_no_model(call: Call) -> None:
    write("bad.yaml", BAD)
    write("convspec.toml", 'severity = {CS021 = "off", CS022 = "off"}\n')
    result = call("validate", "bad.yaml")
    assert (result.status, result.out) == (
        0,
        "bad.yaml: no model, though no error is reported\n",
    )
    refused = call("shapes", "bad.yaml")
    assert refused.status == 1
    assert "error CS022" in refused.err


def test_a_file_that_cannot_be_read_may_be_a_warning(call: Call) -> None:
    write("good.yaml", GOOD + "weights: gone.npz\n")
    assert call("validate", "good.yaml").status == 2
    write("convspec.toml", 'severity.CS100 = "warning"\n')
    result = call("validate", "good.yaml")
    assert result.status == 0
    assert "good.yaml:6:10: warning CS100: cannot read weight file 'gone.npz'" in result.out
    assert "good.yaml: no model, though no error is reported\n" in result.out


def test_ignored_by_file_and_layer(call: Call) -> None:
    for name in ("legacy/a.json", "new/b.json"):
        write(name, UNDECIDED)
    write("convspec.toml", '[[ignore]]\ncodes = ["CS050"]\nfiles = ["legacy"]\nreason = "old"\n')
    result = call("validate", ".", "--format", "json")
    data = json.loads(result.out)
    jsonschema.validate(data, shipped_schemas.schema("validate"))
    assert [d["file"] for d in data["diagnostics"]] == ["new/b.json"]
    assert [(d["file"], d["by"]) for d in data["hidden"]] == [("legacy/a.json", "settings")]


def test_excluded(call: Call) -> None:
    write("third_party/bad.yaml", BAD)
    write("good.yaml")
    write("convspec.toml", 'exclude = ["third_party"]\n')
    assert call("validate", ".").out == "good.yaml: ok, 1 layer\n"
    assert call("validate", "*/*.yaml").status == 0
    assert call("validate", "--specs-only", "third_party/bad.yaml").out == ""
    assert call("validate", "third_party/bad.yaml").status == 1


def test_comments(call: Call) -> None:
    lines = BAD.splitlines()
    write("a.yaml", "\n".join([*lines[:-1], lines[-1] + "  # convspec: ignore[CS022, CS021] why"]))
    result = call("validate", "a.yaml")
    assert (result.status, result.out) == (
        0,
        "a.yaml: no model, though no error is reported\n",
    )
    write("b.yaml", "\n".join([*lines[:-1], "  # convspec: ignore[CS022]", "  # c", lines[-1]]))
    assert "found 1 error in 1 file" in call("validate", "b.yaml").out
    write("c.yaml", "# convspec: ignore-file[CS021,CS022]\n" + BAD)
    assert call("validate", "c.yaml").status == 0
    write("d.yaml", BAD.replace("conv,", '"# convspec: ignore[CS022]",'))
    assert "found 2 errors" in call("validate", "d.yaml").out
    # Behind the comment of another tool, and with spaces for commas.
    said = "  # yamllint disable-line # convspec: ignore[CS022 CS021 CS023]"
    write("e.yaml", "\n".join([*lines[:-1], lines[-1] + said]))
    assert call("validate", "e.yaml").status == 0
    write("f.yaml", f"{GOOD.rstrip()}  # odd # convspec: ignore[CS022]\n")
    assert "this line has no finding CS022 to ignore" in call("validate", "f.yaml").out
    assert call("validate", "--fix", "--unsafe-fixes", "f.yaml").status == 0
    assert Path("f.yaml").read_text() == f"{GOOD.rstrip()}  # odd\n"


def test_comments_of_a_wrapped_model_and_of_its_wrapper(call: Call) -> None:
    write("inner.yaml", "# convspec: ignore-file[CS021]\n" + BAD)
    write("outer.yaml", "convspec: 1 # convspec: ignore[CS050]\nmodel: inner.yaml\n")
    data = json.loads(call("validate", "outer.yaml", "--format", "json").out)
    assert [(d["file"], d["code"]) for d in data["diagnostics"]] == [("inner.yaml", "CS022")]
    assert [(d["file"], d["code"]) for d in data["hidden"]] == [("inner.yaml", "CS021")]
    write("inner.yaml", GOOD)
    data = json.loads(call("validate", "outer.yaml", "--format", "json").out)
    assert [(d["file"], d["code"]) for d in data["diagnostics"]] == [("outer.yaml", "CS163")]


def test_comments_of_a_text_that_is_no_yaml_count_for_nothing(call: Call) -> None:
    write("a.yaml", "# convspec: ignore-file[CS003]\nconvspec: [1\n")
    assert call("validate", "a.yaml").status == 1


def test_an_idle_comment_can_be_off(call: Call) -> None:
    write("a.yaml", GOOD + "# convspec: ignore-file[CS022]\n")
    result = call("validate", "a.yaml")
    assert (result.status, result.out) == (
        0,
        "a.yaml:6:25: warning CS163: the file has no finding CS022 to ignore\n"
        "   |\n"
        " 6 | # convspec: ignore-file[CS022]\n"
        "   |                         ^^^^^\n"
        "  hint: remove the comment\n"
        "\n"
        "a.yaml: ok, 1 layer\n"
        "found 1 warning in 1 file\n",
    )
    write("convspec.toml", 'severity.CS163 = "off"\n')
    assert call("validate", "a.yaml").out == "a.yaml: ok, 1 layer\n"


def test_a_baseline_is_adopted_and_shrinks(call: Call) -> None:
    write("old/bad.yaml", BAD)
    write("old/open.json", UNDECIDED)
    written = call("validate", ".", "--write-baseline", "base.json")
    assert (written.status, written.err) == (0, "")
    assert written.out == (
        "old/bad.yaml: no model, though no error is reported\n"
        "old/open.json: ok, 1 layer\n"
        "base.json: 3 findings written\n"
    )
    entries = json.loads(Path("base.json").read_text())["findings"]
    assert [(e["file"], e["code"]) for e in entries] == [
        ("old/bad.yaml", "CS021"),
        ("old/bad.yaml", "CS022"),
        ("old/open.json", "CS050"),
    ]
    held = call("validate", "old", "--baseline", "base.json")
    assert held.status == 0
    assert held.out.endswith("\n3 findings not reported: in the baseline\n")

    # A new finding in an old file, behind an edit that moves the others.
    write("old/bad.yaml", "# moved\n" + BAD + "  - {type: Flaten}\n")
    write("convspec.toml", 'baseline = "base.json"\n')
    new = call("validate", "old")
    assert new.status == 1
    assert "unknown layer type 'Flaten'" in new.out
    assert new.out.endswith(
        "\nfound 1 error in 1 of 2 files\n3 findings not reported: in the baseline\n"
    )

    write("old/bad.yaml", GOOD)
    gone = call("validate", "old/bad.yaml")
    assert (gone.status, gone.out) == (
        0,
        "old/bad.yaml: ok, 1 layer\n"
        "2 entries no longer occur: take out of the baseline with --write-baseline base.json\n",
    )
    again = call("validate", "old/bad.yaml", "--write-baseline", "base.json")
    assert again.out == "old/bad.yaml: ok, 1 layer\nbase.json: 1 finding written\n"
    entries = json.loads(Path("base.json").read_text())["findings"]
    assert [e["file"] for e in entries] == ["old/open.json"], "what was not checked stays"
    Path("old/open.json").unlink()
    data = json.loads(call("validate", "old", "--format", "json").out)
    jsonschema.validate(data, shipped_schemas.schema("validate"))
    assert data["baseline"]["gone"] == [entries[0]["fingerprint"]], "its file is gone"


def test_equal_findings_count_in_a_baseline(call: Call) -> None:
    layer = "  - {type: Convolution2D, nb_filter: 2, nb_row: 3, nb_col: 3, activation: rell}\n"
    write("a.yaml", GOOD + layer)
    call("validate", "a.yaml", "--write-baseline", "b.json")
    assert call("validate", "a.yaml", "--baseline", "b.json").status == 0
    write("a.yaml", GOOD + layer * 2)
    result = call("validate", "a.yaml", "--baseline", "b.json")
    assert "found 1 error in 1 file\n1 finding not reported: in the baseline\n" in result.out


def test_a_baseline_holds_no_unreadable_file(call: Call) -> None:
    result = call("validate", "gone.yaml", "--write-baseline", "b.json")
    assert result.status == 2
    assert result.out.endswith("found 1 error in 1 file\nb.json: 0 findings written\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format_version": 1, "findings": 3}', "'findings' of the baseline is no list"),
        ('{"format_version": 1, "findings": null}', "'findings' of the baseline is no list"),
        ('{"format_version": 1, "findings": [3]}', "finding 1 of the baseline is incomplete"),
        (
            '{"format_version": 1, "findings": [{"fingerprint": "a", "code": "CS024", "file": "b", '
            '"layer": [1], "message": "c"}]}',
            "finding 1 of the baseline is incomplete",
        ),
        ("[]", "this is no baseline: it has no 'format_version'"),
    ],
)
def test_a_file_that_is_no_baseline(call: Call, text: str, said: str) -> None:
    write("a.yaml", BAD)
    write("b.json", text)
    for option in ("--baseline", "--write-baseline"):
        result = call("validate", "a.yaml", option, "b.json")
        assert result.status == 2
        assert result.err == (
            f"b.json: error CS162: {said}\n"
            "  hint: remove it, and write it again with --write-baseline\n\nfound 1 error\n"
        )
        assert Path("b.json").read_text() == text
    result = call("validate", "a.yaml", "--baseline", "c.json")
    assert result.err == (
        "c.json: error CS162: the baseline cannot be read: no such file\n"
        "  hint: check the name, or write it with --write-baseline\n\nfound 1 error\n"
    )


def test_both_baselines(call: Call) -> None:
    write("a.yaml")
    result = call("validate", "a.yaml", "--baseline", "b", "--write-baseline", "b")
    assert result.status == 2
    assert "--baseline and --write-baseline exclude each other" in result.err


def test_what_is_wrong_with_settings_is_said_in_every_format(call: Call) -> None:
    write("a.yaml")
    write("convspec.toml", "baseline = 3\n")
    text = call("validate", "a.yaml")
    assert (text.status, text.out) == (2, "")
    assert text.err == (
        "convspec.toml:1:12: error CS161: 'baseline' is 3, not a text\n"
        "   |\n"
        " 1 | baseline = 3\n"
        "   |            ^\n"
        "\n"
        "found 1 error\n"
    )
    result = call("validate", "a.yaml", "--format", "json")
    data = json.loads(result.out)
    assert (result.status, data["files"]) == (2, [])
    assert [(d["code"], d["line"]) for d in data["diagnostics"]] == [("CS161", 1)]
    result = call("validate", "a.yaml", "--format", "github")
    assert result.status == 2
    assert result.out.startswith("::error title=CS161%3A settings that say nothing,file=")


@pytest.mark.parametrize("style", ["text", "json", "github", "sarif", "junit", "gitlab"])
def test_a_report_goes_to_a_file(call: Call, style: str) -> None:
    write("bad.yaml", BAD)
    shown = call("validate", "bad.yaml", "--format", style)
    result = call("validate", "bad.yaml", "--format", style, "-o", "report.txt")
    assert (result.status, result.err) == (1, "")
    assert result.out == "found 2 errors in 1 file\n"
    assert Path("report.txt").read_text(encoding="utf-8") == shown.out
    before = Path("report.txt").read_text(encoding="utf-8")
    nowhere = call("validate", "bad.yaml", "--format", style, "-o", "no/report.txt")
    assert nowhere.status == 2
    assert "error CS120" in nowhere.err
    assert Path("report.txt").read_text(encoding="utf-8") == before


def test_annotations_come_by_themselves_under_github_actions(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("bad.yaml", BAD)
    write("good.yaml")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = call("validate", "bad.yaml", "good.yaml")
    assert result.status == 1
    lines = result.out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "found"]
    assert ",file=bad.yaml,line=5,endLine=5,col=" in lines[0]
    assert call("validate", "good.yaml").out == "no findings in 1 file\n"
    assert call("validate", "good.yaml", "--format", "text").out == "good.yaml: ok, 1 layer\n"
    call("validate", "bad.yaml", "-o", "report.txt")
    assert "error CS022" in Path("report.txt").read_text(encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    assert call("validate", "good.yaml").out == "good.yaml: ok, 1 layer\n"


def test_files_are_named_from_the_root_of_the_repository(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("nets/bad.yaml", BAD)
    Path(".git").mkdir()
    monkeypatch.chdir("nets")
    for style, expected in (
        ("github", ",file=nets/bad.yaml,"),
        ("sarif", '"uri": "nets/bad.yaml"'),
        ("gitlab", '"path": "nets/bad.yaml"'),
        ("junit", '<testsuite name="nets/bad.yaml"'),
        ("json", '"file": "bad.yaml"'),
    ):
        assert expected in call("validate", "bad.yaml", "--format", style).out


def test_idle_comments_are_taken_out_and_ignored_findings_stay(call: Call) -> None:
    held = BAD.replace("nb_rows: 3", "nb_rows: 3 # convspec: ignore[CS022, CS021] why\n   ")
    write("held.yaml", held.replace("{", "{\n    "))
    assert call("validate", "held.yaml", "--fix", "--unsafe-fixes").status == 0
    assert "nb_rows: 3 # convspec" in Path("held.yaml").read_text()

    lines = GOOD.splitlines()
    idle = [
        "# convspec: ignore-file[CS022]",
        lines[0],
        lines[1] + "  # convspec: ignore[CS039] old",
        "  # convspec: ignore[CS012,CS050]",
        *lines[2:],
    ]
    write("idle.yaml", "\n".join(idle) + "\n")
    call("validate", "idle.yaml", "--fix")
    assert Path("idle.yaml").read_text() == "\n".join(idle) + "\n", "none of it is safe"
    result = call("validate", "idle.yaml", "--fix", "--unsafe-fixes")
    assert result.out == "idle.yaml: ok, 1 layer\nfixed 4 of 4 findings\n"
    assert Path("idle.yaml").read_text() == GOOD
