"""Read the texts of a ``.keras`` file: a zip archive with the model, its release and its weights.

    config.json          the model, as to_json() writes it
    metadata.json        {"keras_version": .., "date_saved": ..}
    model.weights.h5     the weights, stored without compression
    assets/..            files of layers with tables, which are not read

Nothing is unpacked to disk, and no more of a member is read than a model's text may have. What
Keras never writes is refused: names that lead elsewhere, passwords, other ways of packing.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from speccompiler.diagnostics.wording import quoted
from speccompiler.files.npz_format import (
    METHODS,
    ZIP_ERRORS,
    Archive,
    ArchiveError,
    open_archive,
)
from speccompiler.frozen import dataclass

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
MOST_TEXT = 16 << 20
"""Bytes of a text: as many as a model's file may have."""
_MOST_MEMBERS = 10_000
_DENSEST = 1100
"""The most bytes that a packed byte may stand for; deflate reaches 1032."""
_ENCRYPTED = 0x1
_ELSEWHERE = re.compile(r"^(?:[A-Za-z]:|[\\/])|(?:^|[\\/])\.\.(?:[\\/]|$)|\\|\0")


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """What a ``.keras`` file says of its model."""

    config: str
    keras_version: str | None
    has_weights: bool


def holds_model(path: Path) -> bool:
    """Whether a zip archive has the members of a ``.keras`` file, or is named as one."""
    if path.suffix.lower() == ".keras":
        return True
    try:
        with open_archive(path) as archive:
            return not {CONFIG, METADATA}.isdisjoint(archive.namelist())
    except ArchiveError:
        return False


def read_keras_archive(path: Path) -> KerasArchive:
    """The texts of an archive; ``ArchiveError``, and ``NotOrdinary`` for what is no file."""
    with open_archive(path) as archive:
        check_members(archive.infolist())
        names = archive.namelist()
        if CONFIG not in names:
            raise ArchiveError(f"it holds no {CONFIG}, which is the model")
        config = read_text(archive, CONFIG)
        version = _version(read_text(archive, METADATA)) if METADATA in names else None
        return KerasArchive(config, version, WEIGHTS in names)


def check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    """``ArchiveError`` for members that Keras never writes."""
    if len(members) > _MOST_MEMBERS:
        raise ArchiveError(f"it holds {len(members):,} members, more than any model has")
    for member in members:
        if _ELSEWHERE.search(member.orig_filename):
            raise ArchiveError(f"the name {quoted(member.orig_filename)} leads out of it")
        if member.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{quoted(member.filename)} is locked with a password")
        if member.compress_type not in METHODS:
            raise ArchiveError(f"{quoted(member.filename)} is packed in a way that Keras has not")
        if member.file_size > _DENSEST * (member.compress_size + 1):
            raise ArchiveError(f"{quoted(member.filename)} says that it unpacks to too much")


def read_text(archive: Archive, name: str) -> str:
    """A member as text, at most as long as the text of a model may be."""
    too_long = ArchiveError(f"{name} is longer than {MOST_TEXT >> 20} MiB")
    if archive.getinfo(name).file_size > MOST_TEXT:
        raise too_long
    try:
        with archive.open(name) as member:
            data = member.read(MOST_TEXT + 1)
    except (*ZIP_ERRORS, zipfile.LargeZipFile) as error:
        raise ArchiveError(f"{name} cannot be unpacked ({error})") from None
    if len(data) > MOST_TEXT:
        raise too_long
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ArchiveError(f"{name} is not UTF-8 text") from None


def _version(metadata: str) -> str | None:
    """The release in ``metadata.json``; None where it says none."""
    try:
        found = json.loads(metadata)
    except (ValueError, RecursionError):
        raise ArchiveError(f"{METADATA} is not JSON") from None
    version = found.get("keras_version") if isinstance(found, dict) else None
    return version[:100] if isinstance(version, str) else None
