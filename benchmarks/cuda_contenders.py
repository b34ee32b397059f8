"""Who runs a case on the GPU, with input and output in its memory; and from arrays to arrays."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .cases import Case
from .spec import has_weights, write_model
from .tensors import Array, channels_first, channels_last, input_array

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class OnGpu:
    """One way to run a case, built. Each call returns when the GPU is done."""

    name: str
    compute: Call
    """The kernels alone, over what lies in the GPU's memory."""
    whole: Call
    """From an array of the host to an array of the host."""
    output: Callable[[], Array]
    """The output, channels first."""
    rounded: bool = False
    """Whether products are rounded to TF32: such an output may be further off."""


def contenders(case: Case) -> Iterator[OnGpu]:
    """Built one after another, each when it is asked for."""
    yield _convspec(case, "precise")
    yield _convspec(case, "fast")
    if torch_is_there():
        for compiled in (False, True):
            for tf32 in (False, True):
                yield _torch(case, tf32, compiled)


def torch_is_there() -> bool:
    """A torch that has a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _convspec(case: Case, math: Literal["precise", "fast"]) -> OnGpu:
    from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
    from speccompiler.model import load

    samples = case.shape[0]
    with tempfile.TemporaryDirectory() as folder:
        path, weights = write_model(case, Path(folder))
        model = load(path, weights=weights if has_weights(case) else None)
        compiled = model.compile("cuda:0", batch_size=samples, math=math, tune=True)
    executor = compiled.executor
    assert isinstance(executor, CudaExecutor), "cuda:0 is run by its executor"
    x = channels_last(input_array(case))
    y = np.empty(compiled.output_shapes(samples)[0], np.float32)
    return OnGpu(
        f"convspec {math}",
        lambda: executor.compute(samples),
        lambda: compiled.run(x, out=y),
        lambda: channels_first(y) if y.ndim > 2 else y.copy(),
    )


def _torch(case: Case, tf32: bool, compiled: bool) -> OnGpu:
    import torch

    from .torch_model import has_channels_last, to_channels_last, torch_module

    torch.backends.cudnn.benchmark = True
    module, host = torch_module(case).to("cuda"), torch.from_numpy(input_array(case))
    if has_channels_last(case):
        module, host = to_channels_last(module, case), to_channels_last(host, case)
    x = host.to("cuda")
    run = torch.compile(module, mode="max-autotune") if compiled else module
    last: list[Any] = [None]

    def compute() -> None:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        with torch.inference_mode():
            last[0] = run(x)
        torch.cuda.synchronize()

    def whole() -> None:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        with torch.inference_mode():
            last[0] = run(host.to("cuda")).cpu()

    name = f"torch {'compile' if compiled else 'eager'}{' tf32' if tf32 else ''}"
    return OnGpu(
        name,
        compute,
        whole,
        lambda: np.array(last[0].contiguous().cpu().numpy(), np.float32),
        tf32,
    )
