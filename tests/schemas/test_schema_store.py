"""What is prepared for the schema store: the entry, the schema, and specs that test it there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from speccompiler.schemas.jsonschema import native_schema
from speccompiler.source.spec_marks import NAMES
from tests.places import ROOT

STORE = ROOT / "schemastore"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the store after the script."""
    folder = tmp_path_factory.mktemp("store")
    for name in ("api/json", "schemas/json", "test", "negative_test"):
        (folder / "src" / name).mkdir(parents=True)
    entries = [{"name": name, "url": "u"} for name in ("Azure", "convspec", "cookiecutter", "zod")]
    catalog = {"version": 1, "schemas": entries}
    (folder / "src/api/json/catalog.json").write_text(json.dumps(catalog))
    spec = importlib.util.spec_from_file_location("store", ROOT / "scripts/schema_store.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write(folder)
    return folder / "src"


def test_the_entry_names_the_files_that_convspec_knows_by_name(checkout: Path) -> None:
    catalog = json.loads((checkout / "api/json/catalog.json").read_text())
    assert [e["name"] for e in catalog["schemas"]] == ["Azure", "convspec", "cookiecutter", "zod"]
    entry = catalog["schemas"][1]
    assert entry == json.loads((STORE / "catalog-entry.json").read_text())
    assert entry["fileMatch"] == [f"*{name}" for name in NAMES]
    assert "schema" not in entry["description"].lower()  # the store's own rule


def test_the_schema_is_the_one_that_is_printed(checkout: Path) -> None:
    found = json.loads((checkout / "schemas/json/convspec.json").read_text())
    assert found.pop("$id") == "https://www.schemastore.org/convspec.json"
    assert found == native_schema()
    assert found["$schema"] == "http://json-schema.org/draft-07/schema#"


def data(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_the_specs_test_it(checkout: Path) -> None:
    judge = Draft7Validator(json.loads((checkout / "schemas/json/convspec.json").read_text()))
    good = sorted((checkout / "test/convspec").iterdir())
    bad = sorted((checkout / "negative_test/convspec").iterdir())
    assert good
    assert bad
    assert [f.name for f in good if not judge.is_valid(data(f))] == []
    assert [f.name for f in bad if judge.is_valid(data(f))] == []
    assert all(f.name.endswith(NAMES) for f in (*good, *bad))
