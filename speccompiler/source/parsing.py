"""A text to a ``Document`` by one of the readers: YAML, JSON, or Python's literals.

Nothing here raises for what a text holds; every finding is in the document.
"""

from __future__ import annotations

import re

from speccompiler.diagnostics.core import Problem
from speccompiler.source.document import Document, Syntax
from speccompiler.source.findings import Findings, Stop
from speccompiler.source.positions import LineIndex
from speccompiler.source.tree import TreeNode

# Patterns are compiled where they are used: a process reads few texts.
# Neither YAML nor JSON text may hold these as they are.
_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]"
# YAML 1.2, production c-printable, forbids these too.
_YAML_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"


def parse_as(text: str, file: str, syntax: Syntax, lines: LineIndex | None = None) -> Document:
    """Read a text in one of the formats; ``lines`` give its places if it is a part of another."""
    findings = Findings(file, text, lines)
    control = re.search(_YAML_CONTROL if syntax == "yaml" else _CONTROL, text)
    if control is not None:
        message = f"the control character U+{ord(control.group()):04X} stands in the text"
        span = findings.lines.caret(control.start(), control.start() + 1)
        found = Problem("CS002", message, "remove it").at(file=file, span=span)
        return Document(file, text, None, (found,), syntax=syntax)
    root: TreeNode | None = None
    try:
        if syntax == "python":
            from speccompiler.source.python_reader import read_python

            root = read_python(findings)
        elif syntax == "json":
            from speccompiler.source.json_reader import read_json

            root = read_json(findings)
        else:
            # PyYAML takes longer to import than most specs take to read.
            from speccompiler.source.yaml_reader import read_yaml

            root = read_yaml(findings)
    except Stop:
        pass
    # Any other finding means that values are missing: later stages would only complain of that.
    if not findings.only("CS004"):
        root = None
    return Document(file, text, root, findings.in_text_order(), syntax=syntax)
