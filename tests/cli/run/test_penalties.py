"""--penalties, --apply-constraints and --profile."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

import speccompiler
from speccompiler.weights.constraints import MaxNorm
from tests.cli.run.calling import REFERENCE, close, expected, good


def table(text: str) -> dict[tuple[str, str], float]:
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines()]
    return {
        (row[0], row[1] if len(row) > 2 else ""): float(row[-1])
        for row in rows
        if len(row) > 1 and re.fullmatch(r"[\d.e+-]+", row[-1]) and not row[-1].startswith("---")
    }


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_penalties(target: str) -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
        "--penalties", "--batch-size", "2", "--target", target,
    )  # fmt: skip
    found = table(result.text.split("output of 'dense'\n")[1])
    weights = {k: v.astype(np.float64) for k, v in np.load("w.npz").items()}
    w, b, y = weights["dense/W"], weights["dense/b"], np.load("y.npy").astype(np.float64)
    wanted = {
        ("dense", "W"): 0.1 * np.abs(w).sum() + 0.2 * (w**2).sum(),
        ("dense", "b"): 0.01 * (b**2).sum(),
        ("dense", "activity"): 0.5 * (y**2).sum(),
    }
    wanted["total", ""] = sum(wanted.values())
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, rel=1e-7)


def test_penalties_of_a_model_without_any() -> None:
    result = good("run", "repeat.yaml", "--input", "steps.npy", "--penalties", *REFERENCE)
    assert result.text.endswith("penalties: no layer has a regulariser\n")


def test_constraints_are_applied_on_request() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
        "--apply-constraints", *REFERENCE,
    )  # fmt: skip
    assert "CS096" not in result.err
    weights = dict(np.load("w.npz"))
    weights["dense/W"] = MaxNorm(0.5).project(weights["dense/W"])
    np.savez("projected.npz", **weights)
    model = speccompiler.load("model.yaml", weights="projected.npz")
    close(np.load("y.npy"), model.compile("reference").run(np.load("x.npy")))


def test_a_profile() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "-", "--profile"
    )
    close(np.load(io.BytesIO(result.out)), expected()["dense"])
    lines = result.err.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("step "))
    rows = [re.split(r"\s{2,}", line) for line in lines[header + 2 : -1]]
    assert [row[0] for row in rows] == ["conv 1", "dense:conv", "dense"]
    assert (rows[0][1], rows[2][1]) == ("conv_small", "softmax")
    assert sum(float(row[3].rstrip("%")) for row in rows) == pytest.approx(100, abs=0.2)
    assert lines[-1].startswith("memory of the plan: ")
