"""A case as files, and the commands that run it from them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .cases import Case
from .spec import has_weights, write_model
from .tensors import channels_last, input_array

PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """A folder with the case in every form that the engines asked for read."""

    folder: Path
    has_weights: bool
    threads: int

    def output(self, contender: str) -> Path:
        """Where its command writes."""
        return self.folder / f"{contender.replace(' ', '_')}.npy"

    def program(self, contender: str, runs: int) -> list[str]:
        """A Python program and its arguments, for this interpreter."""
        x, y = "x.npy", self.output(contender).name
        last = (y, str(self.threads), str(runs))
        engine, _, math = contender.partition(" ")
        if engine == "convspec":
            weights = "weights.safetensors" if self.has_weights else "-"
            return self._script(engine, "model.yaml", weights, math, "x_last.npy", *last)
        if engine == "torch":
            return self._script(engine, "model.pt", x, *last)
        return self._script(engine.lower(), "model.onnx", x, *last)

    def _script(self, engine: str, *arguments: str) -> list[str]:
        return [str(PROGRAMS / f"{engine}_run.py"), *arguments]

    def command(self, contender: str) -> list[str]:
        """A whole process that computes the case once: convspec's is its own command."""
        if not contender.startswith("convspec"):
            return [sys.executable, *self.program(contender, 1)]
        weights = ["--weights", "weights.safetensors"] if self.has_weights else []
        return [
            str(Path(sys.executable).parent / "convspec"),
            *("run", "model.yaml", *weights, "--threads", str(self.threads)),
            *("--input", "x_last.npy", "--output", self.output(contender).name),
        ]


def write_case(case: Case, folder: Path, contenders: Iterable[str], threads: int) -> CaseFiles:
    """Fill the folder with what these contenders read."""
    engines = {name.split()[0] for name in contenders}
    x = input_array(case)
    np.save(folder / "x.npy", x)
    if "convspec" in engines:
        np.save(folder / "x_last.npy", channels_last(x))
        write_model(case, folder)
    if engines & {"onnxruntime", "OpenVINO"}:
        from .onnx_model import onnx_model

        (folder / "model.onnx").write_bytes(onnx_model(case).SerializeToString())
    if "torch" in engines:
        import torch

        from .torch_model import torch_module

        torch.save(torch_module(case), folder / "model.pt")
    return CaseFiles(folder, has_weights(case), threads)
