"""Files that are being written: they stay while their writer lives, and go when it has died."""

from __future__ import annotations

import os

from speccompiler.system import unfinished_files
from speccompiler.system.unfinished_files import create_unfinished, sweep
from tests.system.killed_writer import writer


def test_what_a_dead_process_was_writing_is_removed_and_work_in_progress_stays(tmp_path):
    others = [".x.0123456789ab.part", ".x.0123.convspec.part", "x.0123456789ab.convspec.part"]
    for name in others:
        (tmp_path / name).write_text("not ours")
    (tmp_path / ".link.0123456789ab.convspec.part").symlink_to(tmp_path / others[0])
    (tmp_path / ".folder.0123456789ab.convspec.part").mkdir()
    os.mkfifo(tmp_path / ".pipe.0123456789ab.convspec.part")
    with writer(tmp_path, "a.o"):
        with writer(tmp_path, "x" * 60):
            pass
        assert len(list(tmp_path.iterdir())) == 8
        sweep(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
        assert [name for name in left if name.startswith(".x" + "x" * 39)] == []
        assert [name for name in left if name.startswith(".a.o.")] != []
        assert len(left) == 7
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 6
    sweep(tmp_path / "missing")


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, seen = unfinished_files.locked, []

    def late(descriptor):
        if not seen:
            seen.append(True)
            sweep(tmp_path)
        return lock(descriptor)

    monkeypatch.setattr(unfinished_files, "locked", late)
    with create_unfinished(tmp_path, "a") as file:
        assert os.path.exists(file.name)
    assert len(list(tmp_path.iterdir())) == 1
