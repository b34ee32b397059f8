"""action.yml, its steps run by bash against a repository and a GitHub that are made here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.fake_github import BOT, FakeGitHub, serving
from tests.action.runner import Ended, Runner
from tests.places import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs here are scripts for sh")
ACTION = ROOT / "action.yml"
SPEC = """\
convspec: 1
name: digits
dim_ordering: tf
input_shape: [28, 28, 1]
seed: 1
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 8, nb_row: 3, nb_col: 3}
  - {type: Flatten, name: flat}
  - {type: Dense, name: digit, output_dim: 10}
"""
WIDER = SPEC.replace("nb_filter: 8", "nb_filter: 16")
BROKEN = SPEC.replace("nb_filter", "nb_filters")
MARKER = "<!-- convspec diff -->\n"
PERSON = {"login": "mallory", "type": "User"}


def git(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@dataclass
class Hub:
    """A repository on a server with pull request 7, and the machine that runs a job for it."""

    folder: Path
    github: FakeGitHub
    variables: dict[str, str] = field(default_factory=dict)
    base: str = "main"

    def __post_init__(self) -> None:
        self.origin, self.clone = self.folder / "origin", self.folder / "clone"
        git("init", "-q", "--bare", "-b", self.base, self.origin, cwd=self.folder)
        git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=self.origin)
        git("clone", "-q", self.origin, self.clone, cwd=self.folder)
        git("checkout", "-q", "-b", self.base, cwd=self.clone)
        self.commit({"models/digits.yaml": SPEC, "README.md": "Nets.\n"})
        git("checkout", "-q", "-b", "topic", cwd=self.clone)

    def commit(self, files: dict[str, str | None], branch: str | None = None) -> str:
        """Write, commit and push files, None to remove one; the commit."""
        if branch is not None:
            git("checkout", "-q", branch, cwd=self.clone)
        for name, text in files.items():
            file = self.clone / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text, encoding="utf-8")
        git("add", "-A", cwd=self.clone)
        git("commit", "-q", "--allow-empty", "-m", "a change", cwd=self.clone)
        git("push", "-q", "origin", "HEAD", cwd=self.clone)
        return git("rev-parse", "HEAD", cwd=self.clone)

    def checkout(self, ref: str) -> Path:
        """As actions/checkout: one commit, and no name for it."""
        place = self.folder / "workspace"
        shutil.rmtree(place, ignore_errors=True)
        git("init", "-q", place, cwd=self.folder)
        git("remote", "add", "origin", self.origin.as_uri(), cwd=place)
        git("fetch", "-q", "--depth=1", "origin", ref, cwd=place)
        git("checkout", "-q", "--detach", "FETCH_HEAD", cwd=place)
        return place

    def merged(self) -> str:
        """The ref of the merge of topic into the base, as GitHub makes it."""
        git("checkout", "-q", "--detach", f"origin/{self.base}", cwd=self.clone)
        git("merge", "-q", "--no-ff", "-m", "Merge", "topic", cwd=self.clone)
        git("push", "-q", "-f", "origin", "HEAD:refs/pull/7/merge", cwd=self.clone)
        git("checkout", "-q", "topic", cwd=self.clone)
        return "refs/pull/7/merge"

    def runner(self, workspace: Path, *, about_request: bool = True) -> Runner:
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        head = {"sha": git("rev-parse", "topic", cwd=self.clone)}
        request = {"number": 7, "head": head, "base": {"ref": self.base}}
        event: dict[str, Any] = {"pull_request": request} if about_request else {}
        # Tested once below; takes a quarter of a minute.
        installed = {"Install convspec": {"python": sys.executable}}
        variables = {"GITHUB_API_URL": self.github.url, **self.variables}
        return Runner(ROOT, workspace, temp, event, variables, installed)

    def run(self, **inputs: str) -> Ended:
        """The action on the pull request as it is."""
        return self.runner(self.checkout(self.merged())).run(**inputs)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(FakeGitHub()) as github:
        yield Hub(tmp_path, github)


def test_what_is_changed_becomes_one_comment_that_is_kept_up_to_date(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    first = hub.run()
    assert first.status == 1, first.log
    assert hub.github.writes == ["POST"]
    (comment,) = hub.github.comments
    assert comment["body"].startswith(MARKER)
    assert "nb_filter 8 → 16" in comment["body"]
    head = git("rev-parse", "topic", cwd=hub.clone)[:10]
    base = git("rev-parse", "--short", "main", cwd=hub.clone)
    assert comment["body"].endswith(f"<sub>{head} compared with {base} by convspec</sub>\n")
    report = hub.folder / "temp" / "convspec-report.md"
    assert first.outputs == {
        "validate-status": "0",
        "diff-status": "1",
        "changed": "true",
        "report": str(report),
        "comment-url": "https://github.invalid/nets/models/pull/7#issuecomment-1",
    }
    assert "no findings in 1 file\n" in first.log
    assert first.summary == ""

    hub.commit({"models/digits.yaml": WIDER.replace("16", "32")})
    assert hub.run().status == 1
    assert hub.github.writes == ["POST", "PATCH"]
    assert "nb_filter 8 → 32" in hub.github.comments[0]["body"]

    hub.commit({"models/digits.yaml": "# reformatted\n" + SPEC})
    back = hub.run()
    assert (back.status, back.outputs["changed"]) == (0, "false")
    assert hub.github.writes == ["POST", "PATCH", "PATCH"]
    assert hub.github.comments[0]["body"].startswith(MARKER + "No model differs any more.\n")
    assert back.outputs["comment-url"] == first.outputs["comment-url"]
    hub.run()
    assert hub.github.writes == ["POST", "PATCH", "PATCH"], "nothing new to say"
    assert len(hub.github.comments) == 1


NET = """\
convspec: 1
name: net
dim_ordering: tf
input_shape: [32, 32, 3]
seed: 1
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 16, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: Convolution2D, name: conv2, nb_filter: 16, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: MaxPooling2D, name: pool}
  - {type: Convolution2D, name: conv3, nb_filter: 32, nb_row: 3, nb_col: 3, activation: relu}
  - {type: Flatten, name: flat}
  - {type: Dense, name: out, output_dim: 10, activation: softmax}
