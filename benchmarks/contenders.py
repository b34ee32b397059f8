"""Who runs a case: each is a function without arguments that computes it once.

Each gets its input in the layout natural to it, prepared outside the timing, and writes
into memory that it has had before, where it can.
"""

from __future__ import annotations

import importlib.util
import inspect
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .cases import Case
from .spec import has_weights, write_model
from .tensors import (
    Array,
    channels_first,
    channels_last,
    from_peer,
    input_array,
    peer_input,
    peer_output_shape,
)

MathMode = Literal["fast", "precise"]


@dataclass(frozen=True, slots=True)
class Ready:
    """A contender with its model built. Hold no two that may not share a process."""

    run: Callable[[], Any]
    output: Callable[[], Array]
    """The output of the last run, channels first, of its own memory."""


Build = Callable[[Case, int], Ready | None]
"""For a case and a thread count; None where the contender has no such variant."""


def default_math() -> str:
    """What convspec does when nobody says ``math=``."""
    from speccompiler.model import Model

    return str(inspect.signature(Model.compile).parameters["math"].default)


def _convspec(math: MathMode) -> Build:
    def build(case: Case, threads: int) -> Ready:
        from speccompiler.model import load

        with tempfile.TemporaryDirectory() as folder:
            path, weights = write_model(case, Path(folder))
            model = load(path, weights=weights if has_weights(case) else None)
            compiled = model.compile(
                target="cpu", batch_size=case.shape[0], threads=threads, math=math
            )
        x = input_array(case) if case.planes else channels_last(input_array(case))
        y = np.empty(compiled.output_shapes(case.shape[0])[0], np.float32)
        as_it_is = case.planes or y.ndim == 2
        return Ready(
            lambda: compiled.run(x, out=y),
            lambda: y.copy() if as_it_is else channels_first(y),
        )

    return build


def _onnxruntime(case: Case, threads: int) -> Ready | None:
    if case.images_over_time:
        return None
    import onnxruntime

    from .onnx_model import INPUT, OUTPUT, onnx_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model(case).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x, y = peer_input(case), np.empty(peer_output_shape(case), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input(INPUT, x)
    binding.bind_output(OUTPUT, "cpu", 0, np.float32, y.shape, y.ctypes.data)

    def run() -> None:
        # The binding holds addresses only: x and y live as long as this function.
        _ = x, y
        session.run_with_iobinding(binding)

    return Ready(run, lambda: from_peer(case, y))


def _openvino(case: Case, threads: int) -> Ready | None:
    if case.images_over_time:
        return None
    import openvino

    from .onnx_model import onnx_model

    core = openvino.Core()
    model = core.read_model(onnx_model(case).SerializeToString())
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    x = peer_input(case)
    request.set_input_tensor(openvino.Tensor(x, shared_memory=True))

    def run() -> None:
        _ = x
        request.infer()

    return Ready(run, lambda: from_peer(case, request.get_output_tensor().data))


def _torch(layout: Literal["contiguous", "channels last"]) -> Build:
    def build(case: Case, threads: int) -> Ready | None:
        import torch

        from .torch_model import has_channels_last, to_channels_last, torch_module

        torch.set_num_threads(threads)
        module, x = torch_module(case), torch.from_numpy(peer_input(case))
        if layout == "channels last":
            if case.planes or not has_channels_last(case):
                return None
            module, x = to_channels_last(module, case), to_channels_last(x, case)
        last: list[Any] = [None]

        def run() -> None:
            with torch.inference_mode():
                last[0] = module(x)

        return Ready(run, lambda: from_peer(case, last[0].contiguous().numpy()))

    return build


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to run a case, and the modules it needs."""

    name: str
    engine: str
    """The runtime that it belongs to; ratios are to the best that is not convspec."""
    build: Build
    modules: tuple[str, ...] = ()


CONTENDERS = (
    Contender("convspec fast", "convspec", _convspec("fast")),
    Contender("convspec precise", "convspec", _convspec("precise")),
    Contender("onnxruntime", "onnxruntime", _onnxruntime, ("onnx", "onnxruntime")),
    Contender("OpenVINO", "openvino", _openvino, ("onnx", "openvino")),
    Contender("torch", "torch", _torch("contiguous"), ("torch",)),
    Contender("torch channels last", "torch", _torch("channels last"), ("torch",)),
)


def present(names: tuple[str, ...] = ()) -> tuple[tuple[Contender, ...], tuple[str, ...]]:
    """Contenders that can run here, and the modules that the others lack.

    ``names``: parts of the names of those wanted; empty for all.
    """
    wanted = [c for c in CONTENDERS if not names or any(name in c.name for name in names)]
    absent = {m for c in wanted for m in c.modules if importlib.util.find_spec(m) is None}
    able = tuple(c for c in wanted if not absent & set(c.modules))
    return able, tuple(sorted(absent))
