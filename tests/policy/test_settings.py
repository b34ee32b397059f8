"""``convspec.toml``: where it is found, what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.diagnostics.core import Severity, SpecError
from speccompiler.policy.globs import file_matches, layer_matches
from speccompiler.policy.load_settings import load_settings
from speccompiler.policy.project import project_root, repository_root, shared_name
from speccompiler.policy.settings import Ignore, Settings
from speccompiler.policy.settings_keys import read_table
from speccompiler.policy.settings_reading import Key, flag, listed, text
from tests.places import ROOT

FULL = """\
exclude = ["third_party/**", "*.old.yaml"]
baseline = "ci/baseline.json"

[severity]
CS050 = "error"
CS094 = "off"

[[ignore]]
codes = ["CS055", "CS012"]
files = "legacy/*.json"
reason = "kept as trained"

[[ignore]]
codes = "CS097"
layers = ["conv?_*"]
reason = "known"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settled(folder: Path, said: str, name: str = "convspec.toml") -> Settings:
    (folder / name).write_text(said, encoding="utf-8")
    return load_settings(folder)


@pytest.mark.parametrize("name", ["convspec.toml", "pyproject.toml"])
def test_everything_that_can_be_said(folder: Path, name: str) -> None:
    said = FULL
    if name == "pyproject.toml":
        said = "[project]\nname = 'x'\n[tool.convspec]\n" + FULL.replace(
            "[severity]", "[tool.convspec.severity]"
        ).replace("[[ignore]]", "[[tool.convspec.ignore]]")
    found = settled(folder, said, name)
    assert found.exclude == ("third_party/**", "*.old.yaml")
    assert found.baseline == folder / "ci/baseline.json"
    assert found.severity == {"CS050": Severity.ERROR, "CS094": None}
    assert found.ignore == (
        Ignore(("CS055", "CS012"), ("legacy/*.json",), (), "kept as trained"),
        Ignore(("CS097",), (), ("conv?_*",), "known"),
    )
    assert (found.folder, found.file and found.file.shown) == (folder, name)


def test_no_settings(folder: Path) -> None:
    assert load_settings(folder) == Settings()
    assert settled(folder, "[project]\ndependencies = ['convspec']", "pyproject.toml") == Settings()


def test_they_are_found_upwards_to_the_root_of_the_repository(folder: Path) -> None:
    inner = folder / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (folder / "convspec.toml").write_text('exclude = ["outside"]')
    assert load_settings(inner) == Settings(), "not in a repository: the folder alone"
    (folder / "repo" / ".git").mkdir()
    assert load_settings(inner) == Settings(), "not from outside of the repository"
    (folder / "repo" / "pyproject.toml").write_text('[tool.convspec]\nexclude = ["far"]')
    assert load_settings(inner).exclude == ("far",)
    (folder / "repo" / "a" / "pyproject.toml").write_text("[project]\nname = 'convspec'")
    assert load_settings(inner).exclude == ("far",), "a pyproject.toml without a table"
    (folder / "repo" / "convspec.toml").write_text('exclude = ["own"]')
    assert load_settings(inner).exclude == ("own",), "the file of our own comes first"
    (inner / "convspec.toml").write_text("")
    assert load_settings(inner).exclude == (), "the nearest alone counts"
    assert load_settings(inner, isolated=True) == Settings()
    assert load_settings(inner, folder / "convspec.toml").exclude == ("outside",)


