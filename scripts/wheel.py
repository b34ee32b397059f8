"""Make a platform wheel of a pure one: `make wheel`. It brings the machine code of all kernels.

Everything else is the same, byte by byte. The code is compiled by the wheel's own sources, for
each level of this architecture's instruction set, whichever of them this processor has. It needs
what convspec itself needs, and no compiler but numba.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

MOST_BYTES = 12 << 20
"""A wheel may be no larger."""
PLACE = "speccompiler/kernels/cpu/prebuilt"
PURE = "py3-none-any"


def platform_tag() -> str:
    """What the wheel says it is for. Its code calls nothing but the C library's mathematics."""
    machine = platform.machine().lower()
    if sys.platform == "linux":
        return f"manylinux_2_17_{machine}"
    if sys.platform == "darwin":
        return f"macosx_{'11_0' if machine == 'arm64' else '10_13'}_{machine}"
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def compile_libraries(folder: Path, processes: int) -> None:
    """One file a level, of the library as the ``speccompiler`` says that is imported here."""
    from speccompiler.kernels.cpu.library import library
    from speccompiler.kernels.cpu.runtime import prebuilt
    from speccompiler.kernels.cpu.runtime.kernel_cache import VOCABULARY
    from speccompiler.system.processor import LEVELS, architecture

    for level in LEVELS.get(architecture(), ()):
        started = time.perf_counter()
        texts = library(level.lanes)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            made = pool.map(compiled, texts, [level.name] * len(texts))
            kernels = {symbol: code for symbol, code in made if code is not None}
        path = folder / prebuilt.file_name(level)
        prebuilt.write_library(path, level, VOCABULARY, kernels)
        print(
            f"{level.name}: {len(kernels)} kernels, {path.stat().st_size >> 10} KiB, "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


def compiled(text: tuple[str, str], level_name: str) -> tuple[str, object]:
    """The symbol of a kernel, and its code; None for code that calls what nobody may have."""
    from speccompiler.kernels.cpu.runtime.compiler import compile_kernel
    from speccompiler.kernels.cpu.runtime.kernel_cache import symbol_of
    from speccompiler.system.processor import LEVELS, architecture

    level = next(one for one in LEVELS[architecture()] if one.name == level_name)
    symbol = symbol_of(*text, level)
    code, portable = compile_kernel(text[1], f"<{symbol}>", symbol, level)
    return symbol, code if portable else None


def platform_wheel(pure: Path, folder: Path, processes: int) -> Path:
    """Write the platform wheel of a pure one into a folder."""
    if PURE not in pure.name:
        raise SystemExit(f"wheel: {pure.name} is not a wheel for every platform")
    tag = f"py3-none-{platform_tag()}"
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        with zipfile.ZipFile(pure) as archive:
            archive.extractall(tree)
            names = archive.namelist()
        made = tree / PLACE
        made.mkdir(parents=True)
        command = [sys.executable, "-P", os.path.abspath(__file__), "--compile", str(made)]
        command += ["--processes", str(processes)]
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(command, env=environment, cwd=tree, check=True)
        files = [file.relative_to(tree).as_posix() for file in sorted(made.iterdir())]
        return _packed(tree, [*files, *names], tag, folder / pure.name.replace(PURE, tag))


def _packed(tree: Path, names: list[str], tag: str, wheel: Path) -> Path:
    """A wheel of the files of a tree, with the tag in its texts."""
    (record,) = (name for name in names if name.endswith(".dist-info/RECORD"))
    about = tree / record.replace("RECORD", "WHEEL")
    text = about.read_text(encoding="utf-8").replace(f"Tag: {PURE}", f"Tag: {tag}")
    about.write_text(text.replace("Purelib: true", "Purelib: false"), encoding="utf-8")
    lines = []
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            if name == record or name.endswith("/"):
                continue
            content = (tree / name).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            lines.append(f"{name},sha256={digest.decode()},{len(content)}\n")
            archive.writestr(_entry(name), content)
        archive.writestr(_entry(record), "".join([*lines, f"{record},,\n"]))
    if wheel.stat().st_size > MOST_BYTES:
        raise SystemExit(f"wheel: {wheel.stat().st_size} bytes are more than {MOST_BYTES}")
    return wheel


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    return entry


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", nargs="?", type=Path, help="the pure wheel")
    parser.add_argument("--into", type=Path, default=Path("dist"), help="folder of the new one")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compile", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.compile is not None:
        compile_libraries(given.compile, given.processes)
    elif given.wheel is None:
        parser.error("name a wheel")
    else:
        made = platform_wheel(given.wheel, given.into, given.processes)
        print(f"{made}: {made.stat().st_size / (1 << 20):.1f} MiB")


if __name__ == "__main__":
    main()
