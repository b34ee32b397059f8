"""The same numbers however they are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.run.calling import REFERENCE, good


def test_batches_and_threads_change_no_bit() -> None:
    results = set()
    for batch, threads in ((1, 1), (2, 3), (5, 2), (100, 1)):
        good(
            "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
            "--batch-size", str(batch), "--threads", str(threads),
        )  # fmt: skip
        results.add(Path("y.npy").read_bytes())
    assert len(results) == 1


def test_the_batch_size_and_threads_are_reported() -> None:
    result = good("run", "repeat.yaml", "--input", "steps.npy", "--batch-size", "4",
                  "--threads", "3", *REFERENCE)  # fmt: skip
    assert result.err.endswith(" on reference, batch 4, 3 threads\n")


def test_seeds() -> None:
    outputs = []
    for seed in ("5", "5", "6"):
        result = good("run", "model.yaml", "--input", "x.npy", "--output", "y.npy",
                      "--seed", seed, *REFERENCE)  # fmt: skip
        assert result.err.startswith(
            "model.yaml: note CS094: the weights of 2 layers are random, drawn from seed "
            f"{seed}\n7 samples in "
        )
        outputs.append(np.load("y.npy"))
    assert (outputs[0] == outputs[1]).all()
    assert (outputs[0] != outputs[2]).any()


def test_a_note_about_converted_input() -> None:
    np.save("double.npy", np.load("steps.npy").astype(np.float64))
    result = good("run", "repeat.yaml", "--input", "double.npy", "--output", "y.npy", *REFERENCE)
    assert result.err.startswith("double.npy: note CS123: float64 converted to float32\n")
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 2, axis=1)).all()