"""


def test_a_reviewer_reads_four_changes_apart(hub: Hub) -> None:
    """A layer renamed, a normalization and a skip connection put in, more filters."""
    hub.commit({"models/net.yaml": NET}, branch="main")
    git("checkout", "-q", "topic", cwd=hub.clone)
    git("merge", "-q", "main", cwd=hub.clone)
    conv2 = next(line for line in NET.splitlines() if "conv2" in line)
    new = NET.replace("name: conv1", "name: stem").replace("nb_filter: 32", "nb_filter: 48")
    normalization = "  - {type: BatchNormalization, name: bn}\n"
    skip = "\n  - {type: Merge, name: skip, mode: sum, inputs: [bn, conv2]}"
    hub.commit({"models/net.yaml": new.replace(conv2, normalization + conv2 + skip)})
    assert hub.run().status == 1
    (comment,) = hub.github.comments
    rows = [line for line in comment["body"].splitlines() if line.startswith("| **breaking** |")]
    assert [row.split("|")[2].strip() for row in rows] == [
        "`conv1` → `stem`",
        "`bn` (new)",
        "`skip` (new)",
        "`conv3`",
        "`out`",
    ]
    assert "old weights fit, and are named conv1/W, conv1/b" in rows[0]
    assert "inserted after 'stem'" in rows[1]
    assert "inserted after 'bn', 'conv2'" in rows[2]
    assert "nb_filter 32 → 48" in rows[3]
    assert "because of 'conv3'" in rows[4]
    assert "| parameters | 70,138 | 103,882 | +48.1% |" in comment["body"]


def test_nothing_is_posted_where_nothing_ever_changed(hub: Hub) -> None:
    hub.commit({"README.md": "Neural nets.\n"})
    ended = hub.run()
    assert (ended.status, hub.github.writes, ended.summary) == (0, [], "")
    assert (ended.outputs["changed"], ended.outputs["comment-url"]) == ("false", "")


def test_a_fork_without_permission_has_the_summary(hub: Hub) -> None:
    hub.github.may_write = False
    hub.commit({"models/digits.yaml": WIDER})
    ended = hub.run()
    assert ended.status == 1
    assert "nb_filter 8 → 16" in ended.summary
    assert "::notice title=convspec::the token may not comment (POST " in ended.log
    hub.commit({"models/digits.yaml": SPEC})
    assert hub.run().summary == ""


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({}, 1),
        ({"fail_on": "none"}, 0),
        ({"fail_on": "params>200%"}, 0),
        ({"fail_on": "params>50%"}, 1),
        ({"fail_on": "nonsense"}, 2),
        ({"fail_on_errors": "perhaps"}, 2),
        ({"paths": "models\ngone.yaml"}, 2),
        ({"config": "none.toml"}, 2),
    ],
    ids=str,
)
def test_how_it_ends(hub: Hub, inputs: dict[str, str], status: int) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    ended = hub.run(**inputs)
    assert ended.status == status, ended.log


def test_errors_are_annotations_and_end_the_job(hub: Hub) -> None:
    hub.commit({"models/second.yaml": SPEC.replace("digits", "second")}, branch="main")
    hub.commit({"models/digits.yaml": BROKEN}, branch="topic")
    ended = hub.run(fail_on="none")
    assert ended.status == 2, "a model with errors cannot be compared"
    assert ended.outputs["validate-status"] == "1"
    assert "::error title=CS022%3A unknown argument,file=models/digits.yaml,line=7," in ended.log
    assert "cannot be compared" in hub.github.comments[0]["body"]


def test_a_pull_request_that_repairs_a_spec_passes(hub: Hub) -> None:
    hub.commit({"models/old.yaml": BROKEN}, branch="main")
    hub.commit({}, branch="topic")
    git("merge", "-q", "main", "-m", "a merge", cwd=hub.clone)
    hub.commit({"models/old.yaml": SPEC})
    assert hub.run().status == 0
    assert "the old version has errors" in hub.github.comments[0]["body"]


def test_errors_that_were_there_before_fail_as_wanted(hub: Hub) -> None:
    hub.commit({"models/old.yaml": BROKEN}, branch="main")
    hub.commit({"README.md": "Nets!\n"}, branch="topic")
    assert hub.run().status == 1
    assert hub.run(fail_on_errors="false").status == 0
    hub.commit({"convspec.toml": 'exclude = ["old.yaml"]\n'})
    assert hub.run().status == 0


def test_the_head_is_compared_with_what_it_started_from(hub: Hub) -> None:
    """The base has moved on since; what others did there is not the pull request's doing."""
    hub.commit({"models/digits.yaml": WIDER})
    hub.commit({"models/others.yaml": SPEC}, branch="main")
    git("push", "-q", "origin", "topic:refs/pull/7/head", cwd=hub.clone)
    ended = hub.runner(hub.checkout("refs/pull/7/head")).run()
    assert ended.status == 1, ended.log
    (comment,) = hub.github.comments
    assert "nb_filter 8 → 16" in comment["body"]
    assert "others" not in comment["body"]
    assert "share no commit" not in ended.log
    whole = hub.folder / "whole"
    git("clone", "-q", "-b", "topic", hub.origin, whole, cwd=hub.folder)
    before = git("rev-list", "--count", "HEAD", cwd=whole)
    assert hub.runner(whole).run().status == 1
    assert git("rev-list", "--count", "HEAD", cwd=whole) == before, "history stays whole"


