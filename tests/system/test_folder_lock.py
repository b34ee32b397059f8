"""One process at a time works in a folder, whatever happens to the folder and to the process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from speccompiler.system.folder_lock import Busy, lock_folder, remove_lock

HOLD = """
import sys, time
from pathlib import Path
from speccompiler.system.folder_lock import lock_folder
held = lock_folder(Path(sys.argv[1]), "lock")
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_is_told_by_whom(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    held = lock_folder(folder, "lock")
    with pytest.raises(Busy) as raised:
        lock_folder(folder, "lock")
    assert raised.value.who == f"process {os.getpid()} on {socket.gethostname()}"
    remove_lock(held, folder / "lock")
    os.rmdir(folder)
    lock_folder(folder, "lock").close()
    lock_folder(folder, "lock").close()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Busy):
            lock_folder(folder, "lock")
        process.send_signal(signal.SIGKILL)
        process.wait()
    lock_folder(folder, "lock").close()


def test_many_take_turns_and_remove_it(tmp_path: Path) -> None:
    """The folder comes and goes; nobody is ever in it together with another."""
    folder = tmp_path / "f"
    inside, turns, wrong = [], [], []

    def work() -> None:
        while len(turns) < 200:
            try:
                held = lock_folder(folder, "lock")
            except Busy:
                continue
            inside.append(1)
            if len(inside) != 1 or sorted(os.listdir(folder)) != ["lock"]:
                wrong.append(os.listdir(folder))
            turns.append(1)
            inside.pop()
            remove_lock(held, folder / "lock")
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
