"""``--help`` of every command: examples that can be copied, and lines that fit a terminal."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.main import COMMANDS, convspec
from tests.cli.calling import Call

JOINING = {"|", "||", "&&", ";"}
REDIRECTING = {">", ">>", "<"}


def command_of(name: str) -> click.Command:
    with click.Context(convspec) as context:
        command = convspec.get_command(context, name)
    assert command is not None
    return command


def examples(name: str) -> list[tuple[str, str]]:
    """What each example does, and its line, of several in one."""
    command = command_of(name)
    assert isinstance(command, ExampleCommand), f"{name} needs cls=ExampleCommand, examples=..."
    found = []
    for example in command.examples.split("\n\n"):
        comments, lines = [], []
        for line in example.splitlines():
            (comments if line.startswith("#") else lines).append(line)
        found.append((" ".join(comments), "\n".join(lines)))
    return found


def calls(text: str) -> list[list[str]]:
    """The arguments of each ``convspec`` in what a shell is given."""
    found = []
    for line in re.sub(r"\\\n|(?<=\|)\n", " ", text).splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        words.whitespace_split = True
        commands: list[list[str]] = [[]]
        redirected = False
        for word in words:
            if word in JOINING:
                commands.append([])
            elif not redirected and word not in REDIRECTING:
                commands[-1].append(word)
            redirected = word in REDIRECTING
        found += [c[c.index("convspec") + 1 :] for c in commands if "convspec" in c]
    return found


def test_the_commands_of_a_line() -> None:
    assert calls("convspec a -x 'b c' > out --d") == [["a", "-x", "b c", "--d"]]
    assert calls("cat x | convspec a - |\n  jq '.a | .b'\nconvspec b") == [["a", "-"], ["b"]]
    assert calls("git diff | xargs convspec a --b") == [["a", "--b"]]
    assert calls("convspec a \\\n  --b && convspec c") == [["a", "--b"], ["c"]]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples(name: str) -> None:
    found = examples(name)
    assert found
    for does, line in found:
        assert does.startswith("# "), f"{line!r} does not say what it does"
        assert line, f"{does!r} has no line below it"
        assert any(call[0] == name for call in calls(line)), f"{line!r} is no example of {name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each argument is one that the command takes, and of its kind; nothing is run."""
    monkeypatch.chdir(tmp_path)
    for _, line in examples(name):
        for command, *arguments in calls(line):
            with click.Context(convspec, **convspec.context_settings) as above:
                command_of(command).make_context(command, arguments, above)


@pytest.mark.parametrize("name", ["", *COMMANDS])
@pytest.mark.parametrize("columns", [80, 200])
def test_help_fits_a_terminal(
    call: Call, name: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """80 columns, which is all that click ever takes; no line ends within a word or a mark."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = call(*filter(None, [name]), "--help")
    assert (shown.status, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if re.search(r"""(\w-|\s["'(]|#)$""", line)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_come_last_and_as_they_are(call: Call, name: str) -> None:
    out = call(name, "--help").out
    command = command_of(name)
    assert isinstance(command, ExampleCommand)
    shown = out.split("\nExamples:\n")[1]
    assert re.sub(r"^  ", "", shown, flags=re.MULTILINE).rstrip("\n") == command.examples
