"""The page ``docs/command-line.md``: every command and option, from click's own tree."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.main import COMMANDS, convspec

INTRODUCTION = """# The command line

Every command, with every option. `convspec COMMAND --help` prints the same. An option of one name
means the same in every command that has it.
"""

AROUND = """## Streams and exit statuses

`-` in the place of a file is the standard input or output. Results go to the standard output or
`--output`; progress, notes and errors of a run go to the standard error.

| status | when |
|---|---|
| 0 | no errors; warnings and notes alone leave it at 0 |
| 1 | findings: in the spec, the weights or the array |
| 2 | wrong usage, files that cannot be read or written, too little memory, an internal error |
| 130 | interrupted |

## Environment variables

| variable | meaning |
|---|---|
| `CONVSPEC_CACHE_DIR` | Where kernels and packed weights are kept. Default: the user's cache. |
| `CONVSPEC_CACHE_SIZE` | Most MiB that the cache holds. Default: 2048. |
| `CONVSPEC_COMPILE_PROCESSES` | Processes that compile kernels. Default: as many as `--threads`. |
| `CONVSPEC_BACKGROUND` | 0: no process goes on compiling kernels after a command. |
| `CONVSPEC_ISA` | The instruction set to use, such as `x86-64-v3`. Default: the highest there is. |
| `CONVSPEC_TRACEBACK` | 1 shows where an internal error arose. |
| `NO_COLOR`, `FORCE_COLOR` | Whether output is coloured. Default: on a terminal. |
| `CUDA_VISIBLE_DEVICES` | The GPUs that `--target cuda` sees. |
| `NUMBA_ENABLE_CUDASIM` | 1 runs `--target cuda` on numba's simulator. |

## Completion

A shell completes commands, files, codes and targets after
`eval "$(_CONVSPEC_COMPLETE=bash_source convspec)"` (`zsh_source`, `fish_source`).
"""


def as_markdown() -> str:
    """The whole page; a test compares it with the file."""
    with click.Context(convspec, info_name="convspec", **convspec.context_settings) as context:
        names = "\n".join(
            f"| [`{name}`](#convspec-{name}) | {does} |" for name, does in COMMANDS.items()
        )
        parts = [INTRODUCTION, f"| command | what it does |\n|---|---|\n{names}\n"]
        for name in COMMANDS:
            command = convspec.get_command(context, name)
            assert command is not None, f"no command '{name}'"
            parts += _section(command, click.Context(command, context, name))
    return "\n".join([*parts, AROUND])


def _section(command: click.Command, context: click.Context) -> Iterator[str]:
    """How a command is called, what it says of itself, examples, and its options."""
    yield f"## convspec {context.info_name}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield _markdown(" ".join(paragraph.split())) + "\n"
    if isinstance(command, ExampleCommand) and command.examples:
        yield f"```sh\n{command.examples}\n```\n"
    rows = [
        _row(parameter, context)
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
    ]
    yield "\n".join(["| option | value | meaning |", "|---|---|---|", *rows, ""])


def _row(option: click.Option, context: click.Context) -> str:
    """An option as ``--help`` shows it: its names, its values, its help with default and range."""
    record = option.get_help_record(context)
    assert record is not None, f"{option.name} is hidden"
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    return f"| {names} | {_values(option, context)} | {_markdown(record[1])} |"


def _values(option: click.Option, context: click.Context) -> str:
    """Each value that may be chosen, or what kind of value it is; nothing for a flag."""
    if option.is_flag or option.count:
        return ""
    text = option.make_metavar(context)
    words = text[1:-1].split("|") if "|" in text else [text.replace(" RANGE", "")]
    return ", ".join(f"`{word}`" for word in words)


def _markdown(text: str) -> str:
    """Plain text in a table's cell: nothing in it is markup."""
    text = " ".join(text.split())
    for character in "\\`*_<[|":
        text = text.replace(character, f"\\{character}")
    return text
