"""Read an array of a Zarr hierarchy, version 2 or 3, in batches and box by box.

What zarr and the codecs raise for damaged files is one sentence that names the array and, where
it is one, the chunk. Codecs run in this process; only those of a closed list do, and none that
makes objects. A chunk that is not there is the fill value, as Zarr defines it.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays import element_types
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.chunked_batches import aligned_batches, check_chunk
from speccompiler.arrays.npy_batches import to_float32
from speccompiler.arrays.npy_header import check_shape
from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import first_few, on_one_line, quoted, shown
from speccompiler.files.system_errors import reading_reason

CODECS = frozenset(
    {
        "bytes", "endian", "transpose", "sharding_indexed",
        "gzip", "zlib", "zstd", "blosc", "lz4", "lzma", "bz2", "zfpy", "pcodec",
        "crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3",
        "shuffle", "delta", "fixedscaleoffset", "quantize", "bitround", "packbits", "astype",
    }
)  # fmt: skip
"""What may unpack a chunk. Left out is what makes objects: pickle, json2, msgpack2, vlen-*."""
_AGAIN = "write or copy the array again"
_OF_ANOTHER_LENGTH = ("reshape", "larger dtype", "multiple of element size")
"""What NumPy says where bytes do not make an array of a chunk's shape."""
_MOST_NODES = 500
"""Groups and arrays that are looked at to name those that a group holds."""


def open_zarr(
    store: Any,
    inner: str,
    shown_as: str,
    identity: Callable[[str], str],
    separator: str,
    root: Path | None = None,
) -> ArrayInput:
    """The array at ``inner`` of a store; of a group with one array that array.

    ``identity`` gives what is known of the content beside the metadata, for the array's path.
    ``separator`` stands between the store's name and a path in messages. ``root`` is the store's
    folder, where it is one. CS110 to CS115, CS124.
    """
    inner = inner.strip("/")
    node = _opened(store, inner, shown_as, separator)
    if not _is_array(node):
        node, inner = _only_array(node, inner, shown_as, separator)
    where = shown_as + (f"{separator}{inner}" if inner else "")
    source = _input(node, where, inner, identity)
    return source if root is None else replace(source, path=str(root / inner))


def _opened(store: Any, inner: str, shown_as: str, separator: str) -> Any:
    import zarr

    try:
        with _silent():
            return zarr.open(store, path=inner, mode="r")
    except FileNotFoundError:
        raise _missing(store, inner, shown_as, separator) from None
    except Exception as error:  # damaged metadata: zarr raises what its parts happen to raise
        raise _metadata_problem(error, inner) from None


def _silent() -> warnings.catch_warnings[None]:
    """What zarr warns of when it opens something is of no use to whoever reads an array."""
    caught: warnings.catch_warnings[None] = warnings.catch_warnings(action="ignore")
    return caught


