"""What to do about arrays of pickled objects, which are code and are never loaded."""

from __future__ import annotations

from pathlib import Path

from speccompiler.files.tensor_info import TensorInfo
from speccompiler.weights.files.file_formats import Format

_PICKLED = "pickled objects are code and are never loaded; where you trust the file"


def unpickling_hint(path: Path, format: Format | None, info: TensorInfo) -> str:
    """The line of Python that makes an .npz of pickled arrays, where they are trusted.

    ``format`` is that of the file, None for a folder.
    """
    name = path.name.replace('"', '\\"')
    load = f'numpy.load("{name}", allow_pickle=True, encoding="latin1")'
    if format is None:
        line = (
            'import numpy, pathlib; numpy.savez("weights.npz", **{f"{p.stem}/{i}": a for p in '
            f'pathlib.Path("{name}").glob("*.npy") for i, a in enumerate(numpy.load(p, '
            'allow_pickle=True, encoding="latin1"))})'
        )
        return f"{_PICKLED}: {line}"
    if len(info.shape) > 1 and format == "npz":  # numbers, each an object
        line = (
            'import numpy; numpy.savez("weights.npz", **{k: a.astype("float32") for k, a in '
            f"{load}.items()}})"
        )
        return f"{_PICKLED}: {line}"
    if format == "npz":
        load += f'["{info.name}"]'
    if info.shape:
        line = f'import numpy; numpy.savez("weights.npz", *{load})'
    else:  # a dictionary, of arrays or of lists of them
        line = (
            f'import numpy; d = {load}.item(); numpy.savez("weights.npz", **{{(f"{{k}}/{{i}}" if '
            "isinstance(v, list) else k): a for k, v in d.items() for i, a in enumerate(v if "
            "isinstance(v, list) else [v])})"
        )
    return f"{_PICKLED}: {line}"
