"""Layers that do not fit their input, or that no one can run, by code and message."""

from __future__ import annotations

from tests.lowering.formulas import refused


def test_what_cannot_be_done_is_said():
    volume = {"type": "MaxPooling3D"}
    found = refused([{"type": "TimeDistributed", "layer": volume}], [None, 4, 4, 4, 1])
    assert (found.code, found.message) == (
        "CS059",
        "TimeDistributed cannot apply MaxPooling3D: steps and its 3 spatial axes are too many",
    )
    found = refused([{"type": "TimeDistributed", "layer": {"type": "Dense"}}], [4, 4])
    assert (found.code, found.message) == ("CS021", "Dense needs 'output_dim'")
    found = refused([{"type": "Cropping1D", "cropping": [2, 3]}], [4, 1])
    assert found.code == "CS044"
    assert found.message.startswith("axis 1 of 1: cutting 2 and 3 off a length of 4 leaves nothing")
    assert refused([{"type": "Permute", "dims": [2, 1]}], [4, 4, 1]).code == "CS038"
    assert refused([{"type": "Permute", "dims": [1, 3]}], [4, 4]).code == "CS026"
    assert refused([{"type": "BatchNormalization", "axis": 0}], [4, 4]).code == "CS057"
    assert refused([{"type": "BatchNormalization", "axis": 1, "mode": 1}], [4, 3]).code == "CS057"
    assert refused([{"type": "PReLU", "shared_axes": [3]}], [4, 3]).code == "CS057"
    layer = {"type": "Deconvolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3,
             "output_shape": [None, 6, 7, 2]}  # fmt: skip
    found = refused([layer], [5, 5, 1])
    assert found.code == "CS058"
    assert found.message == (
        "output_shape [None, 6, 7, 2] belongs to an input of 4 x 5; it has 5 x 5"
    )
