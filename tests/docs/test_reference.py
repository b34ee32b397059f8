"""Every page is reached; every command, option, code, layer and name of Python has its entry."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import speccompiler
from speccompiler.cli.main import COMMANDS, convspec
from speccompiler.cli.reference import as_markdown
from speccompiler.diagnostics.codes import CODES
from speccompiler.schemas.registry import LAYERS
from tests.docs.pages import DOCS, PAGES, ROOT, name_of

COMMAND_LINE = (DOCS / "command-line.md").read_text(encoding="utf-8")
LISTS = re.compile(r"^```\{toctree\}\n(?P<entries>.*?)^```$", re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def reached(page: Path) -> set[Path]:
    """The pages that the lists of a page lead to, and theirs."""
    found = {page}
    for entries in LISTS.findall(page.read_text(encoding="utf-8")):
        for entry in entries.split("\n"):
            if entry and not entry.startswith(":"):
                found |= reached(page.parent / f"{entry}.md")
    return found


def test_every_page_is_reached_from_the_first() -> None:
    assert reached(DOCS / "index.md") == set(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_a_page_has_a_title_and_says_what_it_is_for(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    title, empty, first = text.split("\n")[:3]
    assert title.startswith("# ")
    assert empty == ""
    assert first[:1].isalpha() or first.startswith("`")
    assert sum(heading == title[2:] for heading in headings(page)) == 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_of_a_paragraph_begins_like_a_list(page: Path) -> None:
    """Markdown makes a list of a paragraph whose second line begins with '1. ', or '- '."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"^(?!\d+\. )\w.*\n(?:\d+\. |[-*+] ).*", text, re.MULTILINE) == []


def test_the_page_of_commands_is_clicks_own_tree() -> None:
    assert as_markdown() == COMMAND_LINE, "run make schema"


def test_every_command_and_option_is_on_it() -> None:
    with click.Context(convspec) as context:
        for name in COMMANDS:
            command = convspec.get_command(context, name)
            assert command is not None
            section = COMMAND_LINE.split(f"\n## convspec {name}\n")[1].split("\n## ")[0]
            for option in command.params:
                if isinstance(option, click.Option):
                    assert all(f"`{name}`" in section for name in option.opts), option


def test_every_environment_variable_is_on_it() -> None:
    variables = set()
    for folder in ("speccompiler", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            variables |= set(re.findall(r"\bCONVSPEC_[A-Z_]+[A-Z]\b", file.read_text("utf-8")))
    assert [name for name in sorted(variables) if name not in COMMAND_LINE] == []


def test_every_code_has_an_entry() -> None:
    titles = headings(DOCS / "diagnostics.md")
    assert [title.split(":")[0] for title in titles[1:]] == list(CODES), "run make schema"


def test_every_layer_has_an_entry() -> None:
    assert set(LAYERS) <= set(headings(DOCS / "spec.md")), "run make schema"


def test_every_name_of_python_has_an_entry() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\.\. auto\w+:: speccompiler\.(\w+)(?:\(\))?$", page, re.MULTILINE))
    assert listed == set(speccompiler.__all__)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """A file is named by its path in the repository, or a module by its name alone."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r"^## \[0\.\d.*", "", text, flags=re.M | re.S)  # what was, in the changelog
    modules = {file.name for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")}
    missing = []
    for named in re.findall(r"`([\w./-]+)`", text):
        top = named.split("/")[0]
        if top in FOLDERS and "/" in named:
            if not (ROOT / named).exists():
                missing.append(named)
        elif named.endswith(".py") and named.split("/")[-1] not in modules:
            missing.append(named)
    assert missing == []


FOLDERS = ("speccompiler", "schemas", "cli", "tests", "benchmarks", "examples", "docs")
