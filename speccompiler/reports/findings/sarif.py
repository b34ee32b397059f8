"""SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from speccompiler.diagnostics.core import Edit, Fix, Severity, Span
from speccompiler.reports.findings.finding import Finding, Rule
from speccompiler.reports.findings.uris import is_absolute, uri

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
"""What relative URIs are relative to; CI systems know it by this name."""
_FINGERPRINT = "convspec/v1"


def render(
    findings: Sequence[Finding], rules: Sequence[Rule], *, version: str, category: str = "validate"
) -> str:
    """One run with its findings. ``category`` keeps those of ``diff`` apart from ``validate``'s.

    Columns count characters, as those of the findings do.
    """
    places = {rule.code: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "convspec",
                "version": version,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": f"convspec/{category}/"},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The root of the repository, or the current folder."}}
        },
        "results": [_result(finding, places) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", rule.name)),
        "shortDescription": {"text": rule.name},
        # The code scanning of GitHub asks for it.
        "fullDescription": {"text": rule.help.partition("\n\n")[0]},
        "help": {"text": rule.help.replace("**", ""), "markdown": rule.help},
        "defaultConfiguration": {"level": _level(rule.level)},
    }


def _level(severity: Severity) -> str:
    return str(severity)  # SARIF has the same three words


def _result(finding: Finding, places: dict[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": _place(finding.file, finding.span)}
    if finding.layer is not None:
        location["logicalLocations"] = [{"name": finding.layer, "kind": "object"}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        **({"ruleIndex": places[finding.code]} if finding.code in places else {}),
        "level": _level(finding.level),
        "message": {"text": finding.sentence},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
    }
    if finding.fix is not None:
        result["fixes"] = [_fix(finding.file, finding.fix)]
    return result


def _artifact(file: str) -> dict[str, str]:
    return {"uri": uri(file)} | ({} if is_absolute(file) else {"uriBaseId": _ROOT})


def _place(file: str, span: Span | None) -> dict[str, Any]:
    """A file, and where in it; a file as a whole has no region."""
    artifact = {"artifactLocation": _artifact(file)}
    return artifact if span is None else {**artifact, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _fix(file: str, fix: Fix) -> dict[str, Any]:
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(file),
                "replacements": [_replacement(edit) for edit in fix.edits],
            }
        ],
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
