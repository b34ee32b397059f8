"""Which file each row of the outputs came from, as a table beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from speccompiler.files.atomic_output import FileGroup, atomic_file, write_failure
from speccompiler.system.unfinished_files import write_all


def rows_path(output: Path, name: str | None = None) -> Path:
    """``y.files.csv`` beside ``y.npy``; with the name of one of several inputs in between."""
    middle = "" if name is None else f".{name}"
    return output.with_name(f"{output.stem}{middle}.files.csv")


def write_rows(path: Path, files: Sequence[str], group: FileGroup | None = None) -> None:
    """A CSV table of rows and files; it appears when it is complete. CS120, CS121."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("row", "file"))
    table.writerows(enumerate(files))
    data = text.getvalue().encode("utf-8", "surrogateescape")
    with atomic_file(path, len(data), group) as file:
        try:
            write_all(file, data)
        except OSError as error:
            raise write_failure(error, "no row") from None
