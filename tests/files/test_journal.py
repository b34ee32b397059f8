"""A journal holds what was added, whatever a crash leaves of the last line."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from pathlib import Path

import pytest

from speccompiler.files.journal import Journal

LINES = ("header", '{"task": 1}', "ümläut \r \x0b line", "")


def written(path: Path) -> bytes:
    journal = Journal(path)
    for line in LINES:
        journal.add(line)
    assert journal.count == len(LINES)
    journal.close()
    return path.read_bytes()


def lines_of(path: Path) -> tuple[str, ...]:
    with closing(Journal(path)) as journal:
        return journal.lines


def test_every_beginning_of_the_file_gives_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = written(path)
    ends = [i + 1 for i, byte in enumerate(content) if byte == 0x0A]
    assert len(ends) == len(LINES)
    for size in range(len(content) + 1):
        for tail in (b"", b"\0" * 40, b"garbage\n"):
            path.write_bytes(content[:size] + tail)
            journal = Journal(path)
            whole = sum(end <= size for end in ends)
            assert journal.lines == LINES[:whole]
            journal.add("more")
            journal.close()
            assert lines_of(path) == (*LINES[:whole], "more")


def test_a_damaged_line_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = bytearray(written(path))
    content[content.index(b"task")] ^= 1
    path.write_bytes(content)
    assert lines_of(path) == LINES[:1]


def test_an_entry_that_could_not_be_written_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.add("one")

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="Input/output error"):
            journal.add("two")
    journal.add("three")
    journal.close()
    assert lines_of(path) == ("one", "three")


def test_threads(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    threads = [
        threading.Thread(target=lambda i=i: [journal.add(f"{i} {j}") for j in range(20)])
        for i in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    lines = lines_of(tmp_path / "journal")
    assert sorted(lines) == sorted(f"{i} {j}" for i in range(5) for j in range(20))
