"""Golden texts: compared word for word, or written anew with ``pytest --update-golden``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden texts anew; read the difference before you keep it",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """``golden(file, text)`` fails unless the file holds just this text."""
    update = request.config.getoption("--update-golden")

    def check(file: Path, text: str) -> None:
        if update and (not file.exists() or file.read_text(encoding="utf-8") != text):
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{file} is missing; pytest --update-golden writes it"
        assert text == file.read_text(encoding="utf-8")

    return check
