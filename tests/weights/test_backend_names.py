"""Names of tensors that speak for another backend than the semantics (CS054)."""

from __future__ import annotations

import json

import numpy as np

from speccompiler.model import check


def test_tensorflow_names_under_theano_semantics(tmp_path):
    """Wrong numbers would come without a word; files can be converted, so it is a warning."""

    import numpy as np

    from speccompiler.source.texts import parse_document

    layer = {"type": "Dense", "name": "d", "output_dim": 2}
    spec = {"convspec": 1, "input_shape": [3], "layers": [layer]}
    for end, expected in ((":0", ["CS054"]), ("", [])):
        path = tmp_path / f"w{len(end)}.npz"
        np.savez(path, **{f"d_W{end}": np.ones((3, 2), "f"), f"d_b{end}": np.ones(2, "f")})
        document = parse_document(json.dumps(spec), "s.json")
        for semantics, codes in (("theano", expected), ("tensorflow", [])):
            model, found = check(document, weights=path, semantics=semantics)
            assert model is not None
            assert [d.code for d in found] == codes


def test_theano_names_under_tensorflow_semantics(tmp_path):
    """An HDF5 file that Keras wrote; in other files a name without ':0' says nothing."""
    import h5py

    from speccompiler.source.texts import parse_document

    text = "convspec: 1\ninput_shape: [3]\nlayers: [{type: Dense, name: d, output_dim: 2}]\n"
    document = parse_document(text, "s.yaml")
    told = (
        "the tensors' names do not end in ':0', as TensorFlow's do: "
        "Theano saved them, but the semantics are TensorFlow's"
    )
    for listed, end, semantics, version, message in (
        (True, "", "tensorflow", None, told),
        (True, "", "tensorflow", b"2.1.6", told),
        (True, "", "tensorflow", b"3.15.1", None),  # no backend's names end so any more
        (True, ":0", "tensorflow", None, None),
        (True, "", "theano", None, None),
        (False, "", "tensorflow", None, None),
    ):  # fmt: skip
        path = tmp_path / "w.h5"
        with h5py.File(path, "w") as file:
            group = file.create_group("d")
            group[f"d_W{end}"], group[f"d_b{end}"] = np.ones((3, 2), "f"), np.ones(2, "f")
            if version:
                file.attrs["keras_version"] = version
            if listed:
                file.attrs["layer_names"] = [b"d"]
                group.attrs["weight_names"] = [f"d_W{end}".encode(), f"d_b{end}".encode()]
        model, found = check(document, weights=path, semantics=semantics)
        assert model is not None
        assert [(d.code, d.message) for d in found] == ([("CS054", message)] if message else [])
