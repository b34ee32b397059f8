"""Pickles: never loaded, and the line of Python that makes an archive of one."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.weights.saved_by_hand import LAYERS, NAMES, WEIGHTS, notes, refusal

pytestmark = pytest.mark.usefixtures("folder")


def objects() -> np.ndarray:
    found = np.empty(len(WEIGHTS), object)
    found[:] = WEIGHTS
    return found


left_open = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""A line of Python need not close its file."""


def executed(line: str) -> None:
    """Run the Python that a hint gives, as its reader would."""
    exec(line.partition("file: ")[2], {})


@left_open
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["w.pkl", "w.p", "weights", "w.weights", "w.model"])
def test_a_pickle_and_the_line_that_makes_an_archive_of_it(protocol: int, name: str) -> None:
    Path(name).write_bytes(pickle.dumps(WEIGHTS, protocol))
    finding = refusal(name)
    assert (finding.code, finding.message) == (
        "CS100",
        f"cannot read weight file '{name}': it is a pickle, which is code and is never loaded",
    )
    assert finding.hint == (
        'where you trust the file: import pickle, numpy; numpy.savez("weights.npz", '
        f'*pickle.load(open("{name}", "rb"), encoding="latin1"))'
    )
    executed(finding.hint)
    notes("weights.npz")


@left_open
@pytest.mark.parametrize("protocol", range(6))
def test_the_pickle_of_a_dictionary(protocol: int) -> None:
    named = dict(zip(NAMES, WEIGHTS, strict=True))
    Path("w.pkl").write_bytes(pickle.dumps(named, protocol))
    hint = str(refusal("w.pkl").hint)
    assert 'savez("weights.npz", **pickle.load(open("w.pkl"' in hint
    executed(hint)
    assert notes("weights.npz") == []


def test_pickles_of_other_programs() -> None:
    data = pickle.dumps(WEIGHTS)
    for name, load in (("w.joblib", 'joblib.load("w.joblib")'),
                       ("w.dill", 'dill.load(open("w.dill", "rb"))')):  # fmt: skip
        Path(name).write_bytes(data)
        assert load in str(refusal(name).hint)
    Path("w.h5").write_bytes(data)
    assert refusal("w.h5").message == (
        "'w.h5' is not a valid weight file: it is a pickle, which is code and is never loaded"
    )


def test_object_arrays_and_the_line_that_makes_an_archive_of_them() -> None:
    np.save("w.npy", objects(), allow_pickle=True)
    np.savez("w.npz", weights=objects())
    np.save("d.npy", {n: list(t) for n, t in LAYERS}, allow_pickle=True)  # type: ignore[arg-type]
    np.save("e.npy", dict(zip(NAMES, WEIGHTS, strict=True)), allow_pickle=True)  # type: ignore[arg-type]
    for name, code in (("w.npy", "CS108"), ("w.npz", "CS108"), ("d.npy", "CS108"), ("e.npy", None)):
        finding = refusal(name)
        assert finding.code == "CS102"
        assert "has dtype object; weights are floats, integers or booleans" in finding.message
        hint = str(finding.hint)
        assert hint.startswith(
            "pickled objects are code and are never loaded; where you trust the file: import numpy"
        )
        executed(hint)
        assert [note.code for note in notes("weights.npz")] == ([] if code is None else [code])
    numbers = {n: w.astype(object) for n, w in zip(NAMES, WEIGHTS, strict=True) if w.ndim > 1}
    np.savez("o.npz", **{**dict(zip(NAMES, WEIGHTS, strict=True)), **numbers})
    executed(str(refusal("o.npz").hint))
    assert notes("weights.npz") == []
    assert refusal("w.npy").hint == (
        "pickled objects are code and are never loaded; where you trust the file: import numpy; "
        'numpy.savez("weights.npz", *numpy.load("w.npy", allow_pickle=True, encoding="latin1"))'
    )


def test_a_pickled_file_for_each_layer() -> None:
    Path("w").mkdir()
    for name, tensors in LAYERS:
        mine = np.empty(len(tensors), object)
        mine[:] = tensors
        np.save(f"w/{name}.npy", mine, allow_pickle=True)
    finding = refusal("w")
    assert finding.code == "CS102"
    executed(str(finding.hint))
    assert "by the layers' names, in each by number" in notes("weights.npz")[0].message


def test_a_type_by_its_name() -> None:
    header = b"{'descr': 'float32', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)
    Path("w.npy").write_bytes(content)
    assert refusal("w.npy").message == (
        "tensor 'w' has dtype float32, where NumPy writes '<f4'; weights are floats, integers or "
        "booleans"
    )
