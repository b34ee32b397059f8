"""Kernel texts that have been compiled: their digests are kept, so that CI need not compile."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

from speccompiler.kernels.cuda.launches import Launch
from speccompiler.kernels.cuda.steps import step_code
from speccompiler.kernels.cuda.tile_choice import estimated
from tests.cases import build, variant_layers
from tests.kernels.cuda.cuda_kernels import kernels
from tests.kernels.cuda.simulated.on_simulator import cuda_plan
from tests.kernels.cuda.simulated.test_layers import KERNEL_ROWS
from tests.places import ROOT

COMPILED = Path(__file__).parent / "compiled.txt"
"""The compilers' versions, then the digest of each text that passed ``make test-cuda-ptx``."""
_CUDA = ROOT / "speccompiler" / "kernels" / "cuda"


def kinds_of_texts() -> dict[str, Launch]:
    """A launch for each text of the case table, those that differ in numbers only once."""
    found: dict[str, Launch] = {}
    for case, variant in KERNEL_ROWS:
        layers, shape = variant_layers(case, variant)
        for step in cuda_plan(build(layers, shape)).steps:
            for launch in step_code(step, 2, estimated(132)).launches:
                kind = re.sub(r"\d+", "", launch.text)
                found.setdefault(kind, launch)
    return {f"{launch.name} {index}": launch for index, launch in enumerate(found.values())}


def digests() -> dict[str, str]:
    """Of each launch that is compiled: its text, its block, and our code that compiles it."""
    compiler = [_CUDA / "runtime" / "compiler.py", _CUDA / "device_functions.py"]
    # Comments decide nothing.
    code = "".join(ast.unparse(ast.parse(file.read_text(encoding="utf-8"))) for file in compiler)
    launches = dict(kernels()) | kinds_of_texts()
    return {
        name: hashlib.sha256(
            f"{launch.text}\0{launch.threads} {launch.resident}\0{code}".encode()
        ).hexdigest()[:16]
        for name, launch in launches.items()
    }
