"""Which specs a command is asked about: the rules of ``expand`` and ``looks_like_spec``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from speccompiler.cli.documents import expand
from speccompiler.source.files import read_document
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.spec_marks import looks_like_spec
from speccompiler.source.texts import parse_document

SPEC = "convspec: 1\ninput_shape: [4]\nlayers:\n  - type: Flatten\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a user's: specs, other YAML, arrays, hidden folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.yaml", "a.yml", "sub/c.json", "sub/deeper/D.YAML", ".git/e.yaml", ".f.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"convspec": 1}' if name.endswith("json") else SPEC)
    (tmp_path / "workflow.yml").write_text("on: push\njobs: {}\n")
    (tmp_path / "array.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "README.md").write_text(SPEC)
    (tmp_path / "folder.yaml").mkdir()
    return tmp_path


def files(*paths: str) -> list[str]:
    return [document.file for document in expand(paths)]


def test_a_file_is_read_whatever_it_is_called(tree: Path) -> None:
    assert files("b.yaml") == ["b.yaml"]
    assert files("README.md") == ["README.md"]
    assert files("workflow.yml") == ["workflow.yml"]
    assert files(".f.yaml") == [".f.yaml"]
    (document,) = expand(["nowhere.yaml"])
    assert [d.code for d in document.diagnostics] == ["CS001"]


def test_a_folder_is_searched_in_order(tree: Path) -> None:
    wanted = ["a.yml", "b.yaml", "sub/c.json", "sub/deeper/D.YAML"]
    assert files(".") == wanted
    assert files("sub") == ["sub/c.json", "sub/deeper/D.YAML"]
    assert files(str(tree)) == [str(tree / name) for name in wanted]


def test_a_folder_named_like_a_spec_is_a_folder(tree: Path) -> None:
    with pytest.raises(click.UsageError, match=r"no spec in folder 'folder\.yaml'"):
        files("folder.yaml")


def test_a_hidden_folder_is_searched_when_it_is_named(tree: Path) -> None:
    assert files(".git") == [".git/e.yaml"]


def test_a_glob_is_expanded_where_the_shell_did_not(tree: Path) -> None:
    # folder.yaml is a folder without specs: what else matches still counts.
    assert files("*.y*ml") == ["a.yml", "b.yaml", "workflow.yml"]
    with pytest.raises(click.UsageError, match=r"no spec in the folders that match 'folder\.\*'"):
        files("folder.*")


def test_a_glob_takes_folders_and_deep_matches(tree: Path) -> None:
    assert files("s*") == ["sub/c.json", "sub/deeper/D.YAML"]
    assert files("**/*.json") == ["sub/c.json"]
    with pytest.raises(click.UsageError, match=r"no file matches '\*\.toml'"):
        files("*.toml")


def test_a_name_with_brackets_that_exists_is_that_file(tree: Path) -> None:
    (tree / "b[1].yaml").write_text(SPEC)
    (tree / "b1.yaml").write_text(SPEC)
    assert files("b[1].yaml") == ["b[1].yaml"]


def test_no_file_comes_twice(tree: Path) -> None:
    assert files("b.yaml", ".", "*.yaml", "b.yaml")[:2] == ["b.yaml", "a.yml"]
    assert files("b.yaml", "b.yaml") == ["b.yaml"]
    assert files("./b.yaml", "b.yaml") == ["b.yaml"]


def test_links_are_followed_once(tree: Path) -> None:
    (tree / "sub" / "link.yaml").symlink_to(tree / "b.yaml")
    (tree / "sub" / "broken.yaml").symlink_to(tree / "gone.yaml")
    (tree / "sub" / "loop").symlink_to(tree)
    assert files("sub") == ["sub/c.json", "sub/deeper/D.YAML", "sub/link.yaml"]


def test_a_file_in_a_folder_that_is_too_large_for_a_spec_is_none(tree: Path) -> None:
    (tree / "sub" / "large.json").write_bytes(b'{"convspec": 1}' + b" " * MAX_BYTES)
    assert files("sub") == ["sub/c.json", "sub/deeper/D.YAML"]


@pytest.mark.parametrize(
    ("text", "file", "meant"),
    [
        (SPEC, "a.yaml", True),
        ("convspec: 9\n", "a.yaml", True),
        ('{"class_name": "Sequential"}', "a.json", True),
        ("class_name: Model\n", "a.yaml", True),
        ("layers: []\n", "a.yaml", False),
        ("services: {web: 1}\n", "a.yaml", False),
        ("- convspec\n", "a.yaml", False),
        ("convspec\n", "a.yaml", False),
        ("", "a.yaml", False),
        # What cannot be read counts by its text.
        ("convspec: 1\nlayers: [\n", "a.yaml", True),
        ('{"convspec": 1,}', "a.json", True),
        ("services: [\n", "a.yaml", False),
        ('{"class_name": "Sequential", "config": [}', "a.json", True),
        ("class_name: Sequential\nconfig: [\n", "a.yaml", True),
        ("# about convspec: what it is\nkey: [\n", "a.yaml", False),
        ("{\n 'class_name' : [\n", "a.json", True),
    ],
)
def test_what_looks_like_a_spec(text: str, file: str, meant: bool) -> None:
    assert looks_like_spec(parse_document(text, file)) is meant


def test_a_missing_file_names_what_is_called_much_alike(tree: Path) -> None:
    (tree / "segmenter.yaml").write_text(SPEC)
    (finding,) = read_document(Path("segmenter.yml")).diagnostics
    assert (finding.code, finding.hint) == ("CS001", "did you mean 'segmenter.yaml'?")
    (finding,) = read_document(tree / "no folder" / "segmenter.yml").diagnostics
    assert (finding.code, finding.hint) == ("CS001", "check the name")


def test_a_list_of_layers_that_is_not_closed_is_told_in_yamls_words() -> None:
    (finding,) = parse_document("[{type: Slice, axis: -1}", "--replace").diagnostics
    assert (finding.code, finding.hint) == ("CS003", "close it with ']'")
    (finding,) = parse_document('[{"type": "Slice"}', "--replace").diagnostics
    assert finding.code == "CS003"


@pytest.mark.parametrize("name", ["a.convspec.yaml", "a.convspec.yml", "A.Convspec.JSON"])
@pytest.mark.parametrize("text", ["", "layers: [", "a: 1\n", "[1]"])
def test_a_name_says_that_a_file_is_a_spec(name: str, text: str) -> None:
    assert looks_like_spec(parse_document(text, name))
    assert not looks_like_spec(parse_document(text, name.lower().replace("convspec.", "")))
