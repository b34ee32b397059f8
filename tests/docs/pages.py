"""The pages of README and docs/, and the blocks of code in them.

A block is run by the language of its fence, all blocks of a page one after the other in one
folder of their own, which holds ``examples`` and an empty ``out``:

* ``console``: each line that begins with ``$`` is a command, and what follows is what it prints;
* ``python``: is executed, with the names of the blocks before it; what it prints stands in a
  ``text`` block after the line "This prints";
* ``pycon``: a session, checked by doctest with the same names;
* ``yaml`` with a ``convspec`` or ``class_name`` key: has to be a model without errors.

A comment right above a block says more: ``<!-- file: NAME -->`` writes the block into a file for
those that follow, and ``<!-- not run: REASON -->`` leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.places import ROOT

DOCS = ROOT / "docs"
MADE_FROM_SCHEMAS = {"spec.md", "diagnostics.md", "command-line.md"}
"""Pages that a program writes; tests of their own compare them with it."""

PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "README.md",
    *sorted(DOCS.rglob("*.md")),
)
BLOCK = re.compile(
    r"(?:^<!-- (?P<key>file|not run): (?P<value>[^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\S*)(?P<title>[^\n]*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n?", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, with where it stands in its page."""

    page: Path
    line: int
    start: int
    """Where its text begins in the page's."""
    language: str
    text: str
    file: str | None
    not_run: str | None
    printed: bool
    """Whether it is what the block before it prints."""

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line of a transcript, and what the page says that it prints."""

    line: str
    shown: str
    start: int
    """Where ``shown`` begins in the block's text."""


def name_of(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    source = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(source):
        before = source[: found.start()].rstrip()
        key, value = found["key"], found["value"]
        yield Block(
            page,
            source.count("\n", 0, found.start("text")),
            found.start("text"),
            found["language"],
            found["text"],
            value if key == "file" else None,
            value if key == "not run" else None,
            found["language"] == "text" and before.endswith("\nThis prints"),
        )


def commands(block: Block) -> Iterator[Command]:
    """The commands of a transcript."""
    found = list(COMMAND.finditer(block.text))
    ends = [command.start() for command in found[1:]] + [len(block.text)]
    for command, end in zip(found, ends, strict=True):
        yield Command(command[1], block.text[command.end() : end], command.end())


def matches(shown: str, printed: str) -> bool:
    """Word for word, but for ``...``: a word and any blanks around it; on its own line, lines."""
    lines = [
        r"(?:.*\n)*" if line == "..." else DOTS.sub(_word, re.escape(line)) + r"\n"
        for line in shown.strip("\n").split("\n")
    ]
    return re.fullmatch("".join(lines), printed.strip("\n") + "\n") is not None


DOTS = re.compile(r"(\\ )*\\\.\\\.\\\.(\\ )*")


def _word(dots: re.Match[str]) -> str:
    before, after = (" +" if blanks else "" for blanks in dots.groups())
    return rf"{before}\S+{after}"
