"""The pages on settings and CI name every key and every input, as the program has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from speccompiler.comparing import decisions
from speccompiler.policy import settings_keys
from speccompiler.policy.settings_reading import Key
from tests.places import ROOT

ROW = re.compile(r"^\| `([\w-]+)` \| (.*?) \| (.*) \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("## Keys", settings_keys.KEYS),
        ("### `[[ignore]]`", settings_keys.IGNORE_KEYS),
        ("### `[diff]`", decisions.KEYS),
        ("### `[[diff.ignore]]`", decisions.IGNORE_KEYS),
    ],
)
def test_every_key_has_its_row(heading: str, keys: Mapping[str, Key[Any]]) -> None:
    table = PAGE.split(f"\n{heading}\n")[1].split("\n#")[0]
    rows = {name: (form, says) for name, form, says in ROW.findall(table)}
    assert rows == {name: (f"`{key.form}`", key.says) for name, key in keys.items()}


def test_every_input_of_the_action_has_its_row() -> None:
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    rows = {name: (default, says) for name, default, says in ROW.findall(page)}
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    for name, described in action["inputs"].items():
        default, says = rows[name]
        assert says == described["description"].replace("`convspec", "`convspec")
        if name != "token":
            assert default.strip("`") == described["default"]
    for name in action["outputs"]:
        assert f"`{name}`" in page
