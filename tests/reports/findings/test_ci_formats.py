"""GitHub, SARIF, JUnit and GitLab: judged by their schemas and by how their readers unescape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Edit, Fix, Severity, Span
from speccompiler.reports.findings import github, gitlab, junit, sarif
from speccompiler.reports.findings.finding import Finding, Rule
from speccompiler.reports.findings.uris import uri

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
JUNIT = xmlschema.XMLSchema(str(HERE / "schemas" / "jenkins-junit.xsd"))
Golden = Callable[[Path, str], None]

FINDINGS = (
    Finding(
        "CS022",
        Severity.ERROR,
        "Convolution2D has no argument 'boarder_mode'",
        "models/größe, 100%.yaml",
        Span(9, 5, 9, 17),
        "a" * 16,
        "conv:1",
        "did you mean 'border_mode'?",
        Fix("write 'border_mode'", (Edit(Span(9, 5, 9, 17), "border_mode"),), safe=True),
    ),
    Finding(
        "CS022",
        Severity.ERROR,
        "MaxPooling2D has no argument 'size'",
        "models/größe, 100%.yaml",
        Span(11, 3, 12, 1),
        "b" * 16,
    ),
    Finding(
        "CS050",
        Severity.WARNING,
        "the file does not say whose semantics",
        "old.json",
        None,
        "c" * 16,
    ),
    Finding("CS014", Severity.NOTE, "reading stopped", "/tmp/x y.yaml", Span(1, 1, 1, 2), "d" * 16),
)
RULES = (
    Rule("CS014", "too many findings", "Why.\n\n**What to do:** Less.", Severity.NOTE),
    Rule("CS022", "unknown argument", "Why.\n\n**What to do:** This.", Severity.ERROR),
    Rule("CS050", "open semantics", "Why.\n\n**What to do:** That.", Severity.WARNING),
)
FILES = ("clean.yaml", "models/größe, 100%.yaml", "old.json")


def texts() -> dict[str, str]:
    return {
        "github.txt": github.render(FINDINGS, RULES, summary="found 2 errors in 2 of 3 files"),
        "sarif.json": sarif.render(FINDINGS, RULES, version="1.2.3"),
        "junit.xml": junit.render(FINDINGS, RULES, files=FILES),
        "gitlab.json": gitlab.render(FINDINGS, RULES),
    }


@pytest.mark.parametrize("name", texts())
def test_golden(name: str, golden: Golden) -> None:
    golden(HERE / "goldens" / name, texts()[name])


# --- what any text may hold

WORDS = st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from("%\r\n:,\x1b\0<&'\""))
SPANS = st.builds(
    lambda line, column, more, end: Span(line, column, line + more, end + (0 if more else column)),
    *[st.integers(1, 99)] * 2,
    st.integers(0, 3),
    st.integers(1, 99),
)
ANY = st.builds(
    Finding,
    st.sampled_from(["CS022", "CS050", "CD101"]),
    st.sampled_from(Severity),
    WORDS,
    WORDS.filter(bool),
    st.none() | SPANS,
    st.text("0123456789abcdef", min_size=16, max_size=16),
    st.none() | WORDS,
    st.none() | WORDS,
    st.none() | st.builds(Fix, WORDS, st.tuples(st.builds(Edit, SPANS, WORDS)), st.booleans()),
)


def unescaped(text: str, *, of_property: bool) -> str:
    """As the runner's ActionCommand.cs does it: '%25' last."""
    pairs = [("%0D", "\r"), ("%0A", "\n")]
    pairs += [("%3A", ":"), ("%2C", ",")] if of_property else []
    for coded, plain in (*pairs, ("%25", "%")):
        text = text.replace(coded, plain)
    return text


@settings(deadline=None)
@given(st.lists(ANY, max_size=4))
def test_a_github_command_is_one_line_and_reads_back(findings: list[Finding]) -> None:
    lines = github.render(findings, RULES).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(findings)
    for line, finding in zip(lines, findings, strict=True):
        parts = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line, re.DOTALL)
        assert parts is not None
        said = dict(part.split("=", 1) for part in parts[2].split(","))
        assert unescaped(said["file"], of_property=True) == finding.file
        assert unescaped(parts[3], of_property=False).startswith(finding.message)
        assert {"line", "col"} & said.keys() == (
            set()
            if finding.span is None
            else {"line", "col"}
            if finding.span.line == finding.span.end_line
            else {"line"}
        )


@settings(deadline=None)
@given(st.lists(ANY, max_size=4))
def test_sarif_fits_its_schema(findings: list[Finding]) -> None:
    data = json.loads(sarif.render(findings, RULES, version="1.2.3"))
    jsonschema.validate(data, SCHEMA)
    (run,) = data["runs"]
    for result, finding in zip(run["results"], findings, strict=True):
        place = result["locations"][0]["physicalLocation"]
        _check_uri(place["artifactLocation"], finding.file)
        if "ruleIndex" in result:
            assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == finding.code


def _check_uri(location: dict[str, Any], file: str) -> None:
    """It parses to the same file again, in which nothing is a query, a fragment or a host."""
    parts = urlsplit(location["uri"])
    assert location["uri"].isascii()
    assert (parts.netloc, parts.query, parts.fragment) == ("", "", "")
    absolute = "uriBaseId" not in location
    assert parts.scheme == ("file" if absolute else "")
    path = unquote_to_bytes(parts.path).decode()
    assert path in (file, f"/{file}")


@settings(deadline=None)
@given(st.lists(ANY, max_size=4), st.lists(WORDS.filter(bool), max_size=2))
def test_junit_fits_its_schema(findings: list[Finding], files: list[str]) -> None:
    text = junit.render(findings, RULES, files=files)
    JUNIT.validate(text)
    root = ElementTree.fromstring(text.encode())
    assert len(root) == len({*files, *(f.file for f in findings)})
    for suite in root:
        names = [case.get("name") for case in suite]
        assert len(names) == len(set(names)), "a CI server follows a case by its name"
        assert suite.get("tests") == str(len(names))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    errors = {(f.file, f.code) for f in findings if f.level is Severity.ERROR}
    assert len(root.findall("testsuite/testcase/failure")) == len(errors)


@settings(deadline=None)
@given(st.lists(ANY, max_size=4))
def test_gitlab_has_what_it_asks_for(findings: list[Finding]) -> None:
    """https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""
    data = json.loads(gitlab.render(findings, RULES))
    for issue in data:
        assert issue.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["lines"]["begin"] >= 1
    assert [issue["location"]["path"] for issue in data] == [f.file for f in findings]


def test_nothing_found() -> None:
    assert github.render((), ()) == ""
    assert gitlab.render((), ()) == "[]\n"
    jsonschema.validate(json.loads(sarif.render((), (), version="1.2.3")), SCHEMA)
    text = junit.render((), (), files=["a.yaml"])
    JUNIT.validate(text)
    assert '<testcase name="validate" classname="a.yaml" />' in text


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("models/a b.yaml", "models/a%20b.yaml"),
        ("größe#1?.yaml", "gr%C3%B6%C3%9Fe%231%3F.yaml"),
        ("c:d/e.yaml", "c%3Ad/e.yaml"),
        ("/srv/a%b.yaml", "file:///srv/a%25b.yaml"),
        ("C:/nets/a b.yaml", "file:///C:/nets/a%20b.yaml"),
        ("latin\udcf6.yaml", "latin%F6.yaml"),
    ],
)
def test_uris(file: str, expected: str) -> None:
    assert uri(file) == expected
