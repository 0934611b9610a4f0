"""Images as they come: packed by gzip or xz, or as qcow2. On a volume they are raw, as CDI has it (pkg/importer)."""

import errno
import gzip
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_BLOCK = 1 << 20
_QCOW2 = b"QFI\xfb"
_OFFSET = 0x00FF_FFFF_FFFF_FE00
"""The bits of an entry of qcow2's tables that say where something is (docs/interop/qcow2.txt of QEMU)."""
_COMPRESSED, _ZERO = 1 << 62, 1
_Packed = gzip.GzipFile | lzma.LZMAFile
_PACKED: Mapping[bytes, Callable[[Path], _Packed]] = {b"\x1f\x8b": gzip.GzipFile, b"\xfd7zXZ\x00": lzma.LZMAFile}
NO_SPACE = "unable to write to file: write /scratch/tmpimage: no space left on device"
"""What is said of an image that turns out to be too large while it is unpacked."""
_FOREIGN = {b"\x28\xb5\x2f\xfd": "zst", b"KDMV": "vmdk", b"conectix": "vhd", b"vhdxfile": "vhdx"}


class Unusable(Exception):
    """An image cannot be put on a volume; the text is what CDI's worker says."""


class TooLarge(Unusable):
    """The volume has not got that much room."""


def raw(path: Path, room: int) -> None:
    """Turn an image into the raw one, in place. Raises Unusable for one that is damaged, of a format that is not
    known here, or larger than ``room`` bytes."""
    for magic, open_ in _PACKED.items():
        if _head(path).startswith(magic):
            _unpack(path, open_, room)
    head = _head(path)
    foreign = next((name for magic, name in _FOREIGN.items() if head.startswith(magic)), "")
    if foreign:
        raise Unusable(f"images of format {foreign} are not part of the sandbox")
    if head.startswith(_QCOW2):
        _convert(path, room)
    _check(path.stat().st_size, room)


def larger(size: int, room: int) -> TooLarge:
    """That an image is larger than the room there is for it, as CDI says it once qemu-img knows the size."""
    text = f"virtual image size {size} is larger than the reported available storage {room}."
    return TooLarge(f"{text} A larger PVC is required")


def promise(path: Path, room: int) -> None:
    """Look whether an image fits, as far as its head tells. Raises Unusable."""
    with path.open("rb") as found:
        packed = found.read(4) == _QCOW2
        found.seek(0)
        size = _Header.read(found).size if packed else path.stat().st_size
    _check(size, room)


def extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data: from, to. The rest of it are holes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end


def _head(path: Path) -> bytes:
    with path.open("rb") as found:
        return found.read(16)


def _check(size: int, room: int) -> None:
    """Raises TooLarge."""
    if size > room:
        raise larger(size, room)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".raw")


@contextmanager
def _rewritten(path: Path, damage: tuple[type[Exception], ...], complaint: str) -> Iterator[IO[bytes]]:
    """A file to write, which then is in the place of another; nothing is left of it where that was not to be.

    Raises Unusable with the complaint where the other is damaged.
    """
    target = _beside(path)
    try:
        with target.open("wb") as written:
            yield written
    except damage as error:
        target.unlink(missing_ok=True)
        raise Unusable(f"{complaint}: {error}") from None
    except Unusable:
        target.unlink(missing_ok=True)
        raise
    target.replace(path)


def _unpack(path: Path, open_: Callable[[Path], _Packed], room: int) -> None:
    size = 0
    with (
        _rewritten(path, (OSError, EOFError, lzma.LZMAError, zlib.error), "unable to unpack") as written,
        open_(path) as packed,
    ):
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > room:
                raise TooLarge(NO_SPACE)
            _put(written, block)
        written.truncate(size)


def _put(written: IO[bytes], block: bytes) -> None:
    """Write a block; nothing but zeros becomes a hole."""
    if block.count(0) == len(block):
        written.seek(len(block), os.SEEK_CUR)
    else:
        written.write(block)


@dataclass(frozen=True, slots=True)
class _Header:
    """What is read of the head of a qcow2 image."""

    bits: int
    size: int
    entries: int
    table: int

    @classmethod
    def read(cls, file: IO[bytes]) -> "_Header":
        """Raises Unusable."""
        head = file.read(104)
        if len(head) < 72:
            raise Unusable("Image is invalid: its header is too short")
        version, backing, _, bits, size, crypt, entries, table = struct.unpack(">IQIIQIIQ", head[4:48])
        features = struct.unpack(">Q", head[72:80])[0] if version == 3 and len(head) >= 80 else 0
        if backing:
            raise Unusable("Image is invalid because it has invalid backing file")
        # Bits 0 and 1 tell of damage; all others change how the image is laid out.
        if version not in (2, 3) or crypt or features >> 2 or not 9 <= bits <= 21:
            raise Unusable("qcow2 images of this kind are not part of the sandbox")
        return cls(bits, size, entries, table)


def _convert(path: Path, room: int) -> None:
    with (
        _rewritten(path, (struct.error, zlib.error, OSError), "Conversion to Raw failed") as written,
        path.open("rb") as file,
    ):
        header = _Header.read(file)
        _check(header.size, room)
        for at, cluster in _clusters(file, header):
            written.seek(at)
            written.write(cluster[: header.size - at])
        written.truncate(header.size)


def _clusters(file: IO[bytes], header: _Header) -> Iterator[tuple[int, bytes]]:
    """Where in the disk each cluster is that holds anything, and what."""
    length = 1 << header.bits
    each = length // 8
    for first, outer in enumerate(_table(file, header.table, header.entries)):
        if not outer & _OFFSET:
            continue
        for second, inner in enumerate(_table(file, outer & _OFFSET, each)):
            at = (first * each + second) << header.bits
            if at >= header.size:
                return
            found = _cluster(file, inner, header.bits)
            if found is not None:
                yield at, found


def _table(file: IO[bytes], at: int, entries: int) -> tuple[int, ...]:
    file.seek(at)
    return struct.unpack(f">{entries}Q", file.read(entries * 8))


def _cluster(file: IO[bytes], entry: int, bits: int) -> bytes | None:
    length = 1 << bits
    if entry & _COMPRESSED:
        shift = 62 - (bits - 8)
        at = entry & ((1 << shift) - 1)
        sectors = ((entry & (_COMPRESSED - 1)) >> shift) + 1
        file.seek(at)
        packed = file.read(sectors * 512 - at % 512)
        return zlib.decompressobj(-12).decompress(packed, length)
    if entry & _ZERO or not entry & _OFFSET:
        return None
    file.seek(entry & _OFFSET)
    return file.read(length)
