"""JUnit's XML, as Jenkins, GitLab and others read it: a suite for each file.

A code that was found in a file is a test case of its suite, so that a CI server sees the same
test fail from one build to the next. Errors fail; warnings and notes are output of a test
that passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from speccompiler.diagnostics.core import Severity
from speccompiler.reports.findings.finding import Finding, Rule


def render(
    findings: Sequence[Finding],
    rules: Sequence[Rule],
    *,
    files: Sequence[str],
    command: str = "validate",
) -> str:
    """``files`` are all that were checked, named as in the findings; clean ones pass."""
    names = {rule.code: rule.name for rule in rules}
    root = ElementTree.Element("testsuites", name=f"convspec {command}")
    for file in dict.fromkeys([*files, *(finding.file for finding in findings)]):
        mine = [finding for finding in findings if finding.file == file]
        root.append(_suite(file, mine, names, command))
    for count in ("tests", "failures"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(
    file: str, findings: Sequence[Finding], names: dict[str, str], command: str
) -> ElementTree.Element:
    cases = [ElementTree.Element("testcase", name=command, classname=_text(file))]
    failures = 0
    for code in dict.fromkeys(finding.code for finding in findings):
        mine = [finding for finding in findings if finding.code == code]
        title = f"{code}: {names[code]}" if code in names else code
        case = ElementTree.Element("testcase", name=_text(title), classname=_text(file))
        errors = [finding for finding in mine if finding.level is Severity.ERROR]
        others = [finding for finding in mine if finding.level is not Severity.ERROR]
        if errors:
            failures += 1
            more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
            failure = ElementTree.SubElement(case, "failure", type="error")
            failure.set("message", _text(errors[0].sentence + more))
            failure.text = _lines(errors)
        if others:
            ElementTree.SubElement(case, "system-out").text = _lines(others)
        cases.append(case)
    if failures:
        del cases[0]  # the file itself passes only where nothing of it fails
    suite = ElementTree.Element("testsuite", name=_text(file), tests=str(len(cases)))
    suite.set("failures", str(failures))
    suite.extend(cases)
    return suite


def _lines(findings: Sequence[Finding]) -> str:
    return "\n".join(_text(f"{_where(f)}: {f.level} {f.code}: {f.sentence}") for f in findings)


def _where(finding: Finding) -> str:
    span = finding.span
    return finding.file if span is None else f"{finding.file}:{span.line}:{span.column}"


def _text(text: str) -> str:
    """What XML may hold: control characters and lone surrogates are escaped."""
    from speccompiler.diagnostics.wording import on_one_line

    return on_one_line(text)
