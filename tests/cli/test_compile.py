"""``convspec compile``."""

from __future__ import annotations

import json

from tests.cli.calling import Call, write

FLATTENED = """\
convspec: 1
dim_ordering: tf
input_shape: [null, 8, 1]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}
  - {type: Flatten}
  - {type: Dense, output_dim: 2}
"""


def test_a_model_that_fits_no_open_length_is_compiled_for_a_shape(call: Call) -> None:
    write("model.yaml", FLATTENED)
    refused = call("compile", "model.yaml")
    assert refused.status == 1
    assert "error CS" in refused.err
    done = call("compile", "model.yaml", "--input-shape", "8,8,1", "--format", "json")
    assert done.status == 0, done
    assert sorted(json.loads(done.out)) == ["folder", "made", "seconds"]
