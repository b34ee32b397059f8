"""A command that is called in this process, and specs to call it with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

GOOD = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}
"""
BAD = GOOD.replace("nb_row", "nb_rows")
UNDECIDED = json.dumps(
    {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Convolution1D",
                "config": {"nb_filter": 2, "filter_length": 3, "batch_input_shape": [None, 9, 2]},
            }
        ],
    }
)


class Result:
    """How a command ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def __repr__(self) -> str:
        return f"exit status {self.status}\n{self.out}\n--\n{self.err}"


Call = Callable[..., Result]


def write(name: str, text: str = GOOD) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


def shown_safely(result: Result) -> None:
    for text in (result.out, result.err):
        assert [c for c in text if not c.isprintable() and c != "\n"] == [], result
