"""``convspec diff`` and git: revisions, ranges, what changed since, and as git's diff driver."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import Call, write
from tests.cli.git_repository import ENVIRONMENT, MODEL, WIDER, commit, git, repository


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def files(call: Call, *arguments: str) -> list[tuple[Any, ...]]:
    """Old name, new name and status of every file that is compared."""
    result = call("diff", "--format", "json", "--fail-on", "none", *arguments)
    assert result.status == 0, result
    return [(f["old"], f["new"], f["status"]) for f in json.loads(result.out)["files"]]


PARAMETERS = "parameters       475 ->     711  +49.7%"


def changed(call: Call, *arguments: str) -> None:
    result = call("diff", *arguments)
    assert result.status == 1, result
    assert " ".join(PARAMETERS.split()) in " ".join(result.out.split()), result


def test_a_file_at_a_revision(call: Call) -> None:
    repository(model=MODEL)
    write("model.yaml", WIDER)
    changed(call, "HEAD:model.yaml", "model.yaml")
    assert files(call, "HEAD:model.yaml", "model.yaml") == [
        ("HEAD:model.yaml", "model.yaml", "changed")
    ]
    commit()
    assert files(call, "HEAD~1:model.yaml", "HEAD:model.yaml") == [
        ("HEAD~1:model.yaml", "HEAD:model.yaml", "changed")
    ]
    assert files(call, "HEAD:model.yaml", "model.yaml") == [
        ("HEAD:model.yaml", "model.yaml", "same")
    ]


def test_a_revision_alone_is_compared_with_the_working_tree(call: Call) -> None:
    repository(model=MODEL, other=MODEL, notes="a: 1\n")
    git("switch", "--quiet", "--create", "topic")
    write("model.yaml", WIDER)
    commit()
    write("new.yaml", MODEL)
    write("notes.yaml", "a: 2\n")
    assert files(call, "main") == [
        ("main:model.yaml", "model.yaml", "changed"),
        (None, "new.yaml", "added"),
    ]
    result = call("diff", "main")
    assert result.status == 1
    assert result.out.splitlines()[-3:] == [
        "new: new.yaml, 3 layers, 475 parameters",
        "",
        "2 files: 1 changed, 1 added",
    ]
    Path("other.yaml").unlink()
    assert files(call, "main", "other.yaml") == [("main:other.yaml", None, "removed")]
    git("checkout", "other.yaml")
    # The same by its option, and for one file or folder.
    assert files(call, "--git", "main") == files(call, "main")
    assert files(call, "main", "model.yaml") == files(call, "--git", "main", "model.yaml")
    assert files(call, "main", "model.yaml") == [("main:model.yaml", "model.yaml", "changed")]
    assert files(call, "main", "other.yaml") == [("main:other.yaml", "other.yaml", "same")]


def test_nothing_changed(call: Call) -> None:
    repository(model=MODEL)
    write("model.yaml", f"# only a comment\n{MODEL}")
    assert files(call, "HEAD") == [("HEAD:model.yaml", "model.yaml", "same")]
    result = call("diff", "HEAD")
    assert (result.status, result.out) == (0, "1 file: 1 without a change\n")
    assert call("diff", "HEAD", "--format", "markdown").out == ""
    write("model.yaml", MODEL)
    assert call("diff", "HEAD").out == "no spec changed\n"


def test_two_revisions(call: Call) -> None:
    repository(model=MODEL, other=MODEL)
    git("switch", "--quiet", "--create", "topic")
    write("model.yaml", WIDER)
    commit()
    git("switch", "--quiet", "main")
    write("other.yaml", WIDER)
    commit()
    both = [
        ("main:model.yaml", "topic:model.yaml", "changed"),
        ("main:other.yaml", "topic:other.yaml", "changed"),
    ]
    assert files(call, "main..topic") == both
    assert files(call, "..topic") == [
        (f"HEAD:{name}", f"topic:{name}", status)
        for name, status in (("model.yaml", "changed"), ("other.yaml", "changed"))
    ]
    # All files of two revisions are compared, those that are alike too.
    write("third.yaml", MODEL)
    commit()
    assert files(call, "main", "topic")[2] == ("main:third.yaml", None, "removed")
    assert files(call, "main~1", "topic")[0] == (
        "main~1:model.yaml", "topic:model.yaml", "changed"
    )  # fmt: skip
    # From where they part, only what the branch did.
    assert files(call, "main...topic") == [
        ("main...topic:model.yaml", "topic:model.yaml", "changed")
    ]
    assert files(call, "main..topic", "other.yaml") == [both[1]]


def test_folders_of_revisions(call: Call) -> None:
    repository(nets__a=MODEL, nets__deep__b=MODEL, other=MODEL)
    write("nets/a.yaml", WIDER)
    assert files(call, "HEAD:nets", "nets") == [
        ("HEAD:nets/a.yaml", "nets/a.yaml", "changed"),
        ("HEAD:nets/deep/b.yaml", "nets/deep/b.yaml", "same"),
    ]
    assert files(call, "HEAD", "nets") == [("HEAD:nets/a.yaml", "nets/a.yaml", "changed")]


def test_renamed_files(call: Call) -> None:
    repository(a=MODEL, b=WIDER.replace("fc", "head"), gone=MODEL.replace("fc", "x"))
    Path("moved").mkdir()
    git("mv", "a.yaml", "moved/a.yaml")
    Path("b.yaml").unlink()
    write("c.yaml", MODEL.replace("fc", "head"))
    Path("gone.yaml").unlink()
    found = json.loads(call("diff", "HEAD", "--format", "json").out)["files"]
    # All three are alike; equal texts pair first, then those with most lines in common.
    assert [(f["old"], f["new"], f["status"], f["renamed"]) for f in found] == [
        ("HEAD:b.yaml", "c.yaml", "changed", True),
        ("HEAD:gone.yaml", None, "removed", False),
        ("HEAD:a.yaml", "moved/a.yaml", "changed", True),
    ]
    assert [c["message"] for c in found[2]["changes"]] == [
        "the file was renamed: a.yaml -> moved/a.yaml"
    ]
    out = call("diff", "HEAD").out
    assert out.splitlines()[0] == "renamed: b.yaml -> c.yaml"
    assert out.endswith(
        "removed: HEAD:gone.yaml, 3 layers, 475 parameters\n\n"
        "renamed: a.yaml -> moved/a.yaml\n\n"
        "3 files: 2 changed, 1 removed, 2 renamed\n"
    )


def test_from_a_folder_below(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(nets__a=MODEL, top=MODEL)
    write("nets/a.yaml", WIDER)
    write("top.yaml", WIDER)
    monkeypatch.chdir("nets")
    assert files(call, "HEAD") == [
        ("HEAD:nets/a.yaml", "a.yaml", "changed"),
        ("HEAD:top.yaml", "../top.yaml", "changed"),
    ]
    assert files(call, "HEAD", ".") == [("HEAD:nets/a.yaml", "a.yaml", "changed")]
    # As for git, ./ counts from here and everything else from the top.
    assert files(call, "HEAD:./a.yaml", "a.yaml") == [("HEAD:nets/a.yaml", "a.yaml", "changed")]
    assert files(call, "HEAD:top.yaml", "a.yaml") == [("HEAD:top.yaml", "a.yaml", "changed")]


def test_in_a_worktree(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("main").mkdir()
    monkeypatch.chdir("main")
    repository(model=MODEL)
    git("worktree", "add", "--quiet", "../tree", "-b", "topic")
    monkeypatch.chdir("../tree")
    write("model.yaml", WIDER)
    assert files(call, "main") == [("main:model.yaml", "model.yaml", "changed")]


def test_names_that_only_look_like_options_or_patterns(call: Call) -> None:
    repository(model=MODEL)
    for name in ("--output=x.yaml", ":(glob)y.yaml", "a b\n.yaml", "*.yaml", "\u00e9.yaml"):
        write(name, MODEL)
    commit()
    for name in ("--output=x.yaml", ":(glob)y.yaml", "a b\n.yaml", "*.yaml", "\u00e9.yaml"):
        write(name, WIDER)
        assert files(call, "--git", "HEAD", "--", f"./{name}") == [
            (f"HEAD:{name}", name, "changed")
        ]
        changed(call, "--", f"HEAD:{name}", f"./{name}")
    assert len(files(call, "HEAD")) == 5


@pytest.mark.parametrize(
    "name", ["--help", "-h", "--output=x", "--upload-pack=touch x", "^main", ":/first", "main:"]
)
def test_a_revision_is_no_option_of_git(call: Call, name: str) -> None:
    repository(model=MODEL)
    result = call("diff", "--git", name)
    assert result.status == 2
    assert f"error CS015: no revision '{name}' in this git repository" in result.err
    assert not Path("x").exists()


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX alone")
def test_a_name_that_is_no_text(call: Call) -> None:
    repository(model=MODEL)
    name = os.fsdecode(b"\xff.yaml")
    write(name, MODEL)
    commit()
    write(name, WIDER)
    assert files(call, "HEAD") == [(f"HEAD:{name}", name, "changed")]
    assert "HEAD:\\udcff.yaml -> \\udcff.yaml; layers: " in call("diff", "HEAD").out
    for style in ("markdown", "html", "github", "sarif", "junit", "gitlab"):
        assert call("diff", "HEAD", "--format", style, "-o", "out").status == 1, style


def test_a_wrapper_is_read_with_the_model_of_its_revision(call: Call) -> None:
    repository(outer="convspec: 1\nmodel: parts/inner.yaml\nname: net\n", parts__inner=MODEL)
    write("parts/inner.yaml", WIDER)
    changed(call, "HEAD:outer.yaml", "outer.yaml")
    assert files(call, "HEAD", "outer.yaml") == [("HEAD:outer.yaml", "outer.yaml", "changed")]


def test_the_weights_of_an_old_version_may_be_gone(call: Call) -> None:
    repository(model=MODEL + "weights: lost.npz\n")
    write("model.yaml", WIDER + "weights: lost.npz\n")
    changed(call, "HEAD:model.yaml", "model.yaml")


def test_a_model_keeps_the_name_of_its_file(call: Call) -> None:
    repository(model=MODEL)
    data = json.loads(call("diff", "HEAD:model.yaml", "model.yaml", "--format", "json").out)
    assert data["same"] is True


def test_patterns_choose_files_as_validate_takes_them(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(nets__a=MODEL, nets__deep__a=MODEL, nets__b=MODEL, other__a=MODEL)
    for name in ("nets/a", "nets/deep/a", "nets/b", "other/a"):
        write(f"{name}.yaml", WIDER)
    Path("nets/b.yaml").unlink()

    def named(*names: str) -> list[str]:
        return [new or old for old, new, _ in files(call, "HEAD", *names)]

    assert named("nets/*.yaml") == ["nets/a.yaml", "HEAD:nets/b.yaml"]
    assert named("nets/**/a.yaml") == ["nets/a.yaml", "nets/deep/a.yaml"]
    assert named("n*/deep", "other") == ["nets/deep/a.yaml", "other/a.yaml"]
    monkeypatch.chdir("nets")
    assert named("a*.yaml", "../other/[a-c].yaml") == ["a.yaml", "../other/a.yaml"]
    # A file of this very name is meant first.
    write("[a].yaml", WIDER)
    assert named("[a].yaml") == ["[a].yaml"]
    result = call("diff", "HEAD", "*.json")
    assert result.status == 2
    assert result.err == "error CS015: no file matches '*.json'\n\nfound 1 error\n"


def test_errors_of_the_old_version_are_its_own(call: Call) -> None:
    repository(model=MODEL.replace("nb_row: 3", "nb_row: 3, wide: 2"), other=MODEL)
    write("model.yaml", MODEL)
    result = call("diff", "HEAD:model.yaml", "model.yaml")
    assert result.status == 2
    assert result.err.splitlines()[:4] == [
        "HEAD:model.yaml:5:65: error CS022: Convolution2D has no argument 'wide' [layer conv1]",
        "   |",
        " 5 |   - {type: Convolution2D, name: conv1, nb_filter: 4, nb_row: 3, wide: 2, nb_col: 3}",
        "   |                                                                 ^^^^",
    ]


BROKEN = MODEL.replace("nb_row: 3", "nb_row: 3, wide: 2")


def test_a_change_that_repairs_a_spec_is_none_to_refuse(call: Call) -> None:
    """Else no check of a pull request that repairs a model could ever pass."""
    repository(model=BROKEN, other=MODEL)
    write("model.yaml", MODEL)
    result = call("diff", "HEAD")
    assert result.status == 0
    assert result.out == (
        "new: model.yaml, 3 layers, 475 parameters\n"
        "the old version has errors: there is nothing to compare with\n"
        "\n1 file: 1 added\n"
    )
    assert call("diff", "HEAD", "--format", "markdown").out == (
        "### `model.yaml`: new\n\n"
        "3 layers, 475 parameters, 1.73 k multiply-adds a sample\n"
        "- note: the old version has errors: there is nothing to compare with\n"
    )
    (file,) = json.loads(call("diff", "HEAD", "--format", "json").out)["files"]
    assert [c["code"] for c in file["changes"]] == ["CD004"]
    # What it may cost at most holds for it as for one that is new.
    assert call("diff", "HEAD", "--fail-on", "params>400").status == 1
    # One that breaks another spec is.
    write("other.yaml", BROKEN)
    result = call("diff", "HEAD")
    assert result.status == 2
    assert "other.yaml:5:65: error CS022: " in result.out
    assert result.out.endswith("2 files: 1 added, 1 with errors\n")


def test_a_spec_with_errors_can_be_removed(call: Call) -> None:
    repository(model=BROKEN)
    Path("model.yaml").unlink()
    result = call("diff", "HEAD")
    assert result.status == 1
    assert result.out == ("removed: HEAD:model.yaml, a model with errors\n\n1 file: 1 removed\n")
    assert call("diff", "HEAD", "--format", "markdown").out == (
        "### `HEAD:model.yaml`: removed\n\na model with errors\n"
    )
    page = call("diff", "HEAD", "--format", "html", "--fail-on", "none")
    assert page.status == 0


def test_of_two_bad_versions_only_the_new_one_is_told(call: Call) -> None:
    repository(model=BROKEN)
    write("model.yaml", BROKEN + "  - {type: Dens, name: last}\n")
    result = call("diff", "HEAD")
    assert result.status == 2
    assert "HEAD:model.yaml" not in result.out


def test_excluded_files_are_passed_over_unless_they_are_named(call: Call) -> None:
    repository(model=MODEL, third__party=MODEL)
    write("convspec.toml", 'exclude = ["third/**"]\n')
    write("model.yaml", WIDER)
    write("third/party.yaml", WIDER)
    assert files(call, "HEAD") == [("HEAD:model.yaml", "model.yaml", "changed")]
    assert files(call, "HEAD", "third/party.yaml") == [
        ("HEAD:third/party.yaml", "third/party.yaml", "changed")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--git", "mian"],
            "error CS015: no revision 'mian' in this git repository\n"
            "  hint: did you mean 'main'?\n",
        ),
        (
            ["mian"],
            "error CS015: 'mian' is neither a file nor a revision of this repository\n"
            "  hint: did you mean 'main'?\n",
        ),
        (
            ["origin/main"],
            "error CS015: 'origin/main' is neither a file nor a revision of this repository\n"
            "  hint: fetch it first: git fetch origin main\n",
        ),
        (
            ["modle.yaml"],
            "modle.yaml: error CS001: the file does not exist\n  hint: did you mean 'model.yaml'",
        ),
        (
            ["model.yaml"],
            "Error: 'model.yaml' needs something to be compared with: convspec diff OLD NEW, or "
            "since the last commit: convspec diff --git HEAD model.yaml\n",
        ),
        (
            ["HEAD:model.yaml"],
            "Error: 'HEAD:model.yaml' needs something to be compared with: convspec diff "
            "HEAD:model.yaml NEW\n",
        ),
        (
            ["-"],
            "Error: '-' needs something to be compared with: convspec diff OLD NEW\n",
        ),
        (
            ["mian:model.yaml", "model.yaml"],
            "error CS015: no revision 'mian' in this git repository\n"
            "  hint: did you mean 'main'?\n",
        ),
        (
            ["HEAD:modle.yaml", "model.yaml"],
            "error CS015: no file 'modle.yaml' in 'HEAD'\n  hint: did you mean 'model.yaml'?\n",
        ),
        (
            ["HEAD:nets/x.yaml", "model.yaml"],
            "error CS015: no file 'nets/x.yaml' in 'HEAD'\n",
        ),
        (
            ["--git", "HEAD", "modle.yaml"],
            "error CS015: 'modle.yaml' is neither in 'HEAD' nor in the working tree\n"
            "  hint: did you mean 'model.yaml'?\n",
        ),
        (
            ["main", "tpic"],
            "error CS015: 'tpic' is neither in 'main' nor in the working tree\n",
        ),
        (
            ["mian", "topic"],
            "error CS015: 'mian' is neither a file nor a revision of this repository\n"
            "  hint: did you mean 'main'?\n",
        ),
        (
            ["--git", "main..mian"],
            "error CS015: no revision 'mian' in this git repository\n"
            "  hint: did you mean 'main'?\n",
        ),
        (
            ["--git", "origin/main"],
            "error CS015: no revision 'origin/main' in this git repository\n"
            "  hint: fetch it first: git fetch origin main\n",
        ),
        (
            ["--git", "f00ba4"],
            "error CS015: no revision 'f00ba4' in this git repository\n"
            "  hint: a clone of CI may hold one commit alone: git fetch, or fetch-depth: 0\n",
        ),
        (
            ["--git", "HEAD", "/"],
            "error CS015: '/' is not in the git repository of this folder\n",
        ),
        (["--git", ""], "Error: Invalid value for '--git': the name is empty\n"),
        (
            ["main..topic", "topic"],
            "Error: 'main..topic' names both sides already\n",
        ),
        (
            ["HEAD:model.yaml", "nets"],
            "Error: 'HEAD:model.yaml' is a file and 'nets' a folder; name two files or two "
            "folders\n",
        ),
        (
            ["a.yaml", "b.yaml", "c.yaml"],
            "Error: OLD and NEW are two, and 3 were named; with --git REVISION any number of files "
            "and folders\n",
        ),
        ([], "Error: name what to compare: OLD NEW, or --git REVISION\n"),
        (["-", "-"], "Error: standard input can be one of the two: OLD or NEW\n"),
    ],
)
def test_what_git_does_not_know(call: Call, arguments: list[str], said: str) -> None:
    repository(model=MODEL, nets__a=MODEL)
    git("branch", "topic")
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        write(name, MODEL)
    result = call("diff", *arguments)
    assert result.status == 2
    assert said in result.err


def test_outside_of_a_repository(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    write("model.yaml", MODEL)
    result = call("diff", "--git", "main")
    assert result.status == 2
    assert result.err == (
        "error CS015: this folder is in no git repository\n"
        "  hint: name two files or folders: convspec diff OLD NEW\n"
        "\nfound 1 error\n"
    )
    result = call("diff", "main:model.yaml", "model.yaml")
    assert result.status == 2
    assert result.err.startswith(
        "error CS015: 'main:model.yaml' is no file, and this folder is in no git repository\n"
    )
    result = call("diff", "main")
    assert result.status == 2
    assert result.err.startswith(
        "error CS015: 'main' is no file, and this folder is in no git repository\n"
    )
    assert "modle.yaml: error CS001: " in call("diff", "modle.yaml", "model.yaml").err


def test_a_repository_without_a_commit(call: Call) -> None:
    git("init", "--quiet", "--initial-branch=main")
    write("model.yaml", MODEL)
    result = call("diff", "--git", "HEAD")
    assert result.status == 2
    assert "error CS015: no revision 'HEAD': this repository has no commit\n" in result.err
    result = call("diff", "main")
    assert result.status == 2
    assert result.err.startswith(
        "error CS015: 'main' is no file, and this repository has no commit\n\n"
    )


def test_without_git(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    result = call("diff", "--git", "HEAD")
    assert result.status == 2
    assert result.err == (
        "error CS015: the command 'git' is not there\n"
        "  hint: install git, or name two files\n"
        "\nfound 1 error\n"
    )
    result = call("diff", "main")
    assert result.status == 2
    assert result.err.startswith(
        "error CS015: 'main' is no file, and the command 'git' is not there\n"
    )


def test_commits_that_have_nothing_in_common(call: Call) -> None:
    repository(model=MODEL)
    git("checkout", "--quiet", "--orphan", "other")
    commit()
    result = call("diff", "main...other")
    assert result.status == 2
    assert "error CS015: 'main' and 'other' have no commit in common\n" in result.err


def test_a_huge_file_is_no_spec_unless_it_is_named(call: Call) -> None:
    repository(model=MODEL)
    write("large.yaml", "convspec: 1\n# " + "x" * (16 << 20))
    commit()
    write("large.yaml", "convspec: 1\n# " + "y" * (16 << 20))
    write("model.yaml", WIDER)
    assert files(call, "HEAD") == [("HEAD:model.yaml", "model.yaml", "changed")]
    result = call("diff", "HEAD", "large.yaml")
    assert result.status == 2
    assert "large.yaml: error CS005: " in result.out


def driver(tmp_path: Path) -> str:
    """The command that a user would set, for the interpreter of the tests."""
    code = "from speccompiler.cli import main; main.main()"
    script = tmp_path.parent / f"{tmp_path.name}-convspec"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_as_git_diff_driver(call: Call, tmp_path: Path) -> None:
    repository(model=MODEL, plain="a: 1\n")
    write(".gitattributes", "model.yaml diff=convspec\nnew.yaml diff=convspec\n")
    git("config", "diff.convspec.command", f"{driver(tmp_path)} diff --git-driver")
    commit()
    write("model.yaml", WIDER)
    write("plain.yaml", "a: 2\n")
    out = git("diff")
    assert "a/model.yaml -> b/model.yaml" in out
    assert " ".join(PARAMETERS.split()) in " ".join(out.split())
    assert "-a: 1\n+a: 2\n" in out  # other files as ever
    commit()
    assert "a/model.yaml -> b/model.yaml" in git("show", "--ext-diff")
    assert "a/model.yaml -> b/model.yaml" in git("log", "-p", "-1", "--ext-diff")
    write("new.yaml", MODEL)
    git("add", "new.yaml")
    assert (
        git("diff", "--cached") == "new: b/new.yaml, 3 layers, 475 parameters\n\n1 file: 1 added\n"
    )
    git("rm", "--quiet", "--cached", "model.yaml")
    assert "removed: a/model.yaml, 3 layers, 711 parameters\n" in git(
        "diff", "--cached", "--no-renames"
    )
    # A spec with errors is told, and git goes on.
    write("new.yaml", MODEL.replace("nb_row: 3", "nb_row: 3, wide: 2"))
    out = git("diff")
    assert "b/new.yaml:5:65: error CS022: Convolution2D has no argument 'wide'" in out


def test_a_driver_colours_as_git_does(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(model=MODEL)
    write(".gitattributes", "*.yaml diff=convspec\n")
    git("config", "diff.convspec.command", f"{driver(tmp_path)} diff --git-driver")
    commit()
    write("model.yaml", WIDER)
    assert "\x1b[" not in git("diff")
    assert "\x1b[31mbreaking" in git("-c", "color.diff=always", "diff")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in git("-c", "color.diff=always", "diff")


def test_a_driver_is_told_of_renames(call: Call, tmp_path: Path) -> None:
    repository(model=MODEL)
    write(".gitattributes", "*.yaml diff=convspec\n")
    git("config", "diff.convspec.command", f"{driver(tmp_path)} diff --git-driver")
    commit()
    git("mv", "model.yaml", "net.yaml")
    write("net.yaml", WIDER)
    git("add", "--all")
    out = git("diff", "--cached", "--find-renames")
    assert "a/model.yaml -> b/net.yaml" in out


def test_as_textconv(call: Call, tmp_path: Path) -> None:
    repository(model=MODEL)
    write(".gitattributes", "*.yaml diff=convspec\n")
    git("config", "diff.convspec.textconv", f"{driver(tmp_path)} shapes")
    commit()
    write("model.yaml", WIDER)
    out = git("diff")
    assert "-parameters: 475 (1.9 KiB)\n" in out
    assert "+parameters: 711 (2.8 KiB)\n" in out


def test_arguments_that_git_does_not_give(call: Call) -> None:
    result = call("diff", "--git-driver", "model.yaml")
    assert result.status == 2
    assert result.err.endswith(
        "Error: git calls a diff driver with 7 or 9 arguments, and 1 were given; set it up with: "
        'git config diff.convspec.command "convspec diff --git-driver"\n'
    )
    assert call("diff", "--git-driver", "--git", "main").err.endswith(
        "Error: --git-driver and --git exclude each other\n"
    )


def test_an_index_that_somebody_has_locked_is_read(call: Call) -> None:
    repository(model=MODEL)
    write("model.yaml", WIDER)
    lock = Path(".git/index.lock")
    lock.touch()
    assert files(call, "HEAD") == [("HEAD:model.yaml", "model.yaml", "changed")]
    assert lock.read_bytes() == b""


def test_a_fingerprint_does_not_hang_on_the_folder_of_the_call(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(nets__a=MODEL, nets__b=WIDER, nets__c=BROKEN)
    Path("nets/a.yaml").unlink()
    Path("nets/b.yaml").rename("nets/moved.yaml")
    write("nets/c.yaml", MODEL)
    write("nets/d.yaml", "convspec: 1\ninput_shape: [4]\nlayers: [{type: Dense, output_dim: 2}]\n")

    def prints() -> list[tuple[str, str]]:
        data = json.loads(call("diff", "HEAD", "--format", "json").out)
        return [(c["code"], c["fingerprint"]) for f in data["files"] for c in f["changes"]]

    before = prints()
    assert sorted(code for code, _ in before) == ["CD001", "CD002", "CD003", "CD004"]
    monkeypatch.chdir("nets")
    assert prints() == before
