"""Write several arrays side by side into one .npz, batch by batch.

All sizes are known beforehand, so that every member has its place from the start and batches
go where they belong; checksums are filled in at the end. Members are stored, not compressed,
as by numpy.savez. Layout: PKWARE APPNOTE 4.3, with ZIP64 where a number needs it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from speccompiler.arrays.element_types import FLOAT32
from speccompiler.arrays.npy_output import ArrayOutput, stored_bytes
from speccompiler.files import atomic_output
from speccompiler.frozen import dataclass
from speccompiler.system.unfinished_files import write_all

LARGE = 0xFFFFFFFF
"""What stands in a field of 32 bits whose number is in the ZIP64 record."""
UTF8, VERSION, VERSION_64 = 0x800, 20, 45
DAY = 0x21
"""1980-01-01: the same outputs give the same file."""


@dataclass(slots=True)
class _Member:
    """Where a member's bytes go, and their checksum so far."""

    name: bytes
    size: int
    header: int
    """Offset of its local header."""
    file: FileIO | None = None
    """None until the archive is opened: until then only sizes are needed."""
    checksum: int = 0
    position: int = 0

    @property
    def large(self) -> bool:
        return self.size >= LARGE

    @property
    def data(self) -> int:
        """Offset of its bytes."""
        return self.header + 30 + len(self.name) + (20 if self.large else 0)

    def write(self, data: memoryview, /) -> int | None:
        """The next bytes."""
        assert self.file is not None, "a member that is written has its file"
        self.file.seek(self.data + self.position)
        count = self.file.write(data)
        self.checksum = zlib.crc32(data[:count], self.checksum)
        self.position += count
        return count

    def local_header(self) -> bytes:
        """What stands in front of its bytes."""
        size = LARGE if self.large else self.size
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.size) if self.large else b""
        return (
            struct.pack(
                "<IHHHHHIIIHH", 0x04034B50, VERSION_64 if self.large else VERSION, UTF8, 0, 0, DAY,
                self.checksum, size, size, len(self.name), len(extra),
            )
            + self.name + extra
        )  # fmt: skip

    def directory_entry(self) -> bytes:
        """What the archive's directory says of it."""
        numbers = [self.size, self.size] if self.large else []
        numbers += [self.header] if self.header >= LARGE else []
        size, offset = (min(number, LARGE) for number in (self.size, self.header))
        extra = b""
        if numbers:
            extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers)
        version = VERSION_64 if numbers else VERSION
        return (
            struct.pack(
                "<IHHHHHHIIIHHHHHII", 0x02014B50, version, version, UTF8, 0, 0, DAY, self.checksum,
                size, size, len(self.name), len(extra), 0, 0, 0, 0o600 << 16, offset,
            )
            + self.name + extra
        )  # fmt: skip


@contextmanager
def create_archive(
    target: Path, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[dict[str, ArrayOutput]]:
    """A sink for each array; the file appears under its name when all are complete.

    CS120 and CS121, raised on entering, while writing, or on leaving the ``with`` block.
    """
    sizes = {name: stored_bytes(shape, FLOAT32) for name, shape in shapes.items()}
    members, whole = _placed(sizes)
    with atomic_output.atomic_file(target, whole) as file:
        for member in members:
            member.file = file
        outputs = {
            name: ArrayOutput(member, shapes[name], FLOAT32)
            for name, member in zip(shapes, members, strict=True)
        }
        yield outputs
        for output in outputs.values():
            output.check_complete()
        try:
            for member in members:
                file.seek(member.header)
                write_all(file, member.local_header())
            last = members[-1]
            file.seek(last.data + last.size)
            write_all(file, _directory(members))
        except OSError as error:
            raise atomic_output.write_failure(error, "all samples") from None


def _placed(sizes: Mapping[str, int]) -> tuple[list[_Member], int]:
    """The members one after another, and the size of the whole archive."""
    members: list[_Member] = []
    start = 0
    for name, size in sizes.items():
        member = _Member(f"{name}.npy".encode(), size, start)
        members.append(member)
        start = member.data + size
    return members, start + len(_directory(members))


def _directory(members: list[_Member]) -> bytes:
    """What stands at the end of the archive."""
    entries = b"".join(member.directory_entry() for member in members)
    start, count = members[-1].data + members[-1].size, len(members)
    end = struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, min(count, 0xFFFF), min(count, 0xFFFF),
        min(len(entries), LARGE), min(start, LARGE), 0,
    )  # fmt: skip
    if start < LARGE and len(entries) < LARGE and count < 0xFFFF:
        return entries + end
    large = struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, VERSION_64, VERSION_64, 0, 0, count, count, len(entries),
        start,
    )  # fmt: skip
    locator = struct.pack("<IIQI", 0x07064B50, 0, start + len(entries), 1)
    return entries + large + locator + end
