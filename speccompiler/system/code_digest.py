"""A hash of all of our own code that decides a result: some modules, and whatever they import.

What a cache holds is named by it, so that results of older code are never found by newer code.
The modules are found by following imports, so that no list of them can be out of date. Imports
for type checkers alone are left out, and so is ``speccompiler/__init__.py``, which can import
everything and decides nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import util

from speccompiler import __version__

ROOT = __name__.partition(".")[0]
_IMPORT = re.compile(
    r"\n[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+"
    r"(\((?:[^)#]|#[^\n]*)*\)|[^\n#]*)|import[ \t]+([^\n#]*))"
)
_COMMENT = re.compile("#[^\n]*")
_FOR_TYPES = re.compile(r"\nif TYPE_CHECKING:(?:\n[ \t]+[^\n]*|\n(?=\n))+")


@cache
def code_digest(*modules: str, alone: tuple[str, ...] = ()) -> str:
    """A digest of modules with all that they import, and of modules that are taken ``alone``.

    Names are full; a name that is no module of ours does not count. Raises ``OSError`` for a
    module that cannot be read.
    """
    found = closure(modules)
    found |= {name: read[0] for name in alone if (read := _read(name)) is not None}
    # Where only byte code is installed, the release has to do.
    digest = hashlib.sha256(b"" if found else __version__.encode())
    for name, source in sorted(found.items()):
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def closure(modules: tuple[str, ...]) -> dict[str, bytes]:
    """The texts of these modules and of all modules of ours that they import, by name."""
    return {name: source for name, (source, _, _) in _closure(modules).items()}


def source_files(modules: tuple[str, ...]) -> dict[str, str]:
    """The files of the same modules, by name."""
    return {name: file for name, (_, _, file) in _closure(modules).items()}


_Read = tuple[bytes, tuple[str, ...], str]
"""A module's source, what it imports, and its file."""


def _closure(modules: tuple[str, ...]) -> dict[str, _Read]:
    found: dict[str, _Read] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and (read := _read(name)) is not None:
            found[name] = read
            waiting += read[1]
    return found


@cache
def _read(module: str) -> _Read | None:
    """A module's source, imports and file; None for a name that is no module.

    Raises ``OSError`` where a file is there and cannot be read: what is left out of a digest for
    once would give the results of other code for good.
    """
    package, _, last = module.rpartition(".")
    folder = _folder(package) if package else None
    if folder is None:
        return None
    for path, of in ((f"{last}.py", package), (os.path.join(last, "__init__.py"), module)):
        name = os.path.join(folder, path)
        try:
            with open(name, "rb") as file:
                source = file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return source, tuple(imports(source.decode(), of)), name
    return None


@cache
def _folder(package: str) -> str | None:
    """The folder of a package; None for a module, which has none."""
    outer, _, last = package.rpartition(".")
    if outer:
        around = _folder(outer)
        inside = None if around is None else os.path.join(around, last)
        if inside is None or os.path.isdir(inside):
            return inside
        if outer != ROOT or os.path.exists(f"{inside}.py"):
            return None
    # An editable install has two of the packages elsewhere.
    with suppress(ImportError):
        spec = util.find_spec(package)
        places = None if spec is None else spec.submodule_search_locations
        return next(iter(places), None) if places else None
    return None


def imports(text: str, package: str) -> Iterator[str]:
    """Every name that a module in ``package`` imports from our packages, also inside functions."""
    for source, names, plain in _IMPORT.findall(_FOR_TYPES.sub("", f"\n{text}")):
        if plain:
            found = [name.split()[0] for name in plain.split(",") if name.strip()]
        else:
            if not source.startswith((ROOT, ".")):
                continue
            level = len(source) - len(source.lstrip("."))
            outer = package.split(".")[: package.count(".") + 2 - level] if level else []
            base = ".".join([*outer, *filter(None, [source[level:]])])
            # A name may be a module of the package that it is imported from.
            listed = _COMMENT.sub("", names).strip("() ").split(",")
            inner = [name.split()[0] for name in listed if name.strip()]
            found = [base, *(f"{base}.{name}" for name in inner)]
        yield from (name for name in found if name.startswith(f"{ROOT}."))
