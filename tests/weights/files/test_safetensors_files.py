"""Weights in .safetensors files, with element types that NumPy lacks."""

from __future__ import annotations

import json
import struct

from speccompiler.files.tensor_info import TensorInfo
from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import refused


def safetensors_bytes(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_bfloat16_is_widened_and_float8_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    header = {
        "w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]},
        "small": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [6, 8]},
    }
    path.write_bytes(safetensors_bytes(header, bytes.fromhex("803f0040c0bf0000")))
    file = open_weights(path)
    assert file.tensors["w"] == TensorInfo("w", (3,), "bfloat16")
    assert file.read("w").tolist() == [1.0, 2.0, -1.5]
    assert "dtype f8_e4m3" in refused("CS102", file.read, "small").message
