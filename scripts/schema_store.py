"""Put the JSON Schema, its entry in the catalogue and its tests into a checkout of SchemaStore."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from speccompiler.schemas.jsonschema import native_schema

SOURCE = Path(__file__).parent.parent / "schemastore"


def schema() -> dict[str, Any]:
    """The schema with the address that the store gives it."""
    entry = json.loads((SOURCE / "catalog-entry.json").read_text(encoding="utf-8"))
    printed = native_schema()
    return {"$schema": printed.pop("$schema"), "$id": entry["url"], **printed}


def with_entry(catalog: dict[str, Any]) -> dict[str, Any]:
    """The catalogue with the entry in its place: entries are in the order of their names."""
    entry = json.loads((SOURCE / "catalog-entry.json").read_text(encoding="utf-8"))
    others = [each for each in catalog["schemas"] if each["name"] != entry["name"]]
    place = sum(each["name"].casefold() < entry["name"].casefold() for each in others)
    return {**catalog, "schemas": [*others[:place], entry, *others[place:]]}


def write(checkout: Path) -> None:
    """Write all of it into ``src`` of a checkout."""
    source = checkout / "src"
    catalog = source / "api" / "json" / "catalog.json"
    changed = with_entry(json.loads(catalog.read_text(encoding="utf-8")))
    _write(catalog, changed)
    _write(source / "schemas" / "json" / "convspec.json", schema())
    for kind in ("test", "negative_test"):
        shutil.copytree(SOURCE / kind, source / kind / "convspec", dirs_exist_ok=True)


def _write(file: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=False)
    file.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("checkout", type=Path)
    write(arguments.parse_args().checkout)
