"""The page of a comparison of files: that of the only one that changed, or a list with a page each.

The pages of several files stand in frames of the list (``srcdoc``), each whole by itself, with
its own Content-Security-Policy; the list has no script.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from speccompiler.comparing.comparison import Comparison
from speccompiler.comparing.file_diff import FileDiff, FileStatus
from speccompiler.comparing.verdict import verdict
from speccompiler.diagnostics.core import Diagnostic
from speccompiler.diagnostics.wording import on_one_line
from speccompiler.drawing.diff_page import diff_page

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 110rem; padding: 1rem; }
h1 { font-size: 1.25rem; }
li, summary { margin: 0.25rem 0; }
summary { cursor: pointer; }
code { overflow-wrap: anywhere; }
iframe { border: 1px solid; height: 85vh; width: 100%; }
"""


def comparison_page(comparison: Comparison) -> str:
    """The whole file."""
    changed = [file for file in comparison.files if file.status is not FileStatus.SAME]
    if len(comparison.files) == 1 and comparison.files[0].diff is not None:
        return diff_page(comparison.files[0].diff)
    if len(changed) == 1 and changed[0].diff is not None and not changed[0].own_changes:
        return diff_page(changed[0].diff)
    title = f"{comparison.old_name} and {comparison.new_name}"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_said(title)}</title>",
        f"<style>{_STYLE}</style></head>",
        f"<body><main><h1>{_said(title)}</h1>",
        f"<p>{_said(comparison.counts())}</p>",
        *(line for file in changed for line in _file(file)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _file(file: FileDiff) -> Iterator[str]:
    name = f"<code>{_said(file.name)}</code>"
    if file.diff is not None:
        said = [change.message for change in file.own_changes] + [verdict(file.diff)]
        yield f"<details><summary>{name}: {_said('; '.join(said))}</summary>"
        page = escape(diff_page(file.diff), quote=True)
        yield f'<iframe loading="lazy" title="{_said(file.name)}" srcdoc="{page}"></iframe>'
        yield "</details>"
    elif file.report is not None:
        word = "new" if file.new_name is not None else "removed"
        yield f"<p>{name}: {word}, {file.gist}</p>"
    else:
        for change in file.own_changes:
            yield f"<p>{name}: {_said(change.message)}</p>"
        if file.diagnostics:
            yield f"<p>{name}: cannot be compared</p><ul>"
            yield from (f"<li>{_said(_finding(found))}</li>" for found in file.diagnostics)
            yield "</ul>"


def _finding(found: Diagnostic) -> str:
    place = "" if found.span is None else f":{found.span.line}:{found.span.column}"
    hint = "" if found.hint is None else f"; {found.hint}"
    return f"{found.file or ''}{place}: {found.severity} {found.code}: {found.message}{hint}"


def _said(text: str) -> str:
    return escape(on_one_line(text), quote=True)
