"""The ``convspec`` command: finds the subcommand, and turns every end into an exit status.

0 clean, 1 findings, 2 usage, I/O or internal error, 130 interrupted. Subcommands are
imported when they are called, so that ``validate`` never pays for ``run``.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from speccompiler import __version__
from speccompiler.cli import streams
from speccompiler.cli.plugins import look_for_no_plugins
from speccompiler.cli.spec_texts import SpecTexts

if TYPE_CHECKING:
    from speccompiler.diagnostics.core import SpecError

COMMANDS = {
    "validate": "Check specs; report every finding with its place.",
    "shapes": "Shape report: sizes, parameters, multiply-adds, receptive fields.",
    "fmt": "Lay out native specs; comments and meaning stay.",
    "render": "Draw a model: a picture for a paper, a README or a slide.",
    "diff": "Compare two models: what changed, and what that means.",
    "plan": "What a model is lowered to, pass by pass, step by step.",
    "run": "Run a model over an array file.",
    "weights": "List a model's tensors: shapes, statistics, broken constraints.",
    "verify": "Compare outputs with recorded ones; show where they first differ.",
    "convert": "Write a model as a native spec with .safetensors, or as ONNX; change conventions.",
    "compile": "Compile kernels and pack weights now, for runs to find.",
    "cache": "Show or clear the compiled kernels and packed weights.",
    "doctor": "Show what this machine offers: processor, GPUs, memory, cache.",
    "layers": "List the layer types, or the arguments of one.",
    "schema": "Print the JSON Schema of the native form, or of a command's JSON.",
    "explain": "Explain a diagnostic code.",
    "lsp": "Serve an editor: diagnostics and shapes while typing.",
}
MODULES = {"render": "render_picture"}
"""Where a command's module is not called like it: ``render`` there shows findings."""
READER_GONE = 128 + 13
"""The exit status that a shell reports for SIGPIPE."""


def load_command(name: str) -> click.Command:
    """A subcommand, imported now."""
    module = importlib.import_module(f"speccompiler.cli.{MODULES.get(name, name)}")
    command: click.Command = module.command
    return command


class Commands(click.Group):
    """Loads ``speccompiler.cli.<name>`` for the subcommand ``<name>``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All subcommands, in the order of a user's first day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now."""
        if cmd_name not in COMMANDS:
            return None
        return load_command(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a misspelt name."""
        from speccompiler.diagnostics.core import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(
                f"no command '{args[0]}'; {hint or 'commands: ' + ', '.join(COMMANDS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="'convspec COMMAND --help' has its options, and examples.",
)
@click.version_option(__version__, message="convspec %(version)s")
def convspec() -> None:
    """Validate, inspect, run and convert models of Keras 0.1 to 3, ONNX and text specs."""


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _colour() -> bool | None:
    """NO_COLOR and FORCE_COLOR (no-color.org, force-color.org); None lets click look."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def main() -> NoReturn:
    """Entry point of the ``convspec`` command."""
    # Start-up is most of what `validate` costs: no plugins to look for, nothing to collect.
    look_for_no_plugins()
    gc.disable()
    streams.prepare()
    signal.signal(signal.SIGTERM, _stop)
    if "_CONVSPEC_COMPLETE" in os.environ:  # a shell asks for completions
        convspec.main(prog_name="convspec")
    status = run(sys.argv[1:])
    gc.freeze()  # nothing to collect at the end either: the process gives all of it back
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run the command and return its exit status; no exception leaves."""
    texts = SpecTexts()
    try:
        # Not convspec.main(): it makes 1 of a reader that has gone, and 1 means findings.
        with convspec.make_context("convspec", arguments, obj=texts, color=_colour()) as context:
            result = convspec.invoke(context)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        if sys.stderr.isatty():
            click.echo(err=True)  # after the terminal's ^C
        return _fail("interrupted", 130)
    except click.ClickException as error:
        return _usage(error)
    except BrokenPipeError:
        _give_up_output()
        return READER_GONE
    except MemoryError:
        return _fail("out of memory; use a smaller --batch-size or a smaller model", 2)
    except Exception as error:
        return _ended(error, texts)


def show_error(error: SpecError | click.ClickException) -> None:
    """Say what would have ended the command, for one that goes on."""
    if isinstance(error, click.ClickException):
        _usage(error)
    else:
        _ended(error, SpecTexts.of_command())


def _give_up_output() -> None:
    """Point standard output elsewhere, so that what it still holds does not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: click.ClickException) -> int:
    """Show what click found; a name with control characters must not reach the terminal."""
    from speccompiler.cli.render import printable

    text = io.StringIO()
    error.show(file=text)
    click.echo("\n".join(map(printable, text.getvalue().split("\n"))), err=True, nl=False)
    return 2


def _ended(error: Exception, texts: SpecTexts) -> int:
    """The status of an error that carries findings; anything else is a bug of ours."""
    from speccompiler.diagnostics.core import SpecError

    if isinstance(error, SpecError):
        from speccompiler.cli.render import count_text, render_text
        from speccompiler.diagnostics.codes import exit_status

        found = error.diagnostics
        click.echo(render_text(found, texts), err=True, color=_colour())
        click.echo(f"\nfound {count_text(found)}", err=True)
        return exit_status(found) or 1
    if isinstance(error, OSError):
        if error.filename is None:  # nothing but the streams is written to without a name
            _give_up_output()
            return _fail(f"standard output: {error.strerror or error}", 2)
        return _fail(f"{error.strerror or error}: {error.filename}", 2)
    if os.environ.get("CONVSPEC_TRACEBACK"):
        import traceback

        traceback.print_exc()
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return _fail(
        f"internal error ({text}); this is a bug in convspec: please report it with the "
        "command and the output of CONVSPEC_TRACEBACK=1",
        2,
    )


def _fail(message: str, status: int) -> int:
    from speccompiler.cli.render import printable

    click.echo(f"convspec: {printable(message)}", err=True)
    return status
