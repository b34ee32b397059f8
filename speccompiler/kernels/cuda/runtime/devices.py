"""Which GPUs a target names, real ones or the simulator's."""

from __future__ import annotations

import os
import re

from speccompiler.diagnostics.core import Problem
from speccompiler.kernels.cuda.runtime.device import Device

CUDA = re.compile(r"cuda(?::(\d{1,3}))?", re.ASCII)
SIMULATED = "NUMBA_ENABLE_CUDASIM"
"""A variable of the environment: 1 takes the simulator. numba's own is called so too."""


def simulated() -> bool:
    """Whether the simulator stands for the GPUs."""
    return os.environ.get(SIMULATED) == "1"


def open_devices(target: str) -> tuple[Device, ...]:
    """The GPU that ``cuda:N`` names; for ``cuda`` the first, and all others that equal it.

    A GPU that is too old is passed over, unless it is named. Raises ``Problem`` CS133 where the
    extra, the driver or the GPU is missing.
    """
    named = CUDA.fullmatch(target)
    assert named is not None, f"{target} is no CUDA target"
    number = None if named[1] is None else int(named[1])
    if simulated():
        # Neither is loaded where the other is used: the simulator needs no driver.
        from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice

        _check_number(number, 1)
        return (SimulatedDevice(),)
    from speccompiler.kernels.cuda.runtime.cuda_device import devices
    from speccompiler.kernels.cuda.runtime.gpus import check_age, first_usable

    found = devices()
    _check_number(number, len(found))
    chosen = first_usable(found) if number is None else found[number]
    check_age(chosen)
    if number is not None:
        return (chosen,)
    # Another kind of GPU could round an activation in another way.
    kind = (chosen.name, chosen.capability)
    return tuple(d for d in found if (d.name, d.capability) == kind)


def _check_number(number: int | None, count: int) -> None:
    if number is not None and number >= count:
        there = "one GPU, cuda:0" if count == 1 else f"{count} GPUs, cuda:0 to cuda:{count - 1}"
        raise Problem("CS133", f"there is no GPU number {number}", f"this machine has {there}")
