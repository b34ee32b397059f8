"""PyYAML's parser as a stream of events, its errors as findings.

Only the parser is used. It makes no objects and resolves no tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml

from speccompiler.diagnostics.core import Problem
from speccompiler.source.findings import Findings, too_deep
from speccompiler.source.yaml_syntax import explain

# The parsers compare each directive with all before it, which takes hours for a large file of them.
MAX_TAG_DIRECTIVES = 16
_TAG_DIRECTIVE = "(?m)(?:^|[\r\x85\u2028\u2029])%TAG"

# libyaml's parser is ten times faster; PyYAML may be built without it.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def events(findings: Findings) -> Iterator[Any]:
    """PyYAML's events; a parse error is noted as a finding and raises ``Stop``."""
    if findings.text.count("%TAG") > MAX_TAG_DIRECTIVES:
        _check_directives(findings)
    event: Any = None
    try:
        # What yaml.parse does, without one more generator between the parser and a large text.
        parser = LOADER(findings.text)
        try:
            while parser.check_event():
                event = parser.get_event()
                yield event
        finally:
            parser.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = _end(event) if mark is None else mark.index
        began = error.context_mark
        opened = at if began is None else began.index
        said = error.problem or ""
        problem, place = explain(findings, said, error.context or "", at, opened)
        if "nesting depth" in said:
            # The parser's own limit, far above ours: it looks ahead.
            problem = too_deep()
    except (yaml.YAMLError, ValueError, OverflowError):
        # The parser in Python lets out what int() and chr() raise on absurd escapes.
        problem = Problem("CS003", "this is not valid YAML", "check what follows")
        place = _end(event)
    else:
        return
    findings.stop(problem, place, place)


def _check_directives(findings: Findings) -> None:
    """CS003 for more than ``MAX_TAG_DIRECTIVES``."""
    found = islice(re.finditer(_TAG_DIRECTIVE, findings.text), MAX_TAG_DIRECTIVES, None)
    for directive in found:
        message = f"the text has more than {MAX_TAG_DIRECTIVES} %TAG directives"
        findings.stop(Problem("CS003", message, "remove them"), *directive.span())


def _end(event: Any) -> int:
    """Where the last event before an error ends."""
    return 0 if event is None else int(event.end_mark.index)
