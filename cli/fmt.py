"""``convspec fmt``: native specs laid out as documented."""

from __future__ import annotations

from pathlib import Path

import click

from speccompiler.cli.documents import STDIN, expand, remember_texts
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import complete_files, gathered
from speccompiler.cli.policy_options import SettingsChoice, excluded, settings_options
from speccompiler.cli.render import count_text, printable, render_text
from speccompiler.diagnostics.core import Diagnostic, SpecError
from speccompiler.source.document import Document

EXAMPLES = """
# One spec, then every spec of a folder
convspec fmt model.yaml specs/

# In CI: name what is not laid out, and fail
convspec fmt --check .

# See what would change
convspec fmt --diff model.yaml

# As a filter, for an editor
convspec fmt - < model.yaml
"""


@click.command("fmt", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--check", is_flag=True, help="Name the files that would change, and write nothing.")
@click.option("--diff", is_flag=True, help="Show what would change, and write nothing.")
@click.option(
    "--line-length",
    type=click.IntRange(20, 1000),
    default=100,
    show_default=True,
    metavar="N",
    help="A layer that fits into so many characters stands on one line.",
)
@click.option(
    "--specs-only",
    is_flag=True,
    help="Say nothing of other files: a pre-commit hook is given every YAML and JSON file.",
)
@settings_options
@gathered(choice=SettingsChoice)
def command(
    paths: tuple[str, ...],
    check: bool,
    diff: bool,
    line_length: int,
    specs_only: bool,
    choice: SettingsChoice,
) -> int:
    """Lay out native specs: files, folders, globs, or - for standard input.

    Comments and blank lines stay, and what a spec means never changes. Keys get their
    documented order; a layer stands on one line where it fits. What Keras wrote is left
    alone. Exit status: 0 done, 1 with --check or --diff where a file would change, or
    for a file that cannot be read as YAML or JSON, 2 usage or I/O error.
    """
    from speccompiler.editing.formatting import formatted, is_native

    writes = not (check or diff)
    wrong: list[Diagnostic] = []
    changed = same = 0
    passed = excluded(choice.settings())
    for found in expand(paths, passed):
        document = found.wrapper or found  # the spec itself, and not the model that it names
        if specs_only and passed(document.shown_file):
            _pass_on(document, writes)
            continue
        remember_texts(document)
        if document.onnx is not None or (document.root is not None and not is_native(document)):
            if not specs_only and document.shown_file in paths:
                click.echo(f"{printable(document.shown_file)}: {_left(document)}", err=True)
            _pass_on(document, writes)
            continue
        try:
            text = formatted(document, line_length)
        except SpecError as error:
            if not (specs_only and _is_other(document)):
                wrong += error.diagnostics
            _pass_on(document, writes)
            continue
        is_same = text == document.text
        changed, same = changed + (not is_same), same + is_same
        _give(document, text, check=check, diff=diff)
    if wrong:
        click.echo(render_text(wrong), err=True)
        click.echo(f"\nfound {count_text(wrong)}", err=True)
    if changed or same:
        click.echo(_summary(changed, same, writes), err=True)
    if not wrong:
        return int(changed > 0 and not writes)
    from speccompiler.diagnostics.codes import exit_status

    return exit_status(wrong) or 1


def _left(document: Document) -> str:
    """Why a file is not laid out."""
    from speccompiler.source.tree import Mapping

    root = document.root
    if document.onnx is not None:
        return "left alone; it is an ONNX model"
    if document.holder is not None or (isinstance(root, Mapping) and "class_name" in root.entries):
        return "left alone; Keras wrote it"
    return "left alone; it is no native spec"


def _is_other(document: Document) -> bool:
    """Whether a text that cannot be read is none of ours."""
    from speccompiler.source.spec_marks import looks_like_spec

    return not looks_like_spec(document)


def _pass_on(document: Document, writes: bool) -> None:
    """What comes from standard input and is not laid out goes on as it is."""
    if document.shown_file == STDIN and writes and document.text:
        _write(STDIN, document.text)


def _give(document: Document, text: str, *, check: bool, diff: bool) -> None:
    """Write the file, or say what would change."""
    name = document.shown_file
    if not (check or diff):
        if text != document.text or name == STDIN:
            _write(name, text)
        return
    if text == document.text:
        return
    if check:
        click.echo(f"would change {printable(name)}", err=diff)
    if diff:
        from speccompiler.cli.fixing import difference

        for line in difference(name, document.text, text):
            click.echo(line)


def _write(name: str, text: str) -> None:
    from speccompiler.cli.fixing import write_text

    write_text(name, text)
    if name != STDIN:
        click.echo(f"changed {printable(str(Path(name)))}", err=True)


def _summary(changed: int, same: int, writes: bool) -> str:
    """``1 file changed, 2 as they were``."""
    verb = "changed" if writes else "would change"
    parts = [f"{changed} file{'s' if changed != 1 else ''} {verb}"] if changed else []
    if same:
        parts.append(f"{same} file{'s as they were' if same != 1 else ' as it was'}")
    return ", ".join(parts)
