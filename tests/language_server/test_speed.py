"""What a keystroke costs, beside what validating the text costs once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks.keystrokes import spec
from speccompiler.language_server import answers
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.completion import completions_at
from speccompiler.language_server.inlay_hints import shape_hints
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.model import checked
from speccompiler.options import LoadOptions
from speccompiler.source.texts import parse_document

LINES = spec(200)
RIGHT = "\n".join(LINES) + "\n"


def least(work: Callable[[], object]) -> float:
    """The processor's time of the fastest of a few runs, in seconds."""
    times = []
    for _ in range(7):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def validated() -> None:
    model, _ = checked(parse_document(RIGHT, "model.yaml"), LoadOptions())
    assert model is not None


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (RIGHT, 200),
        (RIGHT.replace("conv50, nb_filter", "conv50, nb_filtre"), 100),
        (RIGHT.replace("conv50, nb_filter: 16", "conv50, nb_filter: [16"), 199),
    ],
    ids=["right", "wrong", "unreadable"],
)
def test_findings_and_hints_cost_little_more_than_validating(text: str, layers: int) -> None:
    before = Analysis(RIGHT, "model.yaml")
    assert len(shape_hints(SpecFile(before))) == 200

    def keystroke() -> int:
        file = SpecFile(Analysis(text, "model.yaml"), "utf-16", before)
        answers.diagnostics(file)
        return len(shape_hints(file))

    assert keystroke() == layers
    assert least(keystroke) < 3 * least(validated)


def test_completion_does_not_wait_for_the_check() -> None:
    text = RIGHT + "  - {type: Dense, "
    assert completions_at(text, len(text))
    assert least(lambda: completions_at(text, len(text))) < 2 * least(validated)
