"""The tour that ``make demo`` takes: check a spec, see its shapes, compile it, run it, look.

What is waited for is the machine code of the kernels, once: it is kept for later runs, and for
other models. A wheel brings it, so that nothing is compiled there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SPEC = "examples/specs/photo.yaml"
PHOTOGRAPH = "examples/data/coffee.npy"


def step(what: str, *command: str) -> float:
    """Say what comes, show the command, run it, give its seconds; end the demo if it fails."""
    print(f"\n# {what}\n$ {' '.join(command)}", flush=True)
    program = [str(Path(sys.executable).with_name("convspec")), *command[1:]]
    start = time.perf_counter()
    status = subprocess.run(program, cwd=ROOT).returncode
    if status != 0:
        sys.exit(f"'{' '.join(command)}' ended with status {status}")
    return time.perf_counter() - start


def main() -> None:
    """Run every step."""
    (ROOT / "out").mkdir(exist_ok=True)
    run = ("convspec", "run", SPEC, "--input", PHOTOGRAPH, "--output", "out/demo.npy", "--profile")
    step("Is the spec right? Its kernels in photo.npz are checked as well.",
         "convspec", "validate", SPEC)  # fmt: skip
    step("What shape has each layer, and what does it cost?", "convspec", "shapes", SPEC)
    waited = step("Compile its kernels, which takes seconds, and only once: they are kept.",
                  "convspec", "compile", SPEC)  # fmt: skip
    ran = step("Run it over a photograph, 256 by 384 pixels of uint8.", *run)
    print(f"\nWhole processes: {waited:.2f} s to compile, {ran:.2f} s to run.")
    subprocess.run(
        [sys.executable, "examples/make_png.py", PHOTOGRAPH, "out/demo.npy", "out/demo.png"],
        cwd=ROOT,
        check=True,
    )
    print("The result is out/demo.npy; out/demo.png shows it beside the photograph.")


if __name__ == "__main__":
    main()
