"""Hostile and damaged .keras archives: findings, and never more than a text's worth of memory."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.files.keras_archives import MOST_TEXT
from speccompiler.loading.spec import load_spec
from speccompiler.source.files import read_document

CONFIG = json.dumps(
    {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                {
                    "class_name": "Flatten",
                    "config": {"name": "f", "batch_input_shape": [None, 2, 3]},
                }
            ],
        },
    }
)


def archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        for name, text in members.items():
            held.writestr(name, text)
    return path


def found(path: Path) -> Diagnostic:
    document = read_document(path)
    assert document.root is None
    (finding,) = document.diagnostics
    assert (finding.code, finding.hint) == ("CS245", "save or copy it again")
    return finding


def reason(path: Path) -> str:
    return found(path).message.removeprefix("this .keras archive cannot be read: ")


def test_the_config_is_the_document_and_the_metadata_its_release(tmp_path: Path) -> None:
    metadata = json.dumps({"keras_version": "3.1.1", "date_saved": "2024"})
    path = archive(tmp_path / "m.keras", **{"metadata.json": metadata, "config.json": CONFIG})
    document = read_document(path)
    assert document.file == f"{path}#config.json"
    assert document.holder == path
    assert document.keras_version == "3.1.1"
    assert '\n  "class_name": "Sequential"' in document.text
    other = archive(tmp_path / "named.zip", **{"config.json": CONFIG})
    spec = load_spec(read_document(other)).spec
    assert spec is not None
    assert spec.keras_version == "2.3.1"


BROKEN = [
    ({"metadata.json": "{}"}, "it holds no config.json, which is the model"),
    ({"config.json": CONFIG, "metadata.json": "no"}, "metadata.json is not JSON"),
    ({"config.json": CONFIG, "../up": ""}, "the name '../up' leads out of it"),
    ({"config.json": CONFIG, "/etc/x": ""}, "the name '/etc/x' leads out of it"),
    ({"config.json": CONFIG, "C:\\x": ""}, "the name 'C:\\x' leads out of it"),
]


@pytest.mark.parametrize(("members", "expected"), BROKEN)
def test_what_keras_does_not_write_is_refused(
    tmp_path: Path, members: dict[str, str], expected: str
) -> None:
    assert reason(archive(tmp_path / "m.keras", **members)) == expected


def test_a_member_may_not_unpack_to_more_than_a_text(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", **{"config.json": " " * (MOST_TEXT + 1)})
    assert path.stat().st_size < 20_000
    assert reason(path) == "config.json is longer than 16 MiB"
    # A size that lies is of no use: no more is read than was declared.
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(signature) + offset, 100)
    path.write_bytes(data)
    assert "config.json cannot be unpacked" in reason(path)


def test_a_member_that_says_it_is_huge(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", **{"config.json": CONFIG, "model.weights.h5": "x" * 99})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 2**31)
    path.write_bytes(data)
    assert reason(path) == "'model.weights.h5' says that it unpacks to too much"


@pytest.mark.parametrize(("offset", "value", "expected"), [
    (8, 1, "'config.json' is locked with a password"),
    (10, 14, "'config.json' is packed in a way that Keras has not"),
])  # fmt: skip
def test_passwords_and_other_ways_of_packing(
    tmp_path: Path, offset: int, value: int, expected: str
) -> None:
    path = archive(tmp_path / "m.keras", **{"config.json": CONFIG})
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(data)
    assert reason(path) == expected


def test_two_members_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as held:
        held.writestr("config.json", CONFIG)
        with pytest.warns(UserWarning, match="Duplicate"):
            held.writestr("config.json", "{}")
    assert reason(path) == "the archive holds two members 'config.json'"


def test_text_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as held:
        held.writestr("config.json", b"\xff\xfe")
    assert reason(path) == "config.json is not UTF-8 text"


def test_damage_gives_findings(tmp_path: Path) -> None:
    """Every byte of a small archive turned around, one at a time."""
    metadata = json.dumps({"keras_version": "3.1.1"})
    path = archive(tmp_path / "m.keras", **{"metadata.json": metadata, "config.json": CONFIG})
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for place in random.choice(len(whole), 150, replace=False):
        data = bytearray(whole)
        data[place] ^= 1 << int(random.integers(8))
        path.write_bytes(data)
        document = read_document(path)
        assert document.root is not None or document.diagnostics
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert read_document(path).diagnostics
