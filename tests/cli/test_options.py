"""Options that a command gets as objects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from speccompiler.cli.main import COMMANDS, load_command
from speccompiler.cli.options import gathered, math_option, threads_option, weights_options
from speccompiler.options import CompileOptions, LoadOptions

HERE = {"model", "paths", "style"}
"""Parameters that no object holds: what is asked about, and how it is shown."""


def test_options_become_fields_of_their_name():
    @dataclass(frozen=True)
    class Mine:
        count: int
        said: str = "nothing"

    @click.command()
    @click.argument("name")
    @click.option("--count", type=int, default=2)
    @weights_options
    @math_option
    @threads_option
    @gathered(mine=Mine, loading=LoadOptions, compiling=CompileOptions)
    def command(name: str, mine: Mine, loading: LoadOptions, compiling: CompileOptions) -> None:
        """Show what came."""
        click.echo(repr((name, mine)))
        assert loading == LoadOptions(weights=Path("w.npz"), seed=3)
        assert compiling == CompileOptions(math="precise")

    assert command.help == "Show what came."
    arguments = ["x", "--weights", "w.npz", "--seed", "3", "--math", "precise"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.output.startswith("('x', ")
    assert "count=2, said='nothing'" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_few_parameters_and_none_that_is_passed_on_alone(name):
    command = load_command(name)
    function = command.callback
    inner = getattr(function, "__wrapped__", function)
    parameters = set(inner.__code__.co_varnames[: inner.__code__.co_argcount])
    assert len(parameters) <= 6
    # Options of the library go in its objects, and no option is lost.
    shared = {field.name for kind in (LoadOptions, CompileOptions) for field in fields(kind)}
    assert parameters & shared == set()
