"""What README and the pages of docs/ show is what happens: every block of code is run."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import speccompiler
from tests.docs.pages import (
    MADE_FROM_SCHEMAS,
    PAGES,
    ROOT,
    Block,
    Command,
    blocks,
    commands,
    matches,
    name_of,
)

RUN = [
    page
    for page in PAGES
    if page.name not in MADE_FROM_SCHEMAS and not page.name.startswith("benchmarks")
]
LANGUAGES = {
    "console", "elisp", "groovy", "json", "lua", "pycon", "python", "sh", "text", "toml", "yaml",
}  # fmt: skip
"""The languages of blocks; a directive of the site ({...}) is none."""


COMMITTER = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")},
}
"""Who commits where a page has a repository, whatever the machine says."""


class Folder:
    """Where the blocks of a page run, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, Any] = {"__name__": "__page__"}
        self.status = 0
        (path / "examples").symlink_to(ROOT / "examples")
        (path / "tests").symlink_to(ROOT / "tests")
        (path / "out").mkdir()
        programs = path / ".programs"
        programs.mkdir()
        for program, start in {"convspec": " -m speccompiler", "python": ""}.items():
            (programs / program).write_text(f'#!/bin/sh\nexec "{sys.executable}"{start} "$@"\n')
            (programs / program).chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",  # both streams in the order of a terminal
            **COMMITTER,
        }

    def printed_by(self, command: Command) -> str:
        """What a command prints on both streams; ``cd`` holds for those that follow."""
        if command.line.startswith("cd "):
            self.path /= command.line.removeprefix("cd ")
            return ""
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.status}); {command.line}"],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.status = done.returncode
        # Which run is first and compiles, the order of tests decides, and what earlier runs of the
        # tests have left; the unit, the machine as well.
        printed = re.sub(r"^kernels compiled in .*\n", "", done.stdout, flags=re.MULTILINE)
        printed = re.sub(
            r"^(\S+) (?:us|ms), kept in ", r"\1 s, kept in ", printed, flags=re.MULTILINE
        )
        return re.sub(r"( in \S+) (?:us|s) on ", r"\1 ms on ", printed)

    def execute(self, block: Block) -> str:
        """Run Python, and return what it prints."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile("\n" * block.line + block.text, str(block.page), "exec"), self.names)
        return out.getvalue()

    def session(self, block: Block) -> None:
        """Compare a session in Python with what it says."""
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, str(block), str(block.page), block.line
        )
        # The parser copies the names; the blocks share them.
        test.globs = self.names
        report = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        failed, _ = runner.run(test, out=report.write, clear_globs=False)
        assert not failed, report.getvalue()


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_shows_is_what_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    found = [block for block in blocks(page) if block.not_run is None]
    if not any(block.language in {"console", "python", "pycon"} or block.file for block in found):
        return
    monkeypatch.chdir(tmp_path)
    folder = Folder(tmp_path)
    monkeypatch.setenv("PATH", folder.environment["PATH"])
    printed = ""
    anew: list[tuple[int, int, str]] = []
    update = request.config.getoption("--update-golden")
    for block in found:
        assert printed == "" or block.printed, f"{block}: the Python before it prints {printed!r}"
        if block.file is not None:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command in commands(block):
                output = folder.printed_by(command)
                if not matches(command.shown, output):
                    if not update:
                        pytest.fail(f"{block}: $ {command.line}\n{output}")
                    start = block.start + command.start
                    anew.append((start, start + len(command.shown), output.strip("\n")))
        elif block.language == "python":
            printed = folder.execute(block)
        elif block.language == "pycon":
            folder.session(block)
        elif block.printed:
            if not matches(block.text, printed):
                assert update, f"{block}: {printed}"
                anew.append((block.start, block.start + len(block.text), printed.strip("\n")))
            printed = ""
    assert printed == "", f"{page}: the last Python prints {printed!r}"
    if anew:
        _write(page, anew)


def _write(page: Path, anew: list[tuple[int, int, str]]) -> None:
    """Put what the commands print into the page; read the difference before you keep it."""
    source = page.read_text(encoding="utf-8")
    for start, end, output in reversed(anew):
        output = re.sub(
            r"in \S+ (\S+ on \w+, batch) \d+, \d+ threads", r"in ... \1 ..., ... threads", output
        )
        gap = "\n\n" if source[start:end].endswith("\n\n") else "\n"
        shown = f"{output}{gap}" if output else ""
        source = source[:start] + shown + source[end:]
    page.write_text(source, encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    """A block with no language, or of a shell, is not compared with anything: it says why."""
    for block in blocks(page):
        if block.language.startswith("{"):
            continue
        assert block.language in LANGUAGES, f"{block}: a block of {block.language!r}"
        # The examples of --help are read by tests/cli/test_help.py.
        told = block.not_run or page.name in MADE_FROM_SCHEMAS
        assert block.language != "sh" or told, f"{block}: say why it is not run"
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    if page.name == "CONTRIBUTING.md":
        return  # its commands are those of .ci/run
    indented = re.findall(r"^\n    \S.*", text, re.MULTILINE)
    assert indented == [], "a block without a fence is neither coloured nor run"


SPECS = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and re.search(r"^(convspec|class_name):", block.text, re.MULTILINE)
]


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_a_spec_on_a_page_is_one(block: Block) -> None:
    if block.not_run is not None or block.file is not None:
        return  # the commands of the page say what is wrong with such a file, or nothing
    if re.search(r"^model:", block.text, re.MULTILINE):
        assert isinstance(yaml.safe_load(block.text), dict)  # around a file that is not there
        return
    speccompiler.loads(block.text)


def test_dots_stand_for_a_word_or_for_lines() -> None:
    assert matches("a ... c", "a b c\n")
    assert not matches("a ... c", "a b b c\n")
    assert matches("a\n...\nc", "a\nb\nb\nc\n")
    assert matches("a\n...", "a\nb\n")
    assert matches("a\n...\nc", "a\nc")
    assert not matches("a\n...\nc", "a\nb\nd")
    assert not matches("", "a")


def test_transcripts_have_commands_of_several_lines(tmp_path: Path) -> None:
    block = Block(
        tmp_path, 1, 0, "console", "$ a \\\n  b\none\n\n$ c\n$ d\ntwo\n", None, None, False
    )
    assert [(c.line, c.shown) for c in commands(block)] == [
        ("a \\\n  b", "one\n\n"),
        ("c", ""),
        ("d", "two\n"),
    ]
