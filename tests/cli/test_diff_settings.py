"""``[diff]`` of convspec.toml and pyproject.toml: what fails, impacts, what is accepted."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from speccompiler.comparing import decisions
from tests.cli.calling import Call, write
from tests.cli.git_repository import MODEL, WIDER


@pytest.fixture(autouse=True)
def no_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def both() -> tuple[str, str]:
    return write("old.yaml", MODEL), write("new.yaml", WIDER)


def changes(call: Call) -> list[tuple[str, str]]:
    """Code and impact of every change."""
    data = json.loads(call("diff", *both(), "--format", "json").out)
    return [(c["code"], c["impact"]) for c in data["files"][0]["model"]["changes"]]


BREAKING = ["CD301", "CD501", "CD501"]


def test_without_settings(call: Call) -> None:
    assert [code for code, impact in changes(call) if impact == "breaking"] == BREAKING


@pytest.mark.parametrize("name", ["convspec.toml", "pyproject.toml"])
def test_what_fails(call: Call, name: str) -> None:
    table = "diff" if name == "convspec.toml" else "tool.convspec.diff"
    write(name, f'[{table}]\nfail-on = "params>60%"\n')
    assert call("diff", *both()).status == 0
    # The command line comes first.
    assert call("diff", *both(), "--fail-on", "params>40%").status == 1
    assert call("diff", *both(), "--isolated").status == 1
    write(name, f'[{table}]\nfail-on = "params>40%"\n')
    result = call("diff", *both())
    assert result.status == 1
    assert result.out.splitlines()[-1] == ("fails: params>40%: parameters 475 -> 711, +49.7%")


def test_impacts(call: Call) -> None:
    write(
        "convspec.toml", '[diff]\nseverity = {CD301 = "note", CD501 = "cost", CD701 = "breaking"}\n'
    )
    assert dict(changes(call)) | {"CD401": "", "CD702": "", "CD703": "", "CD704": ""} == {
        "CD301": "note",
        "CD501": "cost",
        "CD701": "breaking",
        "CD401": "",
        "CD702": "",
        "CD703": "",
        "CD704": "",
    }
    assert call("diff", *both()).status == 1
    write("convspec.toml", '[diff]\nseverity = {CD301 = "note", CD501 = "note"}\n')
    assert call("diff", *both()).status == 0


IGNORE = """
[[diff.ignore]]
codes = ["CD501"]
reason = "trained anew"

[[diff.ignore]]
codes = ["CD301", "CD401"]
layers = ["conv*", "flat"]
files = ["new.yaml"]
until = 2027-01-31
"""


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``day(2027, 1, 31)`` makes it this day for the command."""

    def today(*numbers: int) -> None:
        monkeypatch.setattr("speccompiler.cli.diff.today", lambda: datetime.date(*numbers))

    return today


def test_what_is_accepted(call: Call, day: Any) -> None:
    write("convspec.toml", IGNORE)
    day(2027, 1, 31)
    result = call("diff", *both())
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-5:] == [
        "ignored CD301: nb_filter 4 -> 6 [layer conv1]",
        "ignored CD401: output (N, 6, 6, 4) -> (N, 6, 6, 6) [layer conv1]",
        "ignored CD501: old weights do not fit: W (3, 3, 1, 4) -> (3, 3, 1, 6), b (4,) -> (6,) "
        "[layer conv1]: trained anew",
        "ignored CD401: output (N, 144) -> (N, 216), because of 'conv1' [layer flat]",
        "ignored CD501: old weights do not fit: W (144, 3) -> (216, 3), because of 'conv1' "
        "[layer fc]: trained anew",
    ]
    assert {impact for _, impact in changes(call)} == {"cost"}
    markdown = call("diff", *both(), "--format", "markdown").out
    assert markdown.endswith("5 changes are ignored by the project's settings.\n")


def test_after_its_day_it_counts_no_more(call: Call, day: Any) -> None:
    write("convspec.toml", IGNORE)
    day(2027, 2, 1)
    result = call("diff", *both())
    assert result.status == 1
    assert result.err == (
        "convspec.toml: note CS165: entry 2 of [[diff.ignore]] has passed its day, 2027-01-31\n"
        "  hint: what it was about is reported again\n"
    )


