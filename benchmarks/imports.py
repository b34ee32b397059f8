"""A network as an ONNX file beside its native spec: the same weights, in turns, in convspec alone.

The file is as exporters write it, channels first; both read and write arrays in their own order.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .cases import Case
from .contenders import CONTENDERS, Ready
from .measuring import in_turns
from .results import Imported
from .speed import differences
from .tensors import from_peer, peer_input

NATIVE, IMPORT = "native", "import"


def imports(cases: tuple[Case, ...], threads: int, seconds: float) -> Iterator[Imported]:
    """The times and the steps of each case in both forms."""
    own = next(contender for contender in CONTENDERS if contender.name == "convspec fast")
    for case in cases:
        ready = {NATIVE: own.build(case, threads), IMPORT: imported(case, threads)}
        both = {name: one for name, one in ready.items() if one is not None}
        gc.collect()
        timings = in_turns({name: one.run for name, one in both.items()}, seconds)
        apart = differences({name: one.output() for name, one in both.items()})
        yield Imported(
            case.name,
            timings[NATIVE].median * 1e3,
            timings[IMPORT].median * 1e3,
            timings[NATIVE].least * 1e3,
            timings[IMPORT].least * 1e3,
            max(apart.values()),
        )


def imported(case: Case, threads: int) -> Ready:
    """The case as an ONNX file, in convspec. Samples are first, as convspec has them."""
    from speccompiler.model import load

    from .onnx_model import onnx_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(onnx_model(case).SerializeToString())
        model = load(path)
        compiled = model.compile(
            target="cpu", batch_size=case.shape[0], threads=threads, math="fast"
        )
    samples = 1 if case.steps_first else 0
    x = np.ascontiguousarray(np.moveaxis(peer_input(case), samples, 0))
    y = np.empty(compiled.output_shapes(case.shape[0])[0], np.float32)
    axis = samples if y.ndim == 3 else 0
    return Ready(
        lambda: compiled.run(x, out=y), lambda: from_peer(case, np.moveaxis(y, 0, axis)).copy()
    )
