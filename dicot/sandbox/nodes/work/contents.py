"""What volumes hold: a file for each, all in one folder. Holes in a file cost nothing and are copied as holes."""

import os
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import BinaryIO

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from .formats import extents

_STEP = 1 << 26
"""Bytes that are copied at a time."""


class Contents:
    """The files of all volumes of a cluster, by the volumes' names. ``reactor`` has the threads that copy."""

    def __init__(self, folder: Path, reactor: object) -> None:
        self.folder = folder
        self._reactor = reactor
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, volume: str) -> Path:
        """The file of a volume, which may not be there yet."""
        return self.folder / volume

    def scratch(self, volume: str) -> Path:
        """A file for what is on its way into a volume; nobody has it but who fills that volume."""
        return self.folder / f".{volume}.new"

    def put(self, scratch: Path, volume: str, size: int) -> None:
        """Make a file the content of a volume, no shorter than ``size`` bytes."""
        with scratch.open("r+b") as found:
            found.truncate(max(size, scratch.stat().st_size))
        scratch.replace(self.path(volume))

    def write(self, volume: str, content: bytes, size: int) -> None:
        """Let a volume hold these bytes, and nothing behind them up to ``size``."""
        scratch = self.scratch(volume)
        scratch.write_bytes(content)
        self.put(scratch, volume, size)

    def copy(self, source: str, target: str, size: int = 0) -> Deferred[None]:
        """Let a volume hold what another holds at this moment, and be no shorter than ``size``. A volume that nobody
        has written to is empty."""
        scratch = self.scratch(target)
        return self._run(lambda: self._copied(self.path(source), scratch, target, size))

    def copy_all(self, pairs: Sequence[tuple[str, str]]) -> Deferred[None]:
        """Let volumes hold what others hold at this moment, which is the same for all of them."""
        # What is written to a volume takes the place of its file: those that are open stay as they are now.
        opened = [(self.path(source).open("rb") if self.path(source).exists() else None, to) for source, to in pairs]
        return self._run(lambda: self._copied_all(opened))

    def grow(self, volume: str, size: int) -> None:
        """Let a volume that holds something be no shorter than that, with nothing behind what it holds."""
        path = self.path(volume)
        if path.exists() and path.stat().st_size < size:
            os.truncate(path, size)

    def drop(self, volume: str) -> None:
        """A volume is gone, with what it held."""
        self.path(volume).unlink(missing_ok=True)
        self.scratch(volume).unlink(missing_ok=True)

    def _run(self, work: object) -> Deferred[None]:
        pool = self._reactor.getThreadPool()  # type: ignore[attr-defined]
        done: Deferred[None] = deferToThreadPool(self._reactor, pool, work)  # type: ignore[arg-type]
        return done

    def _copied(self, source: Path, scratch: Path, target: str, size: int) -> None:
        scratch.write_bytes(b"")
        if source.exists():
            copy(source, scratch)
        self.put(scratch, target, size)

    def _copied_all(self, opened: Sequence[tuple[BinaryIO | None, str]]) -> None:
        with ExitStack() as files:
            for source, _ in opened:
                files.enter_context(source or nullcontext())
            for source, target in opened:
                scratch = self.scratch(target)
                scratch.write_bytes(b"")
                if source is not None:
                    _pass_on(source, scratch)
                self.put(scratch, target, 0)


def copy(source: Path, target: Path) -> None:
    """Copy the bytes of a file into one that is there, holes as holes."""
    with source.open("rb") as read:
        _pass_on(read, target)


def _pass_on(read: BinaryIO, target: Path) -> None:
    with target.open("r+b") as written:
        size = os.fstat(read.fileno()).st_size
        written.truncate(size)
        for start, end in extents(read.fileno(), size):
            while start < end:
                start += _passed_on(read.fileno(), written.fileno(), start, min(_STEP, end - start))


def _passed_on(read: int, written: int, start: int, count: int) -> int:
    os.lseek(written, start, os.SEEK_SET)
    return os.sendfile(written, read, start, count)
