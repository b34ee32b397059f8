"""The table of docs/onnx.md: what became of each case of ONNX's backend tests, by operation.

``python -m tests.onnx.backend_table`` writes it anew, which takes a minute; ``make onnx`` does.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from speccompiler.lowering.onnx.table import RULES
from tests.onnx.backend_suite import Case, Outcome, cases, outcome
from tests.places import ROOT

PAGE = ROOT / "docs" / "onnx.md"
BEGIN, END = "<!-- table of operations -->\n", "<!-- end of the table -->\n"
SEVERAL = "models of several operations"
REASONS = {
    "CS261": "other operations",
    "CS262": "other uses",
    "CS263": "axis of samples",
    "CS264": "types",
    "CS113": "types",
    "CS266": "constants alone",
    "CS269": "empty values",
    "CS044": "empty values",
    "": "no tensors",
}
"""Why cases are refused, by the code of what is said."""


def judged_cases() -> tuple[Case, ...]:
    """The cases with an operation that is claimed."""
    return tuple(case for case in cases() if not RULES.keys().isdisjoint(case.ops))


def row_of(case: Case) -> str:
    """The operation that a case is about, or that it is about several."""
    found = set(case.ops) - {"Constant"}
    return found.pop() if len(found) == 1 else SEVERAL


def outcomes(target: str) -> dict[Case, Outcome]:
    """What becomes of each case."""
    with tempfile.TemporaryDirectory() as folder:
        return {case: outcome(case, Path(folder), target) for case in judged_cases()}


def counts(found: Mapping[Case, Outcome]) -> dict[str, tuple[int, int, str]]:
    """For each row: cases, how many passed, why the others were refused."""
    rows: dict[str, tuple[int, int, str]] = {}
    for name in sorted({row_of(case) for case in found}, key=lambda row: (row == SEVERAL, row)):
        mine = [one for case, one in found.items() if row_of(case) == name]
        why = Counter(
            REASONS.get(one.code or "", str(one.code)) for one in mine if one.refused is not None
        )
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(why.items()))
        rows[name] = len(mine), sum(one.error is not None for one in mine), told
    return rows


def worst(found: Mapping[Case, Outcome], row: str) -> float | None:
    """The largest error of a row, in units of the last place of the largest output."""
    errors = [one.error for case, one in found.items() if row_of(case) == row]
    return max((e for e in errors if e is not None), default=None)


def shown_error(error: float | None) -> str:
    """Rounded up to a power of two: other machines differ in the last bits."""
    if error is None:
        return ""
    if error > 128:
        return "four digits"
    return "0" if error == 0 else f"{2 ** math.ceil(math.log2(max(error, 0.5))):g}"


def table(reference: Mapping[Case, Outcome], cpu: Mapping[Case, Outcome]) -> str:
    """The rows as Markdown."""
    lines = [
        "| operation | cases | passed | refused | error, ULP |",
        "|:--|--:|--:|:--|--:|",
    ]
    total = [0, 0]
    for name, (count, passed, why) in counts(reference).items():
        total = [total[0] + count, total[1] + passed]
        shown = name if name == SEVERAL else f"`{name}`"
        lines.append(f"| {shown} | {count} | {passed} | {why} | {shown_error(worst(cpu, name))} |")
    lines.append(f"| all | {total[0]} | {total[1]} | | |")
    never = sorted(RULES.keys() - {row_of(case) for case in reference})
    lines += ["", "Supported without a case of their own: " + _listed(never) + "."]
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def in_page(text: str) -> str:
    """The page with the table in its place."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    return before + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1]


def main() -> None:
    """Write the page."""
    PAGE.write_text(in_page(table(outcomes("reference"), outcomes("cpu"))), encoding="utf-8")


if __name__ == "__main__":
    main()
