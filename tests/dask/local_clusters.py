"""Clusters of processes on this machine, for tests: quiet, and gone afterwards."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster

PATIENCE = 300.0
"""Seconds after which a test gives up: workers start slowly on a busy machine."""


@contextlib.contextmanager
def local_cluster(folder: Path, workers: int = 3, **given: Any) -> Iterator[Client]:
    """A client of a new cluster. What distributed logs is not the tests' business."""
    settings = {
        "distributed.worker.daemon": True,
        "distributed.comm.timeouts.connect": "60s",
        "distributed.scheduler.allowed-failures": 10,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            processes=True,
            dashboard_address=":0",
            local_directory=str(folder),
            silence_logs=logging.CRITICAL,
            **given,
        ) as cluster,
        Client(cluster, timeout=PATIENCE, set_as_default=True) as client,
    ):
        client.wait_for_workers(workers, timeout=PATIENCE)
        yield client


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Return when it is so; fail where it does not come about."""
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.02)