def test_the_merge_is_compared_with_the_base_it_merges_into(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    hub.commit({"models/others.yaml": SPEC}, branch="main")
    assert hub.run().status == 1
    assert "others" not in hub.github.comments[0]["body"]


def test_a_push_compares_only_with_a_base_that_is_named(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    runner = hub.runner(hub.checkout("topic"), about_request=False)
    plain = runner.run()
    assert (plain.status, plain.outputs["diff-status"]) == (0, "")
    assert "nothing to compare with" in plain.log
    named = runner.run(base="main")
    assert (named.status, named.outputs["changed"]) == (1, "true")
    assert "nb_filter 8 → 16" in named.summary
    gone = runner.run(base="nowhere")
    assert gone.status == 2
    assert "::error title=convspec::the base 'nowhere' cannot be fetched" in gone.log
    assert runner.run(base="--upload-pack=touch x").status == 2
    assert hub.github.writes == []


def test_a_comment_is_known_by_line_and_writer(hub: Hub) -> None:
    hub.github.add(MARKER + "mine!", PERSON)
    for number in range(120):
        hub.github.add(f"comment {number}", PERSON)
    hub.github.add(MARKER + "of an account that is gone", None)
    old = hub.github.add(MARKER + "old")
    hub.github.add(MARKER + "another run's")
    hub.github.add("I saw " + MARKER)
    hub.commit({"models/digits.yaml": WIDER})
    hub.run()
    assert hub.github.writes == ["DELETE", "PATCH"]
    assert "nb_filter" in old["body"]
    assert hub.github.comments[0]["body"] == MARKER + "mine!"
    assert len(hub.github.comments) == 124


def test_a_person_s_token_keeps_the_person_s_comment(hub: Hub) -> None:
    hub.github.user = "mallory"
    bots = hub.github.add(MARKER + "old", BOT)
    mine = hub.github.add(MARKER + "old", PERSON)
    hub.commit({"models/digits.yaml": WIDER})
    hub.run()
    assert (bots["body"], hub.github.writes) == (MARKER + "old", ["PATCH"])
    assert "nb_filter" in mine["body"]


def test_two_uses_keep_two_comments(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    hub.run(comment_key="a")
    hub.run(comment_key="b --> x")
    hub.run(comment_key="a")
    assert [c["body"].splitlines()[0] for c in hub.github.comments] == [
        "<!-- convspec diff: a -->",
        "<!-- convspec diff: b -- x -->",
    ]


def test_no_comment_is_wanted(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    ended = hub.run(comment="false")
    assert hub.github.writes == []
    assert "nb_filter 8 → 16" in ended.summary


def test_a_server_in_trouble_is_asked_again(hub: Hub) -> None:
    hub.commit({"models/digits.yaml": WIDER})
    hub.github.troubles = 1
    hub.run()
    assert hub.github.writes == ["POST"]
    hub.github.mumbles = 3
    ended = hub.run()
    assert ended.status == 1
    assert "::warning title=convspec::no comment: GET " in ended.log
    hub.github.troubles = 3
    ended = hub.run()
    assert ended.status == 1
    assert "::warning title=convspec::no comment: GET " in ended.log
    assert "nb_filter" in ended.summary


def test_a_long_report_fits_into_a_comment(hub: Hub) -> None:
    lines = [
        f"  - {{type: Dense, name: layer_{n}_{'x' * 60}, output_dim: {n + 1}}}" for n in range(400)
    ]
    hub.commit({"models/digits.yaml": SPEC + "\n".join(lines) + "\n"})
    ended = hub.run()
    assert hub.github.writes == ["POST"], ended.log
    assert len(hub.github.comments[0]["body"]) > 20_000


def test_no_text_of_a_pull_request_is_run(hub: Hub) -> None:
    """Names of layers, of files and of branches, modules in the workspace, inputs."""
    trap = "import pathlib; pathlib.Path(__file__).with_name('pwned').touch()\n"
    modules = ("speccompiler/__init__.py", "yaml.py", "click.py", "json.py", "workflow.py")
    spec = WIDER.replace("conv1", '"::error::$(touch pwned)`touch pwned`"')
    hub.commit({"models/$(touch pwned) ;'x.yaml": spec, **dict.fromkeys(modules, trap)})
    workspace = hub.checkout(hub.merged())
    ended = hub.runner(workspace).run(paths="models\n$(touch pwned)\n;touch pwned")
    assert ended.status == 2, "two of the paths are none"
    ended = hub.runner(workspace).run()
    assert ended.status in (0, 1), ended.log
    assert not list(workspace.rglob("pwned"))
    assert len(hub.github.comments) == 1
    token = re.search(r"^::stop-commands::(\w+)$", ended.log, re.MULTILINE)
    assert token is not None
    inside = ended.log.split(token.group())[1].split(f"::{token[1]}::")[0]
    assert "$(touch pwned)" in inside


def test_a_branch_with_an_odd_name(tmp_path: Path) -> None:
    with serving(FakeGitHub()) as github:
        hub = Hub(tmp_path, github, base="v1.x;$(id)'\"")
        hub.commit({"models/digits.yaml": WIDER})
        git("push", "-q", "origin", "topic:refs/pull/7/head", cwd=hub.clone)
        ended = hub.runner(hub.checkout("refs/pull/7/head")).run()
        assert (ended.status, github.writes) == (1, ["POST"]), ended.log


def test_it_installs_itself_into_an_environment_of_its_own(hub: Hub, tmp_path: Path) -> None:
    action = tmp_path / "action"
    ignored = shutil.ignore_patterns(
        ".*", "build", "dist", "out", "__pycache__", "*.egg-info", "docs", "tests", "benchmarks"
    )
    shutil.copytree(ROOT, action, ignore=ignored)
    # What the package index would bring, without convspec itself.
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(pytest.__file__).parents[1].iterdir():
        if "convspec" not in entry.name:
            (packages / entry.name).symlink_to(entry)
    programs = tmp_path / "programs"
    programs.mkdir()
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    hub.variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        # pip reads the value as that of build-isolation.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }
    hub.commit({"models/digits.yaml": WIDER})
    runner = hub.runner(hub.checkout(hub.merged()))
    runner.action, runner.skipped = action, {}
    ended = runner.run()
    assert ended.status == 1, ended.log
    assert hub.github.writes == ["POST"], ended.log
    assert (hub.folder / "temp" / "convspec" / "bin" / "convspec").exists()
    assert ended.uses == ["actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405"]


def test_the_file_of_the_action() -> None:
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "a value there is a part of the script"
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step.get("uses", "")) or "run" in step
    workflows = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for used in [step["uses"] for step in action["runs"]["steps"] if "uses" in step]:
        assert used in workflows, "one version of it in this repository"
    assert all(described["description"] for described in action["inputs"].values())
