"""Connecting to a cluster that is there, and processes that are started for one run."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest

from speccompiler.dask import clusters
from speccompiler.dask.clusters import LocalWorkers, connected
from speccompiler.diagnostics.core import Problem

pytestmark = pytest.mark.xdist_group("dask")


def test_something_else_listens_there(monkeypatch):
    """It takes the connection and never says a word that a scheduler would say."""
    monkeypatch.setattr(clusters, "GREETING", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Problem) as raised, connected(address, 0):
            pass
    assert (raised.value.code, raised.value.message) == (
        "CS202",
        f"no scheduler answers: what listens at {address} does not speak as one within 1 s",
    )


class Stopped(BaseException):
    """What a signal raises here."""


class Processes:
    """In place of a cluster: a signal comes while it is made."""

    number = signal.SIGINT
    open = 0

    def __init__(self, **given):
        type(self).open += 1
        os.kill(os.getpid(), self.number)

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        type(self).open -= 1


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_processes_are_started(monkeypatch, tmp_path, number):
    """They are ended: the signal waits until somebody knows of them."""
    assert threading.current_thread() is threading.main_thread()

    def stop(received, frame):
        raise Stopped

    monkeypatch.setattr(Processes, "open", 0)
    monkeypatch.setattr(Processes, "number", number)
    monkeypatch.setattr("distributed.LocalCluster", Processes)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = signal.signal(number, stop)
    try:
        with pytest.raises(Stopped), connected(LocalWorkers(1), 0):
            pass
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert Processes.open == 0
    assert list(tmp_path.iterdir()) == []