def test_what_is_accepted_and_not_there_is_said(call: Call, day: Any) -> None:
    write(
        "convspec.toml",
        '[[diff.ignore]]\ncodes = ["CD205"]\nreason = "for later"\n'
        "[[diff.ignore]]\nlayers = ['nothing']\nuntil = 2026-01-01\n",
    )
    day(2026, 6, 1)
    result = call("diff", *both())
    assert result.status == 1
    assert result.err == (
        "convspec.toml: note CS165: entry 1 of [[diff.ignore]] ('for later') is about no change of "
        "this comparison\n"
        "\n"
        "convspec.toml: note CS165: entry 2 of [[diff.ignore]] has passed its day, 2026-01-01\n"
        "  hint: remove it\n"
    )
    data = json.loads(call("diff", *both(), "--format", "json").out)
    assert [d["code"] for d in data["diagnostics"]] == ["CS165", "CS165"]


def test_a_fingerprint_names_one_change(call: Call) -> None:
    data = json.loads(call("diff", *both(), "--format", "json").out)
    found = data["files"][0]["model"]["changes"]
    mine = next(c for c in found if c["code"] == "CD501" and c["layer"] == "fc")
    write("convspec.toml", f'[[diff.ignore]]\nfingerprints = ["{mine["fingerprint"]}"]\n')
    left = json.loads(call("diff", *both(), "--format", "json").out)["files"][0]
    assert [c for c in found if c not in left["model"]["changes"]] == [mine]
    assert left["ignored"] == [{"change": mine, "reason": None}]
    # The layers point into what is left.
    layers = {layer["name"]: layer["changes"] for layer in left["model"]["layers"]}
    codes = [left["model"]["changes"][n]["code"] for n in layers["conv1"]]
    assert codes == ["CD301", "CD401", "CD501"]
    assert layers["fc"] == []


def test_files_are_named_from_the_settings_folder(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(".git/HEAD", "")  # the root of the repository, for the settings
    write("convspec.toml", '[[diff.ignore]]\nfiles = ["nets/legacy/**"]\n')
    for name in ("nets/legacy/a", "nets/b"):
        write(f"{name}.yaml", WIDER)
        write(f"old/{name.removeprefix('nets/')}.yaml", MODEL)
    monkeypatch.chdir("nets")
    data = json.loads(call("diff", "../old", ".", "--format", "json").out)
    assert [(f["path"], f["status"]) for f in data["files"]] == [
        ("b.yaml", "changed"),
        ("legacy/a.yaml", "same"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[diff]\nfail-on = "brekaing"\n',
            "convspec.toml:2:11: error CS161: 'diff.fail-on': 'brekaing' is no condition\n",
        ),
        (
            '[diff]\nseverity = {CD999 = "note"}\n',
            "convspec.toml:2:13: error CS161: no change 'CD999'\n",
        ),
        (
            '[diff]\nseverity = {CD301 = "nte"}\n',
            "convspec.toml:2:21: error CS161: 'diff.severity.CD301' is 'nte'; allowed: breaking, "
            "cost, note\n",
        ),
        (
            '[diff]\nfail_on = "cost"\n',
            "convspec.toml:2:1: error CS161: there is no key 'diff.fail_on'\n",
        ),
        (
            '[[diff.ignore]]\nuntil = "soon"\n',
            "convspec.toml:2:9: error CS161: 'diff.ignore[1].until' is 'soon', not a date such as "
            "2027-01-31\n",
        ),
        (
            '[[diff.ignore]]\ncode = "CD301"\n',
            "convspec.toml:2:1: error CS161: there is no key 'diff.ignore[1].code'\n",
        ),
        (
            "[[diff.ignore]]\ncodes = [3]\n",
            "convspec.toml:2:10: error CS161: 'diff.ignore[1].codes[1]' is 3, not a code such as "
            "'CD301'\n",
        ),
        (
            "[[diff.ignore]]\ncodes = []\nlayers = []\n",
            "convspec.toml:1:1: error CS161: 'diff.ignore[1]' would ignore every change\n",
        ),
        (
            '[[diff.ignore]]\nreason = "all"\n',
            "convspec.toml:1:1: error CS161: 'diff.ignore[1]' would ignore every change\n",
        ),
    ],
)
def test_settings_that_cannot_be_meant(call: Call, text: str, said: str) -> None:
    write("convspec.toml", text)
    result = call("diff", *both())
    assert result.status == 2
    assert said in result.err


def test_every_key_is_documented_with_a_line_that_can_be_read(call: Call) -> None:
    for keys in (decisions.KEYS, decisions.IGNORE_KEYS):
        for name, key in keys.items():
            assert key.form.startswith((name, "[[")), name
            assert key.says.endswith("."), name
    lines = [key.form for key in decisions.IGNORE_KEYS.values()]
    write(
        "convspec.toml",
        '[diff]\nfail-on = "breaking,params>10%"\nseverity.CD402 = "breaking"\n[[diff.ignore]]\n'
        + "\n".join(lines)
        + "\n",
    )
    assert call("diff", *both()).status == 1