def _metadata_problem(error: Exception, inner: str) -> Problem:
    """CS111 for what zarr raises where it reads metadata: anything, for a damaged file."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, OSError):
        text = f"the metadata cannot be read: {reading_reason(error)}"
        return Problem("CS110", text, "check the files and the permissions")
    where = f" of '{inner}'" if inner else ""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        text = f"the metadata{where} is no JSON ({_reason(error)})"
        return Problem("CS111", text, _AGAIN)
    if isinstance(error, AttributeError | TypeError | RecursionError):
        # What Python says of a list in the place of a mapping tells nobody anything.
        return Problem("CS111", f"the metadata{where} is not what Zarr writes", _AGAIN)
    return Problem("CS111", f"the metadata{where} cannot be used ({_reason(error)})", _AGAIN)


def _reason(error: Exception) -> str:
    """What a library says, in short and on one line."""
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    if isinstance(error, KeyError):
        text = f"{text} is missing"
    return shown(on_one_line(text).rstrip("."), 160)


# --- which array


def _is_array(node: Any) -> bool:
    import zarr

    return isinstance(node, zarr.Array)


def _missing(store: Any, inner: str, shown_as: str, separator: str) -> Problem:
    """CS124 for a path that leads to nothing, with what the store holds; CS111 for no store."""
    import zarr

    try:
        with _silent():
            root = zarr.open(store, mode="r")
    except FileNotFoundError:
        text = "this is no Zarr array or group: there is no zarr.json, .zarray or .zgroup"
        return Problem("CS111", text, "check the path")
    except Exception as error:  # as in _opened
        return _metadata_problem(error, "")
    if not inner:
        text = "this is no Zarr array or group"
        return Problem("CS111", text, "check the path")
    if _is_array(root):
        text = f"this is an array itself, and holds no '{shown(inner)}'"
        return Problem("CS124", text, f"give it as {shown_as}")
    names = list(_arrays(root))
    hint = did_you_mean(inner, names) or (f"it holds {_listed(names)}" if names else None)
    return Problem(
        "CS124",
        f"there is no array '{shown(inner)}' in it",
        hint or "it holds no array that can be listed",
    )


def _only_array(group: Any, inner: str, shown_as: str, separator: str) -> tuple[Any, str]:
    names = list(_arrays(group))
    if len(names) != 1:
        prefix = f"{inner}/" if inner else ""
        held = f"{len(names)} arrays: {_listed(names)}" if names else "no array that can be listed"
        first = names[0] if names else "NAME"
        raise Problem(
            "CS124",
            f"this is a group; it holds {held}",
            f"name one: {shown_as}{separator}{prefix}{first}",
        )
    inner = f"{inner}/{names[0]}".strip("/")
    return _opened(group.store, f"{group.path}/{names[0]}".strip("/"), shown_as, separator), inner


def _listed(names: list[str]) -> str:
    return first_few([quoted(name) for name in names], 8)


def _arrays(group: Any) -> Iterator[str]:
    """The paths of the arrays in a group and its groups, sorted in each, as far as can be told."""
    import zarr

    waiting = [("", group)]
    looked_at = 0
    while waiting and looked_at < _MOST_NODES:
        prefix, node = waiting.pop(0)
        try:
            with _silent():
                members = sorted(islice(node.members(max_depth=0), _MOST_NODES))
        except Exception:  # a member's metadata is damaged, or the store cannot be listed
            continue
        for name, member in members:
            looked_at += 1
            if isinstance(member, zarr.Group):
                waiting.append((f"{prefix}{name}/", member))
            else:
                yield prefix + name


# --- the array


def _input(array: Any, where: str, inner: str, identity: Callable[[str], str]) -> ArrayInput:
    metadata = array.metadata
    _check_codecs(_codecs(metadata.to_dict()))
    try:
        dtype = np.dtype(array.dtype)
        chunks = tuple(int(length) for length in array.chunks)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise _metadata_problem(error, "") from None
    element_types.check_dtype(dtype)
    shape = tuple(int(length) for length in array.shape)
    check_shape(shape)
    if min(chunks) < 1:
        raise Problem("CS111", f"the metadata gives chunks of shape {chunks}", _AGAIN)
    check_chunk(chunks, dtype)

    def box(wanted: Box) -> npt.NDArray[np.float32]:
        return _read(array, wanted, dtype)

    return ArrayInput(
        where,
        shape,
        dtype,
        False,
        element_types.conversion_note(dtype),
        lambda n: aligned_batches(shape, chunks[0], box, n),
        _box=box,
        chunks=chunks,
        identity=f"{identity(inner)}, metadata {_digest(metadata.to_dict())}",
    )


def _digest(metadata: dict[str, Any]) -> str:
    """Of all that decides what the chunks mean."""
    telling = {key: value for key, value in metadata.items() if key != "attributes"}
    return sha256(json.dumps(telling, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _codecs(metadata: Any) -> Iterator[str]:
    """The names of all codecs, those inside of shards too."""
    if isinstance(metadata, dict):
        for key in ("codecs", "index_codecs", "filters", "compressor"):
            listed = metadata.get(key) or ()
            for codec in (listed,) if isinstance(listed, dict) else listed:
                if isinstance(codec, dict):
                    yield str(codec.get("name") or codec.get("id"))
                    yield from _codecs(codec.get("configuration"))


def _check_codecs(names: Iterable[str]) -> None:
    for name in names:
        if name.removeprefix("numcodecs.") not in CODECS:
            raise Problem(
                "CS113",
                f"the chunks are packed with {quoted(name)}, which is not read here",
                "write the array again with zstd, gzip, blosc or none",
            )


def _read(array: Any, box: Box, dtype: np.dtype[Any]) -> npt.NDArray[np.float32]:
    if 0 in shape_of(box):
        return np.empty(shape_of(box), np.float32)
    try:
        return to_float32(np.asarray(array[slices(box)]))
    except MemoryError:
        size = math.prod(shape_of(box)) * dtype.itemsize
        raise Problem(
            "CS115", f"there is no memory for {size} bytes of it", "choose a smaller batch size"
        ) from None
    except Exception as error:  # codecs raise whatever they like for bytes that are damaged
        raise _chunk_problem(array, box, error) from None


def _chunk_problem(array: Any, box: Box, error: Exception) -> Problem:
    """CS110, CS112: which chunk of a box cannot be read, and why."""
    for place in product(
        *(range(a // c, (b - 1) // c + 1) for (a, b), c in zip(box, array.chunks, strict=True))
    ):
        part = tuple(
            slice(max(a, i * c), min(b, (i + 1) * c))
            for i, c, (a, b) in zip(place, array.chunks, box, strict=True)
        )
        try:
            np.asarray(array[part])
        except Exception as found:  # as in _read
            return _worded(_key(array, place), found)
    return _worded(None, error)


def _key(array: Any, place: tuple[int, ...]) -> str:
    """The name of the file that a chunk is in."""
    stored = array.shards or array.chunks
    at = tuple(i * c // s for i, c, s in zip(place, array.chunks, stored, strict=True))
    return str(array.metadata.encode_chunk_key(at))


def _worded(key: str | None, error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    what = "a chunk" if key is None else f"chunk '{key}'"
    if isinstance(error, OSError) and error.errno is not None:  # gzip raises some without one
        text = f"{what} cannot be read: {reading_reason(error)}"
        return Problem("CS110", text, "check the files and the permissions")
    reason = _reason(error)
    if isinstance(error, ValueError) and any(words in reason for words in _OF_ANOTHER_LENGTH):
        reason = "it has not as many bytes as its shape and type take"
    return Problem("CS112", f"{what} is damaged ({reason})", _AGAIN)