WRONG = [
    (
        'sevrity = {CS050 = "off"}',
        "1:1: error CS161: there is no key 'sevrity'; did you mean 'severity'?",
    ),
    (
        "[severity]\nCS050 = 'fatal'",
        "2:9: error CS161: 'severity.CS050' is 'fatal'; allowed: error, warning, note, off",
    ),
    (
        "[severity]\nCS050 = 'warn'",
        "2:9: error CS161: 'severity.CS050' is 'warn'; allowed: error, warning, note, off; "
        "did you mean 'warning'?",
    ),
    (
        "[severity]\n  CS5O = 'off'",
        "2:3: error CS161: no diagnostic 'CS5O'; did you mean 'CS050'?",
    ),
    (
        "severity.CS161 = 'off'",
        "1:10: error CS161: 'CS161' is about the settings, which nothing turns off",
    ),
    ("severity = 3", "1:12: error CS161: 'severity' is 3, not a table"),
    ("exclude = ['a', 3]", "1:17: error CS161: 'exclude[2]' is 3, not a text"),
    ("baseline = ''", "1:12: error CS161: 'baseline' is '', not a text"),
    (
        "[[ignore]]\ncodes = ['CS012']",
        "1:1: error CS161: 'ignore[1]' has no 'reason'; add reason = \"kept as trained\"",
    ),
    (
        "[[ignore]]\nreason = 'x'\ncodes = ['nothing']\nfile = 'a'",
        "3:10: error CS161: no diagnostic 'nothing'; 'convspec explain' lists the codes",
        "4:1: error CS161: there is no key 'ignore[1].file'; did you mean 'files'?",
    ),
    ("ignore = {codes = []}", "1:10: error CS161: 'ignore' is no list of tables; write [[ignore]]"),
    ("x = [1,", "1:8: error CS160: this is not TOML: invalid value"),
    ("a = 1\na = 2", "2:6: error CS160: this is not TOML: cannot overwrite a value"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case[0])
def test_what_is_wrong_is_said_with_its_place(folder: Path, case: tuple[str, ...]) -> None:
    said, *expected = case
    with pytest.raises(SpecError) as caught:
        settled(folder, said)
    found = [str(d).removeprefix("convspec.toml:").strip() for d in caught.value.diagnostics]
    assert found == expected


def test_places_in_a_pyproject(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        settled(folder, "[tool.convspec]\nexclude = 3\n[tool.convspec.x]\n", "pyproject.toml")
    assert [str(d) for d in caught.value.diagnostics] == [
        "pyproject.toml:2:11: error CS161: 'exclude' is 3, not a text",
        "pyproject.toml:3:1: error CS161: there is no key 'x'; "
        "keys: exclude, baseline, severity, ignore, diff",
    ]


def test_files_that_cannot_be_read(folder: Path) -> None:
    for name, expected in (
        ("none.toml", "none.toml: error CS160: the settings cannot be read: "
         "no such file"),
        ("latin.toml", "latin.toml: error CS160: the byte 0xf6 at offset 2 is not UTF-8; "
         "save the file as UTF-8"),
        ("pyproject.toml", "pyproject.toml: error CS160: there is no table [tool.convspec]; "
         "add it to the file"),
    ):  # fmt: skip
        (folder / "latin.toml").write_bytes("# ö".encode("latin-1"))
        (folder / "pyproject.toml").write_text("")
        with pytest.raises(SpecError) as caught:
            load_settings(folder, Path(name))
        assert str(caught.value) == expected


def test_a_table_with_keys_of_its_own(folder: Path) -> None:
    """As ``[diff]`` is read by what compares."""
    keys = {"fail-on": Key(listed(text), "", "", ()), "weights": Key(flag, "", "", False)}
    found = settled(folder, "[diff]\nfail-on = ['params>10%']")
    assert read_table(found, "diff", found.diff, keys) == {
        "fail-on": ("params>10%",),
        "weights": False,
    }
    assert read_table(Settings(), "diff", {}, keys) == {"fail-on": (), "weights": False}
    found = settled(folder, "[diff]\nfail_on = []\nweights = 1")
    with pytest.raises(SpecError) as caught:
        read_table(found, "diff", found.diff, keys)
    assert [str(d) for d in caught.value.diagnostics] == [
        "convspec.toml:2:1: error CS161: there is no key 'diff.fail_on'; did you mean 'fail-on'?",
        "convspec.toml:3:11: error CS161: 'diff.weights' is 1, not true or false",
    ]


@pytest.mark.parametrize(
    ("pattern", "meant", "others"),
    [
        ("*.json", "a.json x/b.json", "a.jsonx json"),
        ("legacy", "legacy legacy/a.yaml x/legacy/a.yaml", "legacy2/a xlegacy"),
        ("legacy/", "legacy/a.yaml", "legacyx"),
        ("legacy/*.json", "legacy/a.json", "legacy/x/a.json x/legacy/a.json"),
        ("/a.yaml", "a.yaml", "xa.yaml"),
        ("third/**", "third/a third/b/c", "thirds"),
        ("**/gen/*.yaml", "gen/a.yaml x/y/gen/a.yaml", "gen/x/a.yaml"),
        ("a?c.[yj]*", "abc.yaml abc.json", "ac.yaml abc.toml"),
        ("[!a]b", "cb", "ab"),
        ("a.b", "a.b", "axb"),
    ],
)
def test_patterns_of_files(pattern: str, meant: str, others: str) -> None:
    assert [f for f in meant.split() if not file_matches(f, [pattern])] == []
    assert [f for f in others.split() if file_matches(f, [pattern])] == []


def test_patterns_of_layers() -> None:
    assert layer_matches("block1_conv2", ["x", "block?_*"])
    assert not layer_matches("block12_conv2", ["block?_*"])
    assert not layer_matches("conv1", ["conv"])


def test_names_are_from_the_root_of_the_repository(folder: Path) -> None:
    inner = folder / "nets" / "a"
    inner.mkdir(parents=True)
    assert (repository_root(inner), project_root(inner)) == (None, inner)
    (folder / ".git").write_text("gitdir: elsewhere")  # as in a worktree
    assert project_root(inner) == folder
    assert shared_name("nets/a/x.yaml", folder) == "nets/a/x.yaml"
    assert shared_name(str(inner / "x.yaml"), folder) == "nets/a/x.yaml"
    assert shared_name("../x.yaml", folder) == str(folder.parent / "x.yaml")
    assert shared_name("<stdin>", folder) == "<stdin>"
    (folder / "link").symlink_to(folder, target_is_directory=True)
    assert shared_name("link/nets/x.yaml", folder) == "link/nets/x.yaml"
    assert shared_name(str(folder / "nets/x.yaml"), folder / "link") == "nets/x.yaml"


def test_this_repository_is_one() -> None:
    assert repository_root(ROOT / "tests") == ROOT
