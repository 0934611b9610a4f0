"""Images as they come, and the raw ones that they become."""

import gzip
import lzma
import random
import struct
import zlib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from dicot.sandbox.nodes.work import formats
from dicot.sandbox.nodes.work.contents import copy

BITS = 16
CLUSTER = 1 << BITS
SIZE = 5 * CLUSTER + 512
ROOM = 1 << 30
NOISE = random.Random(4).randbytes(CLUSTER)
TEXT = b"what is repeated can be packed. " * (CLUSTER // 32)


def qcow2(version: int = 3, **changed: int) -> bytes:
    """An image of five clusters and a half: nothing, noise, text that is packed, nothing, zeros, noise again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(TEXT) + packer.flush()
    table, inner, first, second = (number * CLUSTER for number in (1, 2, 3, 4))
    sectors = (len(packed) + 511) // 512 - 1
    entries = [0, first, 1 << 62 | sectors << (62 - (BITS - 8)) | second, 0, 1, first]
    fields = {"backing": 0, "size": SIZE, "crypt": 0, "features": 0} | changed
    head = struct.pack(
        ">4sIQIIQIIQ",
        b"QFI\xfb",
        version,
        fields["backing"],
        0,
        BITS,
        fields["size"],
        fields["crypt"],
        1,
        table,
    )
    head += bytes(24) + struct.pack(">Q", fields["features"]) + bytes(24)
    parts = (head, struct.pack(">Q", 1 << 63 | inner), struct.pack(">6Q", *entries), NOISE, packed)
    return b"".join(part.ljust(CLUSTER, b"\0") for part in parts)


DISK = bytes(CLUSTER) + NOISE + TEXT + bytes(2 * CLUSTER) + NOISE[:512]


class Formats(SynchronousTestCase):
    """What becomes of the bytes of an image."""

    def become(self, content: bytes, room: int = ROOM) -> bytes:
        """The raw image of these bytes."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        formats.raw(path, room)
        return path.read_bytes()

    def refused(self, content: bytes, room: int = ROOM) -> str:
        """Why these bytes are no image; nothing is left beside them."""
        path = Path(self.mktemp())
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        found = self.assertRaises(formats.Unusable, formats.raw, path, room)
        self.assertEqual(
            [each.name for each in path.parent.iterdir() if each.name.startswith(path.name)], [path.name]
        )
        return str(found)

    def test_a_raw_one_stays_as_it_is(self) -> None:
        self.assertEqual(self.become(NOISE), NOISE)
        self.assertEqual(self.become(b""), b"")

    def test_packed_ones_are_unpacked(self) -> None:
        for pack in (gzip.compress, lzma.compress):
            self.assertEqual(self.become(pack(DISK)), DISK)

    def test_qcow2_is_converted(self) -> None:
        self.assertEqual(self.become(qcow2()), DISK)
        self.assertEqual(self.become(gzip.compress(qcow2(version=2))), DISK)

    def test_what_is_too_large(self) -> None:
        """Of a packed one the size is not known before there is no space left."""
        larger = f"virtual image size {SIZE} is larger than the reported available storage {SIZE - 1}."
        for content, why in (
            (DISK, f"{larger} A larger PVC is required"),
            (qcow2(), f"{larger} A larger PVC is required"),
            (gzip.compress(DISK), "unable to write to file: write /scratch/tmpimage: no space left on device"),
        ):
            self.assertEqual(self.refused(content, SIZE - 1), why)
            self.assertEqual(self.become(content, SIZE), DISK)

    def test_what_is_promised(self) -> None:
        """Before anything is converted."""
        path = Path(self.mktemp())
        path.write_bytes(qcow2())
        formats.promise(path, SIZE)
        self.assertRaises(formats.TooLarge, formats.promise, path, SIZE - 1)
        path.write_bytes(NOISE)
        formats.promise(path, CLUSTER)
        self.assertRaises(formats.TooLarge, formats.promise, path, CLUSTER - 1)

    def test_what_is_damaged(self) -> None:
        self.assertIn("unable to unpack", self.refused(gzip.compress(NOISE)[:-9]))
        self.assertIn("unable to unpack", self.refused(lzma.compress(NOISE)[:-9]))
        self.assertIn("header is too short", self.refused(qcow2()[:40]))
        self.assertIn("Conversion to Raw failed", self.refused(qcow2()[: CLUSTER + 4]))

    def test_what_is_not_known_here(self) -> None:
        self.assertIn("backing file", self.refused(qcow2(backing=512)))
        for other in ({"crypt": 1}, {"features": 1 << 3}, {"version": 4}):
            self.assertIn("not part of the sandbox", self.refused(qcow2(**other)))
        self.assertIn("format vmdk", self.refused(b"KDMV" + NOISE))


class Copies(SynchronousTestCase):
    """Files with holes."""

    def test_a_copy_has_the_same_bytes_and_holes(self) -> None:
        source, target = Path(self.mktemp()), Path(self.mktemp())
        with source.open("wb") as written:
            written.seek(1 << 24)
            written.write(NOISE)
            written.truncate(1 << 28)
        target.write_bytes(b"")
        copy(source, target)
        self.assertEqual(target.stat().st_size, 1 << 28)
        self.assertLess(target.stat().st_blocks * 512, 1 << 20)
        with target.open("rb") as read:
            read.seek((1 << 24) - 1)
            self.assertEqual(read.read(CLUSTER + 2), b"\0" + NOISE + b"\0")
